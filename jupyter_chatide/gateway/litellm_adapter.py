"""The litellm adapter: every provider that litellm speaks to, through a worker process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from .adapter import Target
from .errors import AuthenticationError, GatewayError, ModelTimeoutError, OverloadedError
from .messages import AnyDelta, FinishDelta, LLMRequest, ModelInfo
from .settings import Deadlines
from .worker_process import WorkerProcess
from .worker_protocol import Failed, Finished

_FIRST_PAUSE = 0.5
"""Seconds from a worker's unexpected end to the next start; each further one doubles it."""

_LONGEST_PAUSE = 30.0


class LiteLLMAdapter:
    """Speaks to providers through litellm, which lives in one worker process.

    The worker starts with the first question (its import takes seconds, of which the event loop
    notices nothing), and starts anew with the next question after it has died.

    Args:
        deadlines: how long each step of an answer may take.
        connect: seconds that a connection may take to be made.
        start: seconds that the worker may take to start.
        cancel: seconds that the worker has to close a connection before it is killed.
    """

    def __init__(
        self,
        deadlines: Deadlines | None = None,
        *,
        connect: float = 10.0,
        start: float = 60.0,
        cancel: float = 10.0,
    ) -> None:
        self._deadlines = Deadlines() if deadlines is None else deadlines
        self._connect = connect
        self._start_timeout = start
        self._cancel = cancel
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self._worker: WorkerProcess | None = None
        self._failures = 0  # workers that ended untold or did not start, since the last full answer
        self._not_before = 0.0  # the loop's time of the next start
        self._closed = False

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            GatewayError: as ``Adapter.stream``; ``OverloadedError`` when the worker died.
        """
        label, limits = target.provider.label, self._deadlines
        if target.provider.needs_key and not target.key:
            raise AuthenticationError(f"{label} needs a key.", f"Set a key for {label}.")
        worker = await self._running_worker()
        loop = asyncio.get_running_loop()
        total = loop.time() + limits.total
        step = loop.time() + limits.first_token
        late = ModelTimeoutError(
            f"{label} did not begin to answer within {limits.first_token:g} s.",
            "Try again, or choose another model.",
        )
        inbox = worker.ask(target, request, limits.total)
        try:
            while True:
                try:
                    async with asyncio.timeout_at(min(step, total)):
                        await inbox.changed.wait()
                except TimeoutError:
                    if step < total:
                        raise late from None
                    raise ModelTimeoutError(
                        f"The reply of {label} took longer than {limits.total:g} s.",
                        "Ask for less at once.",
                    ) from None
                deltas = worker.take(inbox)
                for delta in deltas:
                    yield delta
                if not deltas:
                    break
                step = loop.time() + limits.idle
                late = ModelTimeoutError(
                    f"{label} fell silent for {limits.idle:g} s in mid-reply.", "Try again."
                )
        finally:
            worker.drop(inbox)
        match inbox.end:
            case Finished(reason=reason):
                self._failures = 0
                yield FinishDelta(reason, f"{request.provider}/{request.model}")
            case Failed() as failed:
                raise failed.error()
            case _ if self._closed:
                raise _closed()
            case _:
                raise OverloadedError(
                    f"The process that speaks to {label} ended in mid-reply.",
                    "Try again: it has been replaced.",
                )

    async def models(self, target: Target) -> list[ModelInfo]:
        """List nothing: what litellm lists is not what the provider has."""
        return []

    async def aclose(self) -> None:
        """End the worker. Safe to call twice."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._worker is not None:
            await self._worker.aclose()

    async def _running_worker(self) -> WorkerProcess:
        """The worker, started if need be. A caller who gives up does not stop the start."""
        if self._closed:
            raise _closed()
        if self._worker is not None and self._worker.alive:
            return self._worker
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
            # When all who waited have left, nobody else asks for its exception.
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        starting = self._starting
        await asyncio.wait([starting])
        if starting.cancelled():
            raise _closed()
        return starting.result()

    async def _start(self) -> WorkerProcess:
        loop = asyncio.get_running_loop()
        if self._worker is not None:
            self._failed_at(self._worker.ended_at)
            self._worker = None
        await asyncio.sleep(self._not_before - loop.time())
        try:
            worker = await WorkerProcess.start(self._connect, self._cancel)
        except OSError as error:
            self._failed_at(loop.time())
            raise _unusable(f"{error.strerror}") from None
        try:
            await asyncio.wait([worker.opening], timeout=self._start_timeout)
            if worker.opening.done():
                problem = worker.opening.result()
            else:
                problem = f"it took longer than {self._start_timeout:g} s"
            if problem:
                self._failed_at(loop.time())
                raise _unusable(problem)
        except BaseException:
            await worker.aclose()
            raise
        self._worker = worker
        return worker

    def _failed_at(self, moment: float) -> None:
        pause = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        self._not_before = moment + pause


def _unusable(problem: str) -> GatewayError:
    return GatewayError(
        f"The litellm worker did not start: {problem}.",
        "Try again; if it stays so, install it anew: pip install --force-reinstall litellm",
    )


def _closed() -> GatewayError:
    return GatewayError("The gateway is closed.", "Open a new one.")
