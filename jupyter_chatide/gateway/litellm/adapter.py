"""The litellm adapter: every provider that litellm speaks to, through worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from ..adapter import Target
from ..errors import AuthenticationError, OverloadedError
from ..messages import AnyDelta, FinishDelta, LLMRequest, ModelInfo, UsageDelta
from ..settings import Deadlines
from ..wire.clock import Clock
from .pool import WorkerPool, closed
from .protocol import Failed, Finished

_EACH = 24
"""Answers at a time for which one worker is enough: at 100 tokens a second each, they keep it busy
for a third to a half of a core's time (measured: 130 to 190 µs a token, against 580 through
litellm's own stream)."""


class LiteLLMAdapter:
    """Speaks to providers through litellm, which lives in worker processes.

    Parameters that litellm knows a model not to take (a temperature, a seed…) are left out of
    what is asked, not refused: litellm's ``drop_params``.

    Args:
        deadlines: how long each step of an answer may take.
        workers: the most worker processes.
        each: answers that one worker should have at a time before another one starts.
        start: seconds that a worker may take to start.
        cancel: seconds that a worker has to close a connection before it is killed.
        idle: seconds without work after which a worker beyond the first ends.
    """

    def __init__(
        self,
        deadlines: Deadlines | None = None,
        workers: int = 4,
        *,
        each: int = _EACH,
        start: float = 60.0,
        cancel: float = 10.0,
        idle: float = 300.0,
    ) -> None:
        self._deadlines = Deadlines() if deadlines is None else deadlines
        self._pool = WorkerPool(
            most=workers,
            each=each,
            connect=self._deadlines.connect,
            start=start,
            cancel=cancel,
            idle=idle,
        )

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            GatewayError: as ``Adapter.stream``; ``OverloadedError`` when the worker died.
        """
        label = target.provider.label
        if target.provider.needs_key and not target.key:
            raise AuthenticationError(f"{label} needs a key.", f"Set a key for {label}.")
        worker = await self._pool.worker()
        # The start of a worker is not the provider's time.
        clock = Clock(self._deadlines, target.provider)
        inbox = worker.ask(target, request, self._deadlines.total)
        try:
            while True:
                if not inbox.changed.is_set():
                    try:
                        async with asyncio.timeout_at(clock.next()):
                            await inbox.changed.wait()
                    except TimeoutError:
                        raise clock.late() from None
                deltas = worker.take(inbox)
                for delta in deltas:
                    clock.started = clock.started or not isinstance(delta, UsageDelta)
                    yield delta
                if not deltas:
                    break
        finally:
            worker.drop(inbox)
        match inbox.end:
            case Finished(reason=reason):
                self._pool.succeeded()
                yield FinishDelta(reason, f"{request.provider}/{request.model}")
            case Failed() as failed:
                raise failed.error()
            case _ if self._pool.closed:
                raise closed()
            case _:
                where = "in mid-reply" if clock.started else "before it answered"
                raise OverloadedError(
                    f"The process that speaks to {label} ended {where}.",
                    "Try again: it has been replaced.",
                )

    async def models(self, target: Target) -> list[ModelInfo]:
        """List nothing: what litellm lists is not what the provider has."""
        return []

    async def aclose(self) -> None:
        """End the workers. Safe to call twice."""
        await self._pool.aclose()
