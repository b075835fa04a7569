"""All chats of a data directory, and one chat: its log, its workspace, its turns."""

from __future__ import annotations

import asyncio
import builtins
import re
import secrets
import shutil
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ChatIDEError, ConflictError, InvalidRequestError, NotFoundError
from ..paths import default_data_dir, private_dir
from . import events as ev
from .log import EventLog, LogError
from .run import ActionRun
from .state import LOG_DAMAGED, ChatState, fresh_id, shorten_line
from .turn import Turn

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..runtime import Runtime, Workspace

PROMPT_CHARS = 200_000
TITLE_CHARS = 60
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ChatInfo(msgspec.Struct, frozen=True):
    """What a list of chats shows of one. Times are seconds since 1970."""

    id: str
    title: str
    created: float
    modified: float
    model: str
    running: bool = False


class Chats:
    """The chats under ``data_dir/chats``.

    Args:
        gateway: who asks the models.
        runtime: who runs the code.
        data_dir: where chats are kept; the ``chatide`` folder of Jupyter's data directory
            unless given.
    """

    def __init__(self, gateway: Gateway, runtime: Runtime, data_dir: Path | None = None) -> None:
        self.gateway = gateway
        self.runtime = runtime
        self._folder = (data_dir or default_data_dir()) / "chats"
        self._open: dict[str, Chat] = {}
        self._loading = threading.Lock()
        self._going: set[str] = set()  # being deleted

    def create(self, title: str = "", *, workspace: Path | None = None) -> Chat:
        """Start a chat.

        Args:
            title: what the list shows; the first prompt unless given.
            workspace: a directory to work in, instead of one of the chat's own. It is never
                removed with the chat.

        Raises:
            InvalidRequestError: the title is longer than 200 characters.
            LogError: it could not be written.
        """
        title = _title(title) if title else ""
        id = secrets.token_hex(8)
        where = str(workspace.resolve()) if workspace else ""
        try:
            private_dir(self._folder.parent)
            folder = private_dir(private_dir(self._folder) / id)
            log = EventLog.create(folder / "log.jsonl", id, workspace=where)
        except OSError as error:
            raise LogError(
                f"No chat could be made in {self._folder}: {error.strerror}.",
                "Make room there, or set the folder's permissions.",
            ) from error
        chat = self._open[id] = Chat(self, folder, log)
        if title:
            chat.rename(title)
        chat.save_info()
        return chat

    async def get(self, id: str) -> Chat:
        """Open a chat; nothing in it runs again.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: another process has it open.
            LogError: its log cannot be read.
        """
        path = self._path(id)
        if chat := self._open.get(id):
            return chat
        return await asyncio.to_thread(self._load, path)

    async def list(self, search: str = "") -> list[ChatInfo]:
        """The chats whose title contains ``search`` (in any case), the last used first."""
        infos = await asyncio.to_thread(self._infos)
        found = [info for info in infos if search.casefold() in info.title.casefold()]
        return sorted(found, key=lambda info: info.modified, reverse=True)

    def running(self) -> builtins.list[str]:
        """The ids of the chats in which a turn or a run goes on."""
        # A copy: a thread may be opening another chat.
        return [chat.id for chat in list(self._open.values()) if chat.running]

    async def delete(self, id: str) -> None:
        """Stop what runs in a chat, then remove it with its workspace.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: another process has it open.
            LogError: its folder cannot be removed.
        """
        folder = self._path(id)
        chat = None
        with suppress(LogError):  # one that cannot be read can be removed
            chat = await self.get(id)
        folder = self._path(id)  # nobody else deleted it meanwhile
        self._going.add(id)  # nobody opens it again while it goes
        try:
            if chat:
                await chat.aclose()
            # Renamed first: what a crash leaves half removed is not taken for a chat.
            grave = folder.with_name(f".deleted-{id}-{secrets.token_hex(4)}")
            folder.rename(grave)
        except FileNotFoundError:
            raise NotFoundError("There is no such chat.", "It was deleted already.") from None
        except OSError as error:
            raise LogError(
                f"The chat could not be removed: {error.strerror}.",
                "Check the permissions of its folder.",
            ) from error
        finally:
            self._going.discard(id)
        await asyncio.to_thread(shutil.rmtree, grave, ignore_errors=True)

    async def aclose(self) -> None:
        """Stop and close every open chat. Safe to call twice."""
        await asyncio.gather(*(chat.aclose() for chat in list(self._open.values())))

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id) or id in self._going:
            raise NotFoundError("There is no such chat.", "It may have been deleted.")
        return self._folder / id

    def _load(self, folder: Path) -> Chat:
        """Open a chat's log. Blocks: call in a thread."""
        with self._loading:
            if chat := self._open.get(folder.name):
                return chat
            path = folder / "log.jsonl"
            if not path.is_file():
                raise NotFoundError("There is no such chat.", "It may have been deleted.")
            log = EventLog(path)
            try:
                chat = self._open[folder.name] = Chat(self, folder, log)
            except BaseException:
                log.close()  # or it would be said to be open elsewhere
                raise
            return chat

    def _infos(self) -> builtins.list[ChatInfo]:
        folders = (path.parent for path in self._folder.glob("*/log.jsonl"))
        found = (self._info(folder) for folder in folders if _ID.fullmatch(folder.name))
        return [info for info in found if info]

    def _info(self, folder: Path) -> ChatInfo | None:
        if chat := self._open.get(folder.name):
            return chat.info()
        try:
            return msgspec.json.decode((folder / "meta.json").read_bytes(), type=ChatInfo)
        except (OSError, msgspec.MsgspecError):
            pass  # it is derived: the log says it all
        try:
            chat = self._load(folder)
            chat.save_info()
            return chat.info()
        except (OSError, ChatIDEError):
            return None

    def forget(self, chat: Chat) -> None:
        """Take a closed chat out of the open ones."""
        if self._open.get(chat.id) is chat:
            del self._open[chat.id]


class Chat:
    """One conversation. Made by ``Chats.create`` and ``Chats.get``."""

    def __init__(self, chats: Chats, folder: Path, log: EventLog) -> None:
        self.id = folder.name
        self.gateway = chats.gateway
        self.log = log
        self.state = ChatState()
        self._chats = chats
        self._folder = folder
        self._workspace: Workspace | None = None
        self._workspace_lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._stops = 0
        for event in log.read_all():
            with suppress(KeyError):  # a damaged line has taken what this one goes on with
                self.state.apply(event)
        self._recover()

    @property
    def running(self) -> bool:
        """Whether a turn or a run goes on."""
        return bool(self._tasks)

    def info(self) -> ChatInfo:
        return ChatInfo(
            id=self.id,
            title=self.state.title,
            created=self.log.header.created,
            modified=self.state.modified or self.log.header.created,
            model=self.state.model,
            running=self.running,
        )

    def rename(self, title: str) -> None:
        """Give the chat a title.

        Raises:
            InvalidRequestError: it is empty or longer than 200 characters.
        """
        self.emit(ev.ChatRenamed(title=_title(title)))
        self.save_info()

    async def start_turn(
        self, prompt: str, *, model: str = "", mode: ev.Mode = "build", key: str = ""
    ) -> str:
        """Ask. The turn goes on by itself; follow it with ``events``.

        Args:
            prompt: what the person wrote.
            model: ``provider/model``; the chat's last one, or the gateway's default, unless given.
            mode: ``build`` runs the reply's code, ``ask`` runs nothing.
            key: an idempotency key: the same key again gives the same turn.

        Returns:
            The turn's id.

        Raises:
            InvalidRequestError: the prompt is empty or too long, or the model has no provider.
            ConflictError: a turn is already going on, or the chat was stopped or closed before
                this one began.
        """
        if key and key in self.state.keys:
            return self.state.keys[key]
        if not prompt.strip() or len(prompt) > PROMPT_CHARS:
            raise InvalidRequestError(
                f"prompt: 1 to {PROMPT_CHARS:,} characters.", "Write a shorter prompt."
            )
        await self._after_stop()
        stops = self._stops
        model = model or self.state.model or await self.gateway.resolve_default_model()
        if not all(model.partition("/")):
            raise InvalidRequestError(
                f"model: {model!r} is not named provider/model.", "Pick a model from the list."
            )
        if key and key in self.state.keys:  # the same request, while the default was looked up
            return self.state.keys[key]
        if self._stops != stops:
            raise ConflictError("This was stopped before it began.", "Send it again.")
        if self._turn and not self._turn.done():
            raise ConflictError("This chat is still answering.", "Stop it, or wait for its end.")
        id = fresh_id("t", {turn.id for turn in self.state.turns})
        turn = Turn(self, id, prompt, model, mode, key)
        if not self.state.title:
            self.emit(ev.ChatRenamed(title=shorten_line(prompt, TITLE_CHARS)))
        turn.begin()
        self.save_info()
        self._turn = self._spawn(turn.go())
        return turn.id

    async def run_action(self, action: str) -> str:
        """Run a code block of a reply again, or for the first time.

        Args:
            action: its id.

        Returns:
            The run's id.

        Raises:
            NotFoundError: there is no such action.
            InvalidRequestError: it is not code that can be run.
            ConflictError: the chat is closed.
        """
        await self._after_stop()
        state = self.state.actions.get(action)
        if state is None or not state.closed:
            raise NotFoundError("There is no such code block.", "Reload the chat.")
        run = ActionRun(self, state)
        self._spawn(run.go_alone())
        return run.id

    async def stop(self) -> None:
        """The one Stop: end the model call, the run and its processes; return when all ended."""
        self._stops += 1
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
            self._stopping.add_done_callback(lambda _: setattr(self, "_stopping", None))
        await asyncio.shield(self._stopping)

    async def wait_idle(self) -> None:
        """Return when no turn and no run goes on."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def read(self, after: int = 0) -> list[ev.AnyEvent]:
        """All events so far after number ``after``."""
        return self.log.read_all(after)

    def events(self, after: int = 0) -> AsyncIterator[list[ev.AnyEvent]]:
        """Batches of events after number ``after``, then live until the chat closes."""
        return self.log.follow(after)

    @property
    def workspace_path(self) -> Path:
        """The directory that this chat's code works in (it may not exist yet)."""
        return Path(self.log.header.workspace or self._folder / "workspace")

    async def workspace(self) -> Workspace:
        """The chat's workspace; made when first asked for."""
        async with self._workspace_lock:
            if self._workspace is None:
                path = self.workspace_path
                if not self.log.header.workspace:
                    private_dir(path)
                self._workspace = await self._chats.runtime.create_workspace(path)
            return self._workspace

    def warm(self) -> None:
        """Start the sandbox while the model thinks; a failure shows when code is run."""

        async def start() -> None:
            with suppress(ChatIDEError):
                await (await self.workspace()).start()

        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(start())

    def emit(self, event: ev.AnyEvent) -> None:
        """Write an event to the log, and apply it.

        Raises:
            LogError: it could not be written.
        """
        self.state.apply(self.log.append(event))

    def save_info(self) -> None:
        """Write ``meta.json``, which lists are made from."""
        info = msgspec.structs.replace(self.info(), running=False)
        path = self._folder / "meta.json"
        fresh = path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(info))
            fresh.replace(path)
        except OSError:  # it is derived: without it, it is made from the log
            with suppress(OSError):
                path.unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Stop what runs, end the sandbox, close the log. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await self.stop()
            if self._warming is not None:
                await asyncio.wait([self._warming])
            if self._workspace is not None:
                await self._workspace.close()
        finally:
            self.save_info()
            self.log.close()
            self._chats.forget(self)

    async def _after_stop(self) -> None:
        """Let a Stop come to its end: what begins in the midst of it would be stopped unseen.

        Raises:
            ConflictError: the chat is closed.
        """
        if self._stopping is not None:
            await asyncio.shield(self._stopping)
        if self._closing is not None:
            raise ConflictError("This chat is closed.", "Open it again.")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._workspace is not None:
            # Finished cells may have left processes behind.
            await self._workspace.interrupt()

    def _recover(self) -> None:
        """Close what the end of a server left open, and say what the log has lost."""
        if self.log.torn or (self.log.damaged and not self.state.damage_told):
            self.emit(
                ev.Notice(
                    level="warning",
                    code=LOG_DAMAGED,
                    message="A part of this chat could not be read and is left out.",
                    hint="The rest is complete.",
                )
            )
        for run in list(self.state.runs.values()):
            if not run.status:
                self.emit(ev.RunFinished(run=run.id, status="lost"))
        for turn in self.state.turns:
            if turn.status:
                continue
            for reply in turn.replies:
                if not reply.finished:
                    self.emit(ev.ReplyFinished(reply=reply.id, reason="interrupted"))
            self.emit(ev.TurnFinished(turn=turn.id, status="interrupted"))


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not title or len(title) > 200:
        raise InvalidRequestError("title: 1 to 200 characters.", "Give another title.")
    return title
