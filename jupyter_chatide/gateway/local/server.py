"""Who serves which model when: one at a time, started when asked, gone when idle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from ..errors import GatewayError
from .memory import available_memory, plan
from .models import Serving
from .serving_process import ReadyModel, ServingProcess

log = logging.getLogger(__name__)

_IDLE = 600.0
"""Seconds without a question after which the memory is given back."""


class ModelServer:
    """Serves one model at a time.

    A question for another model waits until those that are being answered are, and those who ask
    later wait behind it.

    Args:
        idle: seconds without a question after which the serving process ends.
        memory: tells how many bytes of memory are free; ``None`` is unknown.
        threads: how many the model computes with; 0 is one a core.
    """

    def __init__(
        self,
        idle: float = _IDLE,
        memory: Callable[[], int | None] = available_memory,
        threads: int = 0,
    ) -> None:
        self._idle = idle
        self._memory = memory
        self._threads = threads
        self._turn = asyncio.Lock()  # of those who want to use, or to change, what is served
        self._process: ServingProcess | None = None
        self._starting: asyncio.Task[ServingProcess] | None = None
        self._loading = ("", 0.0)  # which model, since when (the loop's time)
        self._unused = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def serving(self) -> Serving:
        """What is served now."""
        if self._starting is not None and not self._starting.done():
            model, since = self._loading
            seconds = asyncio.get_running_loop().time() - since
            return Serving(state="loading", model=model, seconds=seconds)
        process = self._process
        if process is None or not process.alive:
            return Serving()
        return Serving(state="serving", model=process.model.id, context=process.context)

    async def context(self, model: ReadyModel) -> int:
        """Tokens of a conversation with the model, as it is served, or would be now."""
        process = self._process
        if process is not None and process.alive and process.model == model:
            return process.context
        return plan(model.header, await asyncio.to_thread(self._memory)).context

    @asynccontextmanager
    async def use(self, model: ReadyModel) -> AsyncGenerator[ServingProcess, None]:
        """Have a model served as long as the block lasts.

        Who gives up while the model is being loaded leaves that to whoever asks next.

        Raises:
            GatewayError: it cannot be served; the message says why.
        """
        async with self._turn:
            process = await self._serve(model)
            process.users += 1
            self._stop_timer()
        try:
            yield process
        finally:
            process.users -= 1
            if not process.users and process is self._process:
                self._unused.set()
                self._start_timer()

    async def end(self, model: str) -> None:
        """Stop serving a model, also in mid-reply. Safe when it is not served."""
        loading = self._starting is not None and not self._starting.done()
        if loading and self._loading[0] == model:
            await self._give_up_start()
        if self._process is not None and self._process.model.id == model:
            await self._end_process()

    async def aclose(self) -> None:
        """End what runs. Safe to call twice."""
        self._closed = True
        await self._give_up_start()
        await self._end_process()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _serve(self, model: ReadyModel) -> ServingProcess:
        """The process that serves the model, started if need be."""
        while True:
            self._check_open()
            process = self._process
            if process is not None and process.alive:
                if process.model == model:
                    return process
                await self._until_unused(process)
                if process is self._process:
                    await self._end_process()
                continue
            starting = self._starting
            if starting is None or starting.done() or self._loading[0] != model.id:
                await self._give_up_start()
                self._check_open()
                self._loading = (model.id, asyncio.get_running_loop().time())
                starting = self._starting = asyncio.create_task(self._start(model))
                # When all who waited have left, nobody else asks for its exception.
                starting.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait([starting])
            if starting.cancelled():
                self._check_open()
                raise GatewayError(f"{model.label} was taken away meanwhile.", "Ask again.")
            return starting.result()

    async def _start(self, model: ReadyModel) -> ServingProcess:
        await self._end_process()  # a dead one
        available = await asyncio.to_thread(self._memory)
        process = await ServingProcess.start(model, plan(model.header, available), self._threads)
        self._process = process
        self._start_timer()  # should nobody wait for it any more
        return process

    async def _until_unused(self, process: ServingProcess) -> None:
        while process.users and process.alive:
            self._unused.clear()
            waiting = asyncio.ensure_future(self._unused.wait())
            try:
                await asyncio.wait([waiting], timeout=1.0)  # it may also die
            finally:
                waiting.cancel()

    async def _give_up_start(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])

    async def _end_process(self) -> None:
        self._stop_timer()
        process, self._process = self._process, None
        if process is not None:
            if not process.alive:
                log.warning("The process that served %s had ended by itself.", process.model.id)
            await process.aclose()

    def _start_timer(self) -> None:
        self._stop_timer()
        if self._process is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._idle, self._end_idle, self._process)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_idle(self, process: ServingProcess) -> None:
        if process is self._process and not process.users:
            ending = asyncio.create_task(self._end_process())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    def _check_open(self) -> None:
        if self._closed:
            raise GatewayError("The gateway is closed.", "Open a new one.")
