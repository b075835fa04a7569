"""What follows when a model cannot answer: ask it again, ask the next one, or say it.

All of it happens before the first piece of an answer. After that the answer belongs to one model,
and what goes wrong is said.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum
from typing import NamedTuple

from ..errors import ChatIDEError, InvalidRequestError
from .breaker import Breaker
from .errors import (
    AuthenticationError,
    BudgetError,
    ContentRefusedError,
    ContextTooLongError,
    GatewayError,
    KeyStoreError,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    PolicyError,
    QuotaError,
    RateLimitError,
    RequestRefusedError,
    UnreachableError,
)
from .messages import AnyDelta, FallbackDelta, ReasoningDelta, RetryDelta, TextDelta, ToolCallDelta


class Step(Enum):
    """What follows an error of one class."""

    RETRY = "ask again, at most twice, then switch to the next model"
    RETRY_ONCE = "ask again once, quickly (not on this machine), then switch to the next model"
    SWITCH = "switch to the next model"
    STOP = "stop and say it"


# Keep it equal to docs/fallback.md (a test does).
POLICY: dict[type[ChatIDEError], Step] = {
    # It may pass by itself.
    RateLimitError: Step.RETRY,
    OverloadedError: Step.RETRY,
    UnreachableError: Step.RETRY_ONCE,
    # It lasts, but another model need not have it.
    ModelTimeoutError: Step.SWITCH,
    QuotaError: Step.SWITCH,
    MalformedReplyError: Step.SWITCH,
    GatewayError: Step.SWITCH,  # all else, such as a worker process that does not start
    # The user has to know, and to do something.
    AuthenticationError: Step.STOP,
    PermissionDeniedError: Step.STOP,
    ContextTooLongError: Step.STOP,
    ContentRefusedError: Step.STOP,
    ModelNotFoundError: Step.STOP,
    RequestRefusedError: Step.STOP,
    KeyStoreError: Step.STOP,
    PolicyError: Step.STOP,
    BudgetError: Step.STOP,
    InvalidRequestError: Step.STOP,
}

# The same for every model but the one that was asked for, where it differs: who wants the first
# model hears that its key, its name or the request is wrong; of a further one it is said only if
# none can answer.
FURTHER: dict[type[ChatIDEError], Step] = {
    AuthenticationError: Step.SWITCH,
    PermissionDeniedError: Step.SWITCH,
    ModelNotFoundError: Step.SWITCH,
    InvalidRequestError: Step.SWITCH,  # such as images, which this one does not see
}

_RETRIES = {Step.RETRY: 2, Step.RETRY_ONCE: 1}
_PAUSE = {Step.RETRY: 1.0, Step.RETRY_ONCE: 0.4}  # seconds before the first, at most; then doubled
LONGEST_PAUSE = 20.0  # seconds; who wants us to wait longer is not waited for

# What is said of the provider, after its name.
_REASONS: dict[type[ChatIDEError], str] = {
    RateLimitError: "takes no more requests for now",
    OverloadedError: "is failing or overloaded",
    UnreachableError: "cannot be reached",
    ModelTimeoutError: "took too long to answer",
    QuotaError: "has no credit left on your account",
    MalformedReplyError: "answered with something that is not a reply",
    AuthenticationError: "does not accept the key",
}


class Candidate(NamedTuple):
    """A model that can be asked.

    Args:
        model: its name, ``provider/model``.
        label: its provider, as people know it.
        near: whether it answers on this machine.
        ask: asks it once.
    """

    model: str
    label: str
    near: bool
    ask: Callable[[], AsyncGenerator[AnyDelta, None]]


class Skipped(NamedTuple):
    """A model of the chain that cannot be asked, and why, as part of a sentence."""

    model: str
    reason: str


class _Failed(NamedTuple):
    """A model that was asked in vain."""

    model: str
    reason: str
    error: ChatIDEError


Others = Callable[[], Awaitable[Sequence[Candidate | Skipped]]]


def step_after(error: ChatIDEError, *, first: bool = True) -> Step:
    """What follows an error.

    Args:
        error: what went wrong before the first piece of an answer.
        first: whether it was the model that was asked for, not one of the chain.
    """
    for kind in type(error).__mro__:
        if not first and kind in FURTHER:
            return FURTHER[kind]
        if kind in POLICY:
            return POLICY[kind]
    return Step.STOP


def reason_for(error: ChatIDEError, label: str) -> str:
    """An error in a few words, such as "429 from Groq: takes no more requests for now"."""
    says = _REASONS.get(type(error))
    if says is None:
        return error.message.rstrip(".")
    status = error.status if isinstance(error, GatewayError) else None
    return f"{status} from {label}: {says}" if status else f"{label} {says}"


async def answer(
    first: Candidate, others: Others, breaker: Breaker
) -> AsyncGenerator[AnyDelta, None]:
    """Stream the answer of the first model that can give one.

    Closing the generator closes the upstream connection at once.

    Args:
        first: the model that was asked for.
        others: gives the further models in order; called when the first cannot answer.
        breaker: which models rest.

    Raises:
        ChatIDEError: none could answer: what the first one failed of, with a hint that says what
            else was tried. After the first piece of an answer: what ended it.
    """
    line = _Line(first, others, breaker)
    failed: list[_Failed] = []
    step = Step.SWITCH
    while step is not Step.STOP and (turn := await line.next(failed[-1] if failed else None)):
        candidate, switches = turn
        for switch in switches:
            yield switch
        for attempt in range(1, 10):  # it ends by itself, long before
            error: ChatIDEError | None = None
            heard = begun = False
            breaker.asked(candidate.model)
            try:
                async with aclosing(candidate.ask()) as deltas:
                    async for delta in deltas:
                        begun = begun or isinstance(delta, _BEGINNING)
                        yield delta
                heard = True
            except ChatIDEError as failure:
                error, heard = failure, True
            finally:
                if not heard:  # stopped
                    (breaker.answered if begun else breaker.left)(candidate.model)
            if error is None or step_after(error) is Step.STOP:
                breaker.answered(candidate.model)
            else:
                breaker.failed(candidate.model)
            if error is None:
                return
            if begun:
                raise error
            reason = reason_for(error, candidate.label)
            step = step_after(error, first=candidate is first)
            seconds = _pause(error, step, attempt, candidate)
            if seconds is None or (breaker.rest(candidate.model) and await line.has_more()):
                failed.append(_Failed(candidate.model, reason, error))
                break
            yield RetryDelta(candidate.model, reason, error.code, seconds, attempt)
            await asyncio.sleep(seconds)
    raise line.failure(failed)


_BEGINNING = (TextDelta, ReasoningDelta, ToolCallDelta)


def _pause(error: ChatIDEError, step: Step, attempt: int, candidate: Candidate) -> float | None:
    """Seconds until the same model is asked again; ``None``: it is not.

    Spread out at random, so that many who were refused at once do not come back at once.
    """
    if attempt > _RETRIES.get(step, 0) or (step is Step.RETRY_ONCE and candidate.near):
        return None
    wanted = error.retry_after if isinstance(error, GatewayError) else None
    if wanted is None:
        return round(_PAUSE[step] * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0), 3)
    if wanted > LONGEST_PAUSE:
        return None
    return round(wanted + random.uniform(0.0, 0.05 + wanted / 20), 3)


class _Line:
    """The models that still can be asked, those that rest last."""

    def __init__(self, first: Candidate, others: Others, breaker: Breaker) -> None:
        self._first = first
        self._others: Others | None = others
        self._breaker = breaker
        self._queue = deque([first])
        self._resting: deque[Candidate] = deque()
        self._skipped: list[Skipped] = []

    async def next(self, failed: _Failed | None) -> tuple[Candidate, list[FallbackDelta]] | None:
        """The next one, with the switches that lead to it; ``None`` when there is none left.

        Args:
            failed: the one that was asked before.
        """
        passed = [(failed.model, failed.reason, failed.error.code)] if failed else []
        while await self._has_queued():
            candidate = self._queue.popleft()
            rest = self._breaker.rest(candidate.model)
            if not rest:
                return candidate, _switches(passed, candidate.model)
            self._resting.append(candidate)
            passed.append((candidate.model, _resting(candidate, rest), "resting"))
        if not self._resting:
            return None
        candidate = self._resting.popleft()  # nobody else is left, so it is asked all the same
        return candidate, _switches(passed[:1] if failed else [], candidate.model)

    async def has_more(self) -> bool:
        """Whether there is another one."""
        return await self._has_queued() or bool(self._resting)

    async def _has_queued(self) -> bool:
        if not self._queue and self._others is not None:
            others, self._others = self._others, None
            for other in await others():
                if isinstance(other, Skipped):
                    self._skipped.append(other)
                else:
                    self._queue.append(other)
        return bool(self._queue)

    def failure(self, failed: Sequence[_Failed]) -> ChatIDEError:
        """The error of the first model, its hint saying what became of the others."""
        told = next((one for one in failed if one.model == self._first.model), failed[0])
        tried = [(one.model, one.reason) for one in failed if one is not told]
        tried += [
            (one.model, _resting(one, self._breaker.rest(one.model))) for one in self._resting
        ]
        tried += self._skipped
        error = told.error
        more = []
        wanted = error.retry_after if isinstance(error, GatewayError) else None
        if wanted is not None and wanted > LONGEST_PAUSE:
            more.append(f"It asks to wait {wanted:,.0f} s.")
        if tried:
            others = "; ".join(f"{model} ({reason})" for model, reason in tried)
            more.append(f"Tried instead: {others}.")
        if more:
            hint = error.hint.rstrip(".")
            error.hint = " ".join([f"{hint}.", *more] if hint else more)
        return error


def _resting(candidate: Candidate, seconds: float) -> str:
    return f"{candidate.label} failed several times in a row and rests for {seconds:.0f} s"


def _switches(passed: Sequence[tuple[str, str, str]], to_model: str) -> list[FallbackDelta]:
    """The switches from each model that was passed by to the next one, and at last to this."""
    targets = [model for model, _, _ in passed[1:]] + [to_model]
    return (
        [
            FallbackDelta(model, target, reason, code)
            for (model, reason, code), target in zip(passed, targets, strict=True)
        ]
        if passed
        else []
    )
