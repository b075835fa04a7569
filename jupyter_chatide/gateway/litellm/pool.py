"""The litellm worker processes: as many as the load asks for, replaced when they die."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress

from ..errors import GatewayError
from .process import WorkerProcess

_FIRST_PAUSE = 0.5
"""Seconds from a worker's unexpected end to the next start; each further one doubles it."""

_LONGEST_PAUSE = 30.0


class WorkerPool:
    """Workers that start when they are needed, and end when they are not.

    The first starts with the first question (its import takes seconds, of which the event loop
    notices nothing). Another starts beside it whenever each has as many answers as it should
    have; until it is ready, the others take the questions. One that dies is replaced at once,
    after a pause that grows when workers keep dying.

    Args:
        most: how many workers there may be.
        each: answers that one worker should have at a time.
        connect: seconds that a worker gives a connection.
        start: seconds that a worker may take to start.
        cancel: seconds that a worker has to close a connection before it is killed.
        idle: seconds without a question after which a worker beyond the first ends.
    """

    def __init__(
        self,
        *,
        most: int,
        each: int,
        connect: float,
        start: float,
        cancel: float,
        idle: float,
    ) -> None:
        self._most = max(most, 1)
        self._each = each
        self._connect = connect
        self._start_timeout = start
        self._cancel = cancel
        self._idle = idle
        self._workers: list[WorkerProcess] = []
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self._shrinking: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._failures = 0  # workers that died or did not start, since the last full answer
        self._not_before = 0.0  # the loop's time of the next start
        self.closed = False

    async def worker(self) -> WorkerProcess:
        """The worker to ask next, started if need be. A caller who gives up stops no start.

        Raises:
            GatewayError: no worker starts, or the pool is closed.
        """
        while not self.closed:
            ready = [worker for worker in self._workers if worker.ready]
            if not ready:
                await self._wait_for(self._start())
                continue
            self._grow(1)
            self._shrink_later()
            return min(ready, key=lambda worker: worker.load)
        raise closed()

    def succeeded(self) -> None:
        """An answer came to its end: workers live."""
        self._failures = 0

    async def aclose(self) -> None:
        """End all workers. Safe to call twice."""
        self.closed = True
        if self._shrinking is not None:
            self._shrinking.cancel()
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await asyncio.gather(*self._ending, *(worker.aclose() for worker in self._workers))

    async def _wait_for(self, starting: asyncio.Task[WorkerProcess]) -> None:
        await asyncio.wait([starting])
        if starting.cancelled():
            raise closed()
        starting.result()

    def _start(self) -> asyncio.Task[WorkerProcess]:
        """Start one more worker, if none is on its way."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start_worker())
            self._starting.add_done_callback(self._started)
        return self._starting

    def _started(self, starting: asyncio.Task[WorkerProcess]) -> None:
        # When all who waited have left, nobody else asks for its exception.
        if not starting.cancelled() and starting.exception() is None and not self.closed:
            self._grow(0)
            self._shrink_later()

    def _grow(self, more: int) -> None:
        """Start another worker if those there are have too much to do.

        Args:
            more: answers that are about to begin.
        """
        load = more + sum(worker.load for worker in self._workers)
        if len(self._workers) < min(self._most, math.ceil(load / self._each)):
            self._start()

    async def _start_worker(self) -> WorkerProcess:
        loop = asyncio.get_running_loop()
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
        self._workers.append(worker)
        worker.ended.add_done_callback(lambda _: self._lost(worker))
        return worker

    def _lost(self, worker: WorkerProcess) -> None:
        """Replace a worker that ended, if nobody told it to."""
        with suppress(ValueError):
            self._workers.remove(worker)
        if not worker.closing and not self.closed:
            self._failed_at(asyncio.get_running_loop().time())
            self._start()

    def _failed_at(self, moment: float) -> None:
        pause = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        self._not_before = moment + pause

    def _shrink_later(self) -> None:
        """Look after a while whether there are workers without work."""
        if self._shrinking is None and len(self._workers) > 1:
            loop = asyncio.get_running_loop()
            self._shrinking = loop.call_later(self._idle / 2, self._shrink)

    def _shrink(self) -> None:
        self._shrinking = None
        now = asyncio.get_running_loop().time()
        for worker in self._workers[:0:-1]:
            if not worker.load and now - worker.asked_at >= self._idle:
                self._workers.remove(worker)
                ending = asyncio.create_task(worker.aclose())
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
        self._shrink_later()


def closed() -> GatewayError:
    """The error of a question to a pool that is closed."""
    return GatewayError("The gateway is closed.", "Open a new one.")


def _unusable(problem: str) -> GatewayError:
    return GatewayError(
        f"The litellm worker did not start: {problem}.",
        "Try again; if it stays so, install it anew: pip install --force-reinstall litellm",
    )
