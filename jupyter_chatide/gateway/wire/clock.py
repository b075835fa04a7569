"""The deadlines of one answer: when each wait ends, and what is said when it did."""

from __future__ import annotations

import asyncio

from ..adapter import ProviderConfiguration
from ..errors import ModelTimeoutError
from ..settings import Deadlines


class Clock:
    """Holds each wait of one answer to its deadline::

        try:
            async with asyncio.timeout_at(clock.next()):
                ...  # wait for one thing
        except TimeoutError:
            raise clock.late() from None

    ``started`` is set with the first token, ``finished`` with the finish reason.

    Args:
        deadlines: how long each step may take.
        provider: who answers.
    """

    def __init__(self, deadlines: Deadlines, provider: ProviderConfiguration) -> None:
        self._deadlines = deadlines
        self._provider = provider
        self._time = asyncio.get_running_loop().time
        self._begin = self._time()
        self._total = self._begin + deadlines.total
        self.started = False
        self.finished = False

    def next(self) -> float:
        """The loop's time at which a wait that begins now is over."""
        if self.finished:
            return min(self._time() + self._deadlines.trailing, self._total)
        if self.started:
            return min(self._time() + self._deadlines.idle, self._total)
        return min(self._begin + self._deadlines.first_token, self._total)

    def late(self) -> ModelTimeoutError:
        """The error of a wait that is over: which deadline passed, and what to do."""
        limits, label = self._deadlines, self._provider.label
        if self._time() >= self._total:
            return ModelTimeoutError(
                f"The reply of {label} took longer than {limits.total:g} s.",
                "Ask for less at once.",
            )
        if self.started:
            return ModelTimeoutError(
                f"{label} fell silent for {limits.idle:g} s in mid-reply.", "Try again."
            )
        hint = "Try again, or choose another model."
        if self._provider.group in ("local", "custom") or self._provider.local:
            hint = "Try again; the model may still be loading, or be too large for its machine."
        return ModelTimeoutError(
            f"{label} did not begin to answer within {limits.first_token:g} s.", hint
        )
