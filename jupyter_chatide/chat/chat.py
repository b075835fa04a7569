"""One chat: its log, its workspace, its turns and runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ..errors import ChatIDEError, ConflictError, InvalidRequestError, NotFoundError
from ..paths import private_dir
from . import events as ev
from .log import EventLog
from .reply import BROKEN_OFF, CUT_SHORT
from .run import ActionRun
from .state import LOG_DAMAGED, ChatState, fresh_id, shorten_line
from .turn import Turn
from .writer import is_whole

if TYPE_CHECKING:
    from ..runtime import Workspace
    from .chats import Chats

PROMPT_CHARS = 200_000
TITLE_CHARS = 60


class ChatInfo(msgspec.Struct, frozen=True):
    """What a list of chats shows of one. Times are seconds since 1970.

    ``fallback`` is the chat's own chain of models, ``None`` the default one. ``unreadable`` says
    why the chat cannot be opened, and is ``""`` where it can.
    """

    id: str
    title: str
    created: float
    modified: float
    model: str
    running: bool = False
    fallback: list[str] | None = None
    unreadable: str = ""


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
            fallback=self.state.fallback,
        )

    def rename(self, title: str) -> None:
        """Give the chat a title.

        Raises:
            InvalidRequestError: it is empty or longer than 200 characters.
        """
        self.emit(ev.ChatRenamed(title=clean_title(title)))
        self.save_info()

    def set_fallback(self, models: list[str] | None) -> None:
        """Choose which models answer when the one that is asked cannot.

        Args:
            models: ``provider/model`` in the order in which they are asked; an empty list falls
                back on none, ``None`` on the default chain.

        Raises:
            InvalidRequestError: one is not named so or is there twice, or there are too many.
        """
        if models is not None:
            _check_chain(models)
        self.emit(ev.FallbackChosen(models=models))
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
            TooBusyError: too many turns go on in other chats.
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
        place = self._chats.places.claim()
        turn = Turn(self, id, place)
        try:
            if not self.state.title:
                self.emit(ev.ChatRenamed(title=shorten_line(prompt, TITLE_CHARS)))
            turn.begin(prompt, model, mode, key)
        except BaseException:
            place.give_back()
            raise
        self.save_info()
        self._turn = self._spawn(turn.go())
        return turn.id

    async def resume_turn(
        self, turn: str, how: Literal["continue", "retry"], model: str = ""
    ) -> None:
        """Have the last turn go on that failed, was stopped or interrupted, or whose reply was cut.

        ``continue`` goes on where it broke off: the text so far stays, and what ran does not run
        again. Where there is no text yet, that is the same as ``retry``, which gives the last
        reply up and asks anew.

        Args:
            turn: its id.
            how: what to do.
            model: ``provider/model`` to ask from here on; the turn's unless given.

        Raises:
            NotFoundError: there is no such turn.
            InvalidRequestError: the model has no provider, or ``how`` is neither.
            PolicyError: that model may not be asked.
            ConflictError: it is not the last turn, it goes on or came to its end, the log has lost
                a part of its reply, or the chat was stopped or closed before it went on.
            TooBusyError: too many turns go on in other chats.
        """
        if how not in ("continue", "retry"):
            raise InvalidRequestError("how: neither continue nor retry.", "Choose one of them.")
        if model and not all(model.partition("/")):
            raise InvalidRequestError(
                f"model: {model!r} is not named provider/model.", "Pick a model from the list."
            )
        if model:  # before the reply is given up for one that would not be answered
            provider, _, name = model.partition("/")
            self.gateway.policy.check(provider, name)
        stops = self._stops
        await self._after_stop()
        if self._stops != stops:
            raise ConflictError("This was stopped before it went on.", "Send it again.")
        if not any(known.id == turn for known in self.state.turns):
            raise NotFoundError("There is no such turn.", "Reload the chat.")
        state = self.state.turns[-1]
        if self._turn and not self._turn.done():
            raise ConflictError("This chat is still answering.", "Stop it, or wait for its end.")
        if state.id != turn:
            raise ConflictError("Only the last turn can go on.", "Send its prompt again.")
        last = state.standing[-1] if state.standing else None
        if state.status == "finished" and (last is None or last.reason not in CUT_SHORT):
            raise ConflictError("This turn came to its end.", "Ask for what is missing.")
        if how == "continue" and last and last.reason in BROKEN_OFF and not is_whole(last):
            raise ConflictError(
                "A part of this reply could not be read, so that it cannot go on.",
                "Try again instead: it is written anew.",
            )
        place = self._chats.places.claim()
        resumed = Turn(self, turn, place)
        try:
            resumed.resume(how, model)
        except BaseException:
            place.give_back()
            raise
        self.save_info()
        self._turn = self._spawn(resumed.go())

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


def clean_title(text: str) -> str:
    """A title on one line.

    Raises:
        InvalidRequestError: it is empty or longer than 200 characters.
    """
    title = " ".join(text.split())
    if not title or len(title) > 200:
        raise InvalidRequestError("title: 1 to 200 characters.", "Give another title.")
    return title


def _check_chain(models: list[str]) -> None:
    from ..gateway.messages import ChatMessage, LLMRequest
    from ..gateway.validation import validate

    # The gateway's own rules: a chain that it would not take fails now, not in the next turn.
    validate(LLMRequest("demo", "demo", [ChatMessage("user", "?")], fallback=models))
    for at, model in enumerate(models):
        if model in models[:at]:
            raise InvalidRequestError(
                f"fallback[{at}]: {model} is in the list twice.", "Take one of them out."
            )
