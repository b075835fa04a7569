"""One answer of a model: parsed while it streams, its actions carried out as their fences close."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from ..errors import ChatIDEError
from ..gateway import messages as llm
from . import actions as parse
from . import events as ev
from .edits import EditError, apply_edits
from .log import join
from .prompts import conversation, repair_of_file, repair_of_run
from .run import ActionRun
from .state import ActionState, TurnState, fresh_id, shorten_line

if TYPE_CHECKING:
    from ..runtime import Workspace
    from .chat import Chat

FRAME = 0.025  # seconds; deltas of one frame become one event
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


class Reply:
    """One answer of a model: its text and actions become events, its actions are carried out."""

    def __init__(self, chat: Chat, turn: TurnState, attempt: int) -> None:
        self.id = fresh_id("r", chat.state.replies)
        self._chat = chat
        self._turn = turn
        self._attempt = attempt
        self._parser = parse.ActionParser()
        self._action = ""  # the open one
        self._pending: ev.AnyEvent | None = None
        self._flush_at: asyncio.TimerHandle | None = None
        self._ready: asyncio.Queue[ActionState | None] = asyncio.Queue()
        self._finished = ev.ReplyFinished(reply=self.id, reason="failed")

    async def go(self) -> Failure | None:
        """Ask the model, stream its answer, carry out its actions.

        Returns:
            What went wrong in an action, if anything did that the model may mend.

        Raises:
            ChatIDEError: the model could not answer, or the sandbox could not start.
        """
        executor = asyncio.create_task(self._execute())
        try:
            try:
                await self._stream()
            finally:
                self._ready.put_nowait(None)
            return await executor
        except ChatIDEError:
            await asyncio.wait([executor])  # what the reply asked for completely is still done
            raise
        finally:
            executor.cancel()
            await asyncio.gather(executor, return_exceptions=True)
            self._settle()

    async def _stream(self) -> None:
        messages = conversation(self._chat.state, self._turn)
        self._chat.emit(
            ev.ReplyStarted(
                turn=self._turn.id, reply=self.id, model=self._turn.model, attempt=self._attempt
            )
        )
        provider, _, model = self._turn.model.partition("/")
        request = llm.LLMRequest(provider=provider, model=model, messages=messages)
        try:
            async with aclosing(self._chat.gateway.stream(request)) as stream:
                async for delta in stream:
                    self._take(delta)
        except asyncio.CancelledError:
            self._finished.reason = "stopped"
            raise
        finally:
            for piece in self._parser.close():
                self._parsed(piece)
            self._flush()
            self._chat.emit(self._finished)
        self._judge_end()

    def _take(self, delta: llm.AnyDelta) -> None:
        match delta:
            case llm.TextDelta(text=text):
                for piece in self._parser.feed(text):
                    self._parsed(piece)
            case llm.ReasoningDelta(text=text):
                self._soon(ev.ReplyReasoning(reply=self.id, text=text))
            case llm.UsageDelta():
                self._finished.input_tokens = delta.input_tokens
                self._finished.output_tokens = delta.output_tokens
            case llm.FallbackDelta():
                self._now(
                    ev.ModelSwitched(
                        reply=self.id,
                        from_model=delta.from_model,
                        to_model=delta.to_model,
                        reason=delta.reason,
                    )
                )
            case llm.FinishDelta():
                self._finished.reason = delta.reason
                self._finished.model = delta.model

    def _parsed(self, piece: parse.ActionEvent) -> None:
        match piece:
            case parse.TextDelta():
                self._soon(ev.ReplyText(reply=self.id, text=piece.text))
            case parse.ActionOpened():
                self._action = fresh_id("a", self._chat.state.actions)
                self._now(
                    ev.ActionOpened(
                        reply=self.id,
                        action=self._action,
                        kind=piece.kind,
                        language=piece.language,
                        path=piece.path,
                        fence=piece.raw,
                    )
                )
                if piece.kind in ("cell", "shell") and self._turn.mode == "build":
                    self._chat.warm()
            case parse.ActionDelta():
                raw = piece.raw if piece.raw != piece.text else None
                self._soon(ev.ActionDelta(action=self._action, text=piece.text, raw=raw))
            case parse.ActionClosed(action=action):
                self._now(
                    ev.ActionClosed(
                        action=self._action,
                        kind=action.kind,
                        complete=action.complete,
                        language=action.language,
                        path=action.path,
                        fence=piece.raw,
                    )
                )
                self._ready.put_nowait(self._chat.state.actions[self._action])

    def _soon(self, event: ev.AnyEvent) -> None:
        """Emit a delta with the others of its frame."""
        joined = join(self._pending, event) if self._pending else None
        if joined is None:
            self._flush()
        self._pending = joined or event
        if self._flush_at is None:
            self._flush_at = asyncio.get_running_loop().call_later(FRAME, self._flush_in_time)

    def _now(self, event: ev.AnyEvent) -> None:
        self._flush()
        self._chat.emit(event)

    def _flush(self) -> None:
        if self._flush_at:
            self._flush_at.cancel()
            self._flush_at = None
        if self._pending:
            self._chat.emit(self._pending)
            self._pending = None

    def _flush_in_time(self) -> None:
        self._flush_at = None
        with suppress(ChatIDEError):  # it stays pending; the reply's end says what is wrong
            self._flush()

    def _judge_end(self) -> None:
        reply = self._chat.state.replies[self.id]
        if not reply.raw.strip():
            raise EmptyReplyError(
                f"{self._finished.model or self._turn.model} answered with nothing.",
                "Try again, or pick another model.",
            )
        cut = {
            "length": "The reply was cut at the model's length limit.",
            "content_filter": "The provider's content filter cut the reply.",
        }.get(self._finished.reason)
        if cut:
            self._chat.emit(
                ev.Notice(
                    level="warning",
                    code=f"reply-{self._finished.reason.replace('_', '-')}",
                    message=cut,
                    hint="Ask for the rest, or for a shorter answer.",
                    turn=self._turn.id,
                )
            )

    async def _execute(self) -> Failure | None:
        while action := await self._ready.get():
            if self._turn.mode == "ask" or action.kind == "example":
                continue
            try:
                await self._perform(action)
            except Failure as failure:
                return failure
        return None

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
        result = await ActionRun(self._chat, action, turn=self._turn.id).go()
        if result.status == "ok":
            return
        reason = {"timeout": "the time limit was reached", "died": "the kernel died"}.get(
            result.status, "it was interrupted"
        )
        if result.error:
            reason = f"{result.error.ename}: {result.error.evalue}"
        if result.status == "interrupted":
            raise RunInterruptedError("The run was interrupted.", "Send the prompt again to redo.")
        raise Failure(reason, repair_of_run(action, result.error, result.status))

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

    def _settle(self) -> None:
        """Say of each action that was to be carried out and was not, that it was skipped."""
        if self._turn.mode == "ask":
            return
        reply = self._chat.state.replies.get(self.id)
        for action in reply.actions if reply else ():
            if action.settled or action.kind == "example":
                continue
            message = "" if action.complete else "The reply ended before this block did."
            self._chat.emit(ev.ActionFinished(action=action.id, status="skipped", message=message))


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


class EmptyReplyError(ChatIDEError):
    """The model's answer holds nothing."""

    code = "empty_reply"


class RunInterruptedError(ChatIDEError):
    """Somebody interrupted the kernel, by other means than Stop."""

    code = "interrupted"
