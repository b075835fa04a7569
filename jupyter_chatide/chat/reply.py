"""One answer of a model: asked for, streamed, gone on with where it breaks off, carried out."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..errors import ChatIDEError
from ..gateway import messages as llm
from ..gateway.errors import MalformedReplyError, ModelTimeoutError
from . import events as ev
from .performer import Failure, Performer
from .prompts import continuation, conversation
from .seam import Seam
from .state import ReplyState, TurnState, Usage, fresh_id
from .thinking import Thinking
from .writer import Place, ReplyWriter

if TYPE_CHECKING:
    from .chat import Chat

CONTINUE_LIMIT = 2  # how often a reply that reaches the length limit goes on by itself

# The reasons for which a reply has ended before its end, and can go on: the first ones are those
# of a model that was asked and answered, the others ended the turn.
CUT_SHORT = frozenset({"length", "content_filter"})
BROKEN_OFF = CUT_SHORT | {"failed", "stopped", "interrupted"}

UNKNOWN = Usage(None, None, None, None)


class Reply:
    """One answer of a model: its text and actions become events, its actions are carried out.

    Args:
        chat: the chat.
        turn: the turn; its model is asked.
        attempt: 0 for the prompt's answer, 1, 2… for repairs.
        retries: the reply that this one takes the place of.
        resumes: a reply that this one is: it goes on if it broke off, and what is left of its
            actions is carried out.
    """

    def __init__(
        self,
        chat: Chat,
        turn: TurnState,
        attempt: int,
        *,
        retries: str = "",
        resumes: ReplyState | None = None,
    ) -> None:
        self.id = resumes.id if resumes else fresh_id("r", chat.state.replies)
        self.attempt = attempt
        self._chat = chat
        self._turn = turn
        self._retries = retries
        self._resumes = resumes
        self._performer = Performer(chat, turn)
        self._writer = ReplyWriter(chat, turn, self.id, self._performer.take)
        self._end = ev.ReplyFinished(reply=self.id, reason="failed")
        self._usage = Usage()
        self._reasoned = bool(resumes and resumes.reasoned)  # there is reasoning so far
        self._begun = False  # and some of this request
        self._asked = turn.model  # whom: it may call itself otherwise when it answers

    async def go(self) -> Failure | None:
        """Ask the model, stream its answer, carry out its actions.

        Returns:
            What went wrong in an action, if anything did that the model may mend.

        Raises:
            ChatIDEError: the model could not answer, or the sandbox could not start.
        """
        if self._resumes:
            self._performer.resume(self._resumes)
        executor = asyncio.create_task(self._performer.go())
        try:
            try:
                if self._resumes is None or self._resumes.reason in BROKEN_OFF:
                    await self._answer()
            finally:
                self._performer.end()
            return await executor
        except ChatIDEError:
            await asyncio.wait([executor])  # what the reply asked for completely is still done
            raise
        finally:
            executor.cancel()
            await asyncio.gather(executor, return_exceptions=True)
            if self.id in self._chat.state.replies:
                self._performer.settle(self._chat.state.replies[self.id])

    async def _answer(self) -> None:
        seam = self._begin()
        try:
            await self._ask(self._turn.model, seam)
            for attempt in range(1, CONTINUE_LIMIT + 1):
                before = self._writer.written
                if self._end.reason != "length" or not before.strip():
                    break
                # The one that answered knows how it goes on.
                self._continue("length", self._writer.place(), self._asked, attempt)
                await self._ask(self._asked, Seam(before, self._writer.block))
                if self._writer.written == before:
                    break
        except asyncio.CancelledError:
            self._end.reason = "stopped"
            raise
        finally:
            self._writer.close(whole=self._end.reason not in BROKEN_OFF)
            self._end.input_tokens = self._usage.input_tokens
            self._end.output_tokens = self._usage.output_tokens
            self._end.reasoning_tokens = self._usage.reasoning_tokens
            self._end.cost = self._usage.cost
            self._chat.emit(self._end)
        self._judge_end()

    def _begin(self) -> Seam | None:
        """Say that a reply begins, or goes on; gives the seam that it goes on at."""
        if self._resumes is None:
            self._chat.emit(
                ev.ReplyStarted(
                    turn=self._turn.id,
                    reply=self.id,
                    model=self._turn.model,
                    attempt=self.attempt,
                    retries=self._retries,
                )
            )
            return None
        place = self._writer.resume(self._resumes)
        self._continue("asked", place, self._turn.model)
        return Seam(self._writer.written, self._writer.block)

    def _continue(self, reason: str, place: Place, model: str, attempt: int = 0) -> None:
        self._writer.now(
            ev.ReplyContinued(
                reply=self.id,
                reason="length" if reason == "length" else "asked",
                kept=place.kept,
                attempt=attempt,
                limit=CONTINUE_LIMIT if attempt else 0,
                action=place.action,
                content=place.content,
                model=model,
            )
        )

    async def _ask(self, model: str, seam: Seam | None) -> None:
        """Ask for the answer, or at a seam for what follows."""
        state = self._chat.state
        if seam:
            block = self._writer.block
            fence = block.opening.raw.strip() if block else ""
            messages = continuation(state, self._turn, self._writer.written, fence)
        else:
            messages = conversation(state, self._turn)
        provider, _, name = model.partition("/")
        request = llm.LLMRequest(
            provider=provider, model=name, messages=messages, fallback=state.fallback
        )
        purpose = llm.Purpose("chat", self._chat.id, self._turn.id)
        self._end.reason = "failed"
        self._asked, self._begun = model, False
        thinking = Thinking()
        used: Usage = UNKNOWN
        answered = False
        try:
            async with aclosing(self._chat.gateway.stream(request, purpose)) as stream:
                async for delta in stream:
                    answered |= isinstance(delta, llm.TextDelta | llm.ReasoningDelta)
                    if isinstance(delta, llm.UsageDelta):
                        used = _usage(delta)
                    elif isinstance(delta, llm.TextDelta):
                        self._text(thinking.feed(delta.text), seam)
                    else:
                        self._take(delta)
        except (ModelTimeoutError, MalformedReplyError):
            raise  # the provider may have worked, and count it
        except ChatIDEError:
            if not answered and used is UNKNOWN:
                used = Usage()  # what was refused costs nothing
            raise
        finally:
            self._usage += used
            self._text(thinking.close(), seam)
            if seam and (text := seam.close()):
                self._writer.feed(text)

    def _text(self, piece: tuple[str, str], seam: Seam | None) -> None:
        """Take the next piece of the answer: reasoning that it holds, and its text."""
        reasoning, text = piece
        if reasoning:
            self._reason(reasoning)
        if text and seam:
            text = seam.feed(text)
        if text:
            self._writer.feed(text)

    def _reason(self, text: str) -> None:
        apart = self._reasoned and not self._begun
        self._reasoned = self._begun = True
        self._writer.reason("\n\n" + text if apart else text)

    def _take(self, delta: llm.AnyDelta) -> None:
        match delta:
            case llm.ReasoningDelta(text=text):
                self._reason(text)
            case llm.RetryDelta():
                self._writer.now(
                    ev.ModelRetried(
                        reply=self.id,
                        model=delta.model,
                        reason=delta.reason,
                        code=delta.code,
                        seconds=delta.seconds,
                        attempt=delta.attempt,
                    )
                )
            case llm.FallbackDelta():
                self._asked = delta.to_model
                self._writer.now(
                    ev.ModelSwitched(
                        reply=self.id,
                        from_model=delta.from_model,
                        to_model=delta.to_model,
                        reason=delta.reason,
                        code=delta.code,
                    )
                )
            case llm.FinishDelta():
                self._end.reason = delta.reason
                self._end.model = delta.model

    def _judge_end(self) -> None:
        if not self._writer.written.strip():
            model = self._end.model or self._turn.model
            if self._end.reason == "length":
                raise EmptyReplyError(
                    f"{model} reached its length limit before it wrote anything.",
                    "Pick a model that reasons less or may write more, then try again.",
                )
            raise EmptyReplyError(
                f"{model} answered with nothing.", "Try again, or pick another model."
            )
        cut = {
            "length": "The reply was cut at the model's length limit.",
            "content_filter": "The provider's content filter cut the reply.",
        }.get(self._end.reason)
        if cut:
            self._chat.emit(
                ev.Notice(
                    level="warning",
                    code=f"reply-{self._end.reason.replace('_', '-')}",
                    message=cut,
                    hint="Let it continue, or ask for a shorter answer.",
                    turn=self._turn.id,
                )
            )


def _usage(delta: llm.UsageDelta) -> Usage:
    return Usage(delta.input_tokens, delta.output_tokens, delta.reasoning_tokens, delta.cost)


class EmptyReplyError(ChatIDEError):
    """The model's answer holds nothing."""

    code = "empty_reply"
