"""The user's own model files: where they are, kept in ``local_models.json``."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from ...errors import ConflictError
from ...paths import private_dir
from .file_lock import FileLock

_PATIENCE = 5.0  # seconds for another process to finish its change
_LONGEST_ID = 60  # characters


class OwnFile(msgspec.Struct, frozen=True):
    """A file that the user added."""

    id: str
    path: str


class _Register(msgspec.Struct, frozen=True):
    version: int = 1
    models: list[OwnFile] = []


class OwnFiles:
    """What the user added, shared by all processes.

    Args:
        data_dir: the folder of ``local_models.json``.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "local_models.json"

    def all(self) -> list[OwnFile]:
        """All of them; none where the register is damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Register).models
        except (OSError, msgspec.MsgspecError):
            return []

    def add(self, path: Path, taken: Collection[str]) -> OwnFile:
        """Remember a file; one that is known already keeps its id.

        Args:
            path: where it is.
            taken: ids that it must not get.

        Raises:
            ConflictError: another process does not finish its change.
            OSError: the register cannot be written.
        """
        added: list[OwnFile] = []

        def change(models: list[OwnFile]) -> list[OwnFile]:
            for known in models:
                if known.path == str(path):
                    added.append(known)
                    return models
            added.append(
                OwnFile(_free_id(path, {*taken, *(known.id for known in models)}), str(path))
            )
            return [*models, added[0]]

        self._change(change)
        return added[0]

    def forget(self, model: str) -> None:
        """Forget a file. Safe when it is not known.

        Raises:
            ConflictError, OSError: as ``add``.
        """
        self._change(lambda models: [known for known in models if known.id != model])

    def _change(self, change: Callable[[list[OwnFile]], list[OwnFile]]) -> None:
        private_dir(self._path.parent)
        lock = FileLock(self._path.with_suffix(".lock"))
        if not lock.acquire(_PATIENCE):
            raise ConflictError("The list of local models is being changed.", "Try again.")
        try:
            self._keep_damaged()
            self._write(change(self.all()))
        finally:
            lock.release()

    def _keep_damaged(self) -> None:
        """Move a register that cannot be read aside, rather than write over it."""
        try:
            msgspec.json.decode(self._path.read_bytes(), type=_Register)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError):
            self._path.replace(self._path.with_suffix(".json.damaged"))

    def _write(self, models: list[OwnFile]) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(_Register(models=models)))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _free_id(path: Path, taken: Collection[str]) -> str:
    plain = re.sub(r"[^a-z0-9._]+", "-", path.stem.lower()).strip("-._")[:_LONGEST_ID] or "model"
    number, name = 2, plain
    while name in taken:
        number, name = number + 1, f"{plain}-{number}"
    return name
