"""Carrying out what a reply asks for, one action after the other, as their fences close."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import ChatIDEError
from . import events as ev
from .edits import EditError, apply_edits
from .prompts import repair_of_file, repair_of_run
from .run import ActionRun
from .state import ActionState, ReplyState, RunState, TurnState, shorten_line

if TYPE_CHECKING:
    from ..runtime import Workspace
    from .chat import Chat

PAGES = (".html", ".htm")

# What is understood but not carried out yet: a sentence, and one thing to do.
_NOT_RUN: dict[str, tuple[str, str]] = {
    "pip": (
        "Packages cannot be installed from a chat yet.",
        "Install it in the environment that Jupyter runs in, then run the cells again.",
    ),
    "serve": (
        "Apps cannot be served from a chat yet.",
        "Ask for an HTML page or a plot instead.",
    ),
}


class Failure(Exception):
    """An action failed in a way that the model may mend."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason)
        self.reason = shorten_line(reason, 200)
        self.message = message


class RunInterruptedError(ChatIDEError):
    """Somebody interrupted the kernel, by other means than Stop."""

    code = "interrupted"


class Performer:
    """Carries out the actions of one reply, in order, up to the first that fails."""

    def __init__(self, chat: Chat, turn: TurnState) -> None:
        self._chat = chat
        self._turn = turn
        self._ready: asyncio.Queue[ActionState | None] = asyncio.Queue()
        self._failure: Failure | None = None

    def resume(self, reply: ReplyState) -> None:
        """Begin with what is left of a reply that broke off.

        What came to its end stays as it is; what failed still has to be mended; what was skipped
        or interrupted is carried out.
        """
        for action in reply.actions:
            if self._failure is None and action.complete and not _is_done(action):
                self._failure = _earlier_failure(action)
                if self._failure is None:
                    self.take(action)

    def take(self, action: ActionState) -> None:
        """Carry out an action, after those before it."""
        self._ready.put_nowait(action)

    def end(self) -> None:
        """There will be no more."""
        self._ready.put_nowait(None)

    async def go(self) -> Failure | None:
        """Carry out what is taken, until ``end``; gives what the model may mend.

        Raises:
            ChatIDEError: the sandbox could not start, or somebody interrupted the kernel.
        """
        if self._failure:
            return self._failure
        while action := await self._ready.get():
            if self._turn.mode == "ask" or action.kind == "example":
                continue
            try:
                await self._perform(action)
            except Failure as failure:
                return failure
        return None

    def settle(self, reply: ReplyState) -> None:
        """Say of each action that was to be carried out and was not, that it was skipped."""
        if self._turn.mode == "ask":
            return
        for action in reply.actions:
            if action.settled or action.kind == "example":
                continue
            message = "" if action.complete else "The reply ended before this block did."
            self._chat.emit(ev.ActionFinished(action=action.id, status="skipped", message=message))

    async def _perform(self, action: ActionState) -> None:
        if not action.complete:
            return  # a truncated action is never applied
        match action.kind:
            case "cell" | "shell":
                await self._run(action)
            case "file" | "edit":
                await self._write(action)
            case _:
                message, hint = _NOT_RUN[action.kind]
                self._chat.emit(
                    ev.ActionFinished(
                        action=action.id, status="skipped", message=message, hint=hint
                    )
                )

    async def _run(self, action: ActionState) -> None:
        run = ActionRun(self._chat, action, turn=self._turn.id)
        result = await run.go()
        if result.status == "interrupted":
            raise RunInterruptedError("The run was interrupted.", "Send the prompt again to redo.")
        if result.status != "ok":
            raise _failure_of(action, self._chat.state.runs[run.id])

    async def _write(self, action: ActionState) -> None:
        # A file that is being written cannot be called back: Stop waits for it, and it is told.
        writing = asyncio.create_task(self._write_whole(action))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise

    async def _write_whole(self, action: ActionState) -> None:
        workspace = await self._chat.workspace()
        try:
            size = await asyncio.to_thread(_write, workspace, action)
        except ChatIDEError as error:
            self._chat.emit(
                ev.ActionFinished(
                    action=action.id, status="failed", message=error.message, hint=error.hint
                )
            )
            raise Failure(error.message, repair_of_file(action, error.message)) from error
        self._chat.emit(ev.ActionFinished(action=action.id, status="done", size=size))
        if action.path.lower().endswith(PAGES):
            self._chat.emit(
                ev.PreviewOpened(turn=self._turn.id, action=action.id, path=action.path)
            )


def _is_done(action: ActionState) -> bool:
    """Whether nothing is to be done about an action any more; ``""`` is a run that goes on."""
    if action.run:
        return action.run.status in ("ok", "")
    return action.kind in _NOT_RUN or bool(action.outcome and action.outcome.status == "done")


def _earlier_failure(action: ActionState) -> Failure | None:
    """What went wrong in an action before the reply broke off, if the model may mend it."""
    if action.run and action.run.status in ("error", "timeout"):
        return _failure_of(action, action.run)
    if not action.run and action.outcome and action.outcome.status == "failed":
        message = action.outcome.message
        return Failure(message, repair_of_file(action, message))
    return None


def _failure_of(action: ActionState, run: RunState) -> Failure:
    reason = {"timeout": "the time limit was reached", "died": "the kernel died"}.get(
        run.status, "it was interrupted"
    )
    if run.error:
        reason = f"{run.error.ename}: {run.error.evalue}"
    return Failure(reason, repair_of_run(action, run.error, run.status))


def _write(workspace: Workspace, action: ActionState) -> int:
    """Write or edit the action's file; gives its new size in bytes. Blocks: call in a thread."""
    text = action.content
    if action.kind == "edit":
        exists = workspace.resolve(action.path).exists()
        try:
            before = workspace.read_file(action.path).decode() if exists else None
        except UnicodeDecodeError as error:
            raise EditError(f"{action.path} is not a text file.") from error
        text = apply_edits(before, text)
    return workspace.write_file(action.path, text.encode())
