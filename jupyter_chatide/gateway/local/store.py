"""The local models: those that are recommended, and the user's own."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec

from ...errors import ChatIDEError, ConflictError, InvalidRequestError, NotFoundError
from ...paths import default_data_dir, private_dir
from ..errors import GatewayError, ModelNotFoundError
from ..wire.connections import Connections
from .download import Download, Patience
from .file_lock import FileLock
from .gguf import Header, read_header
from .models import LocalModel, LocalState, RecommendedModel, Serving
from .own_files import OwnFile, OwnFiles
from .partial_file import partial_path, remove_partial, size_of
from .recommended import RECOMMENDED
from .server import ModelServer
from .serving_process import ReadyModel

log = logging.getLogger(__name__)


class _Running(msgspec.Struct, frozen=True):
    """A download of this process."""

    download: Download
    task: asyncio.Task[None]


class LocalModels:
    """The models that this machine can serve, and could fetch.

    Args:
        data_dir: the folder of ``local_models.json``; ``None`` is Jupyter's data directory.
        models_dir: where fetched files go; ``None`` is ``models`` in ``data_dir``.
        catalog: the recommended models.
        patience: how long downloads wait.
        server: what serves the models; ``None`` makes one.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        models_dir: Path | None = None,
        catalog: Sequence[RecommendedModel] = RECOMMENDED,
        patience: Patience | None = None,
        server: ModelServer | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._models_dir = models_dir
        self._catalog = {model.id: model for model in catalog}
        self._patience = patience
        self._connections = Connections()
        self._running: dict[str, _Running] = {}
        self._claiming = asyncio.Lock()
        self._said: dict[str, str] = {}  # how the last download ended, where it did not arrive
        self._headers: dict[tuple[Path, int, int], Header] = {}
        self._closed = False
        self.server = ModelServer() if server is None else server

    def available(self) -> tuple[bool, str]:
        """Whether models can be served here; else why not, and what to do."""
        if find_spec("xllamacpp") is None:
            return False, "Local models need xllamacpp: pip install 'jupyter-chatide[local]'"
        return True, ""

    def serving(self) -> Serving:
        """What is served now."""
        return self.server.serving()

    async def list(self) -> list[LocalModel]:
        """All models: the recommended ones, then the user's own."""
        running = {model: entry.download for model, entry in self._running.items()}
        return await asyncio.to_thread(self._list, running)

    async def get(self, model: str) -> LocalModel:
        """One model.

        Raises:
            NotFoundError: there is none with this id.
        """
        for known in await self.list():
            if known.id == model:
                return known
        raise NotFoundError(f"There is no local model {model!r}.", "Choose one of the list.")

    async def ready(self, model: str) -> ReadyModel:
        """A model that can be served now.

        Raises:
            ModelNotFoundError: there is none with this id, it is not fetched, or its file is gone.
            GatewayError: nothing can be served here.
        """
        available, reason = self.available()
        if not available:
            raise GatewayError("Local models cannot be served here.", reason)
        return await asyncio.to_thread(self._ready, model)

    async def add(self, path: str | Path) -> LocalModel:
        """Add a GGUF file of the user's; it stays where it is. A known one is given back.

        Args:
            path: its full path; ``~`` is the user's home.

        Raises:
            InvalidRequestError: it is none that can be served; the message begins with ``path``.
            ConflictError: another process does not finish its change of the list.
        """
        return await self.get(await asyncio.to_thread(self._add, path))

    async def download(self, model: str) -> LocalModel:
        """Begin to fetch a recommended model, or go on with it, in the background.

        Raises:
            NotFoundError: there is no recommended model with this id.
            ConflictError: it is there already, another process fetches it, or its folder cannot
                be written.
        """
        recommended = self._recommended(model)
        if self._closed:
            raise ConflictError("The gateway is closed.", "Open a new one.")
        # To its end, also when the caller leaves: else a lock might be taken, and forgotten.
        await asyncio.shield(asyncio.create_task(self._begin(recommended)))
        return await self.get(model)

    async def cancel(self, model: str) -> LocalModel:
        """Stop fetching a model; what has arrived is kept. Safe when it is not being fetched.

        Raises:
            NotFoundError: there is none with this id.
        """
        await self._stop(model)
        return await self.get(model)

    async def remove(self, model: str) -> None:
        """Delete a fetched model, or forget a file of the user's.

        A file of the user's is deleted only where it lies in the folder of fetched models.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: another process fetches it, or the file cannot be deleted.
        """
        known = await self.get(model)
        await self._stop(model)
        await self.server.end(model)
        self._said.pop(model, None)
        try:
            await asyncio.to_thread(self._remove, known)
        except OSError as error:
            raise ConflictError(
                f"{known.label} cannot be removed: {error.strerror}.", "Remove its file by hand."
            ) from None

    async def aclose(self) -> None:
        """Stop what is being fetched, and what serves. Safe to call twice."""
        self._closed = True
        for model in builtins.list(self._running):
            await self._stop(model)
        await self.server.aclose()
        await self._connections.aclose()

    # --- fetching -----------------------------------------------------------------------------

    def _claim(self, model: RecommendedModel) -> FileLock:
        """Make sure that only this process fetches the model."""
        path = self._path(model.id)
        if path.exists():
            raise ConflictError(f"{model.label} is here already.", "Ask it something.")
        try:
            if self._models_dir is None:
                private_dir(path.parent)
            else:  # somebody else's folder: its mode is theirs to choose
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._lock(model.id)
            if lock.acquire():
                return lock
        except OSError as error:
            raise ConflictError(
                f"{path.parent} cannot be written: {error.strerror}.", "Choose another folder."
            ) from None
        raise ConflictError(
            f"{model.label} is being fetched by another process.", "Wait for it to finish."
        )

    async def _begin(self, model: RecommendedModel) -> None:
        async with self._claiming:
            if model.id in self._running:
                return
            lock = await asyncio.to_thread(self._claim, model)
            if self._closed:
                lock.release()
                return
            self._fetch(model, lock)

    def _fetch(self, model: RecommendedModel, lock: FileLock) -> None:
        download = Download(model, self._path(model.id), self._connections, self._patience)

        async def fetch() -> None:
            try:
                await download.run()
            except ChatIDEError as error:
                self._said[model.id] = f"{error.message} {error.hint}".strip()
            except Exception:
                log.exception("Fetching %s failed.", model.id)
                self._said[model.id] = (
                    "The download broke off unexpectedly. Download again to go on where it stopped."
                )

        def ended(_: asyncio.Task[None]) -> None:  # also when it was cancelled before it began
            lock.release()
            del self._running[model.id]

        self._said.pop(model.id, None)
        task = asyncio.create_task(fetch())
        task.add_done_callback(ended)
        self._running[model.id] = _Running(download, task)

    async def _stop(self, model: str) -> None:
        if model in self._running:
            task = self._running[model].task
            task.cancel()
            await asyncio.wait([task])

    # --- files; all that follows may block -------------------------------------------------------

    def _list(self, running: dict[str, Download]) -> builtins.list[LocalModel]:
        recommended = [self._described(model, running) for model in self._catalog.values()]
        return recommended + [self._described_own(own) for own in self._own().all()]

    def _described(self, model: RecommendedModel, running: dict[str, Download]) -> LocalModel:
        path = self._path(model.id)
        message = self._said.get(model.id, "")
        size, done = model.size, 0
        state: LocalState = "failed" if message else "absent"
        if (here := size_of(path)) is not None:
            state, size, done, message = "ready", here, here, ""
        elif model.id in running:
            progress = running[model.id].progress
            state, size, done = progress.state, progress.size, progress.done
        elif (part := size_of(partial_path(path))) is not None:
            state, done = "partial", part
            if self._lock(model.id).held_elsewhere():
                state, message = "downloading", "Another process fetches it."
        return LocalModel(
            id=model.id,
            label=model.label,
            size=size,
            license=model.license,
            source=model.url,
            context_window=model.context_window,
            state=state,
            done=done,
            message=message,
            removable=state in ("ready", "partial"),
        )

    def _described_own(self, own: OwnFile) -> LocalModel:
        path = Path(own.path)
        try:
            header = self._header(path)
        except InvalidRequestError as error:
            message = f"{error.message.removeprefix('path: ')} {error.hint}"
            header = None
        return LocalModel(
            id=own.id,
            label=_label(path, header),
            size=0 if header is None else header.file_size,
            license="" if header is None else header.license,
            source=own.path,
            context_window=None if header is None else header.context_window,
            state="ready" if header else "failed",
            done=0 if header is None else header.file_size,
            message="" if header else message,
            removable=True,
            own=True,
        )

    def _ready(self, model: str) -> ReadyModel:
        if model in self._catalog:
            label, path = self._catalog[model].label, self._path(model)
            if not path.exists():
                raise ModelNotFoundError(
                    f"{label} is not on this machine yet.", "Download it in the model panel."
                )
        else:
            for own in self._own().all():
                if own.id == model:
                    label, path = own.id, Path(own.path)
                    break
            else:
                raise ModelNotFoundError(
                    f"There is no local model {model!r}.", "Choose another, or add its file."
                )
        try:
            return ReadyModel(model, label, path, self._header(path))
        except InvalidRequestError as error:
            raise ModelNotFoundError(error.message.removeprefix("path: "), error.hint) from None

    def _add(self, given: str | Path) -> str:
        try:
            path = Path(given).expanduser()
        except RuntimeError:  # no such user
            path = Path(given)
        if not path.is_absolute():
            raise InvalidRequestError(
                "path: it is not a full path.", "Give it from the root on, or from ~ on."
            )
        self._header(path)  # says it when it is none
        try:
            return self._own().add(path, self._catalog).id
        except OSError as error:
            raise ConflictError(
                f"The list of local models cannot be written: {error.strerror}.", "Check the disk."
            ) from None

    def _remove(self, model: LocalModel) -> None:
        if model.own:
            path = Path(model.source)
            if path.parent.resolve() == self._folder().resolve():
                path.unlink(missing_ok=True)
            self._own().forget(model.id)
            return
        lock = self._lock(model.id)
        if not self._folder().exists():
            return
        if not lock.acquire():
            raise ConflictError(
                f"{model.label} is being fetched by another process.", "Stop it there."
            )
        try:
            self._path(model.id).unlink(missing_ok=True)
            remove_partial(self._path(model.id))
        finally:
            lock.release()

    def _header(self, path: Path) -> Header:
        """A file's header, read again only when the file has changed."""
        key = None
        with suppress(OSError, ValueError):
            status = path.stat()
            key = path, status.st_size, status.st_mtime_ns
            if key in self._headers:
                return self._headers[key]
        header = read_header(path)
        if key is not None:
            self._headers[key] = header
        return header

    def _recommended(self, model: str) -> RecommendedModel:
        if model not in self._catalog:
            known = ", ".join(self._catalog)
            raise NotFoundError(
                f"There is no recommended model {model!r}.", f"Choose one of {known}."
            )
        return self._catalog[model]

    def _own(self) -> OwnFiles:
        return OwnFiles(self._data())

    def _data(self) -> Path:
        return self._data_dir or default_data_dir()

    def _folder(self) -> Path:
        return self._models_dir or self._data() / "models"

    def _path(self, model: str) -> Path:
        return self._folder() / f"{model}.gguf"

    def _lock(self, model: str) -> FileLock:
        return FileLock(self._folder() / f"{model}.lock")


def _label(path: Path, header: Header | None) -> str:
    name = "" if header is None else header.name
    return f"{name} ({path.name})" if name else path.name
