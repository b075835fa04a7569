"""The local adapter: the direct adapter, on a server of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import msgspec

from ...errors import InvalidRequestError
from ..adapter import Target
from ..errors import (
    GatewayError,
    MalformedReplyError,
    ModelTimeoutError,
    OverloadedError,
    UnreachableError,
)
from ..messages import AnyDelta, ImagePart, LLMRequest, ModelInfo
from ..settings import Deadlines
from ..wire.connections import Connections
from ..wire.direct import DirectAdapter
from .serving_process import ServingProcess
from .store import LocalModels

_LAST_WORD = 1.0  # seconds from a broken connection until the process's end is known


class LocalAdapter:
    """Answers with a model file on this machine, which it has loaded when it is asked.

    Args:
        models: the files, and what serves them.
        deadlines: how long each step may take; loading is part of the time to the first token.
    """

    def __init__(self, models: LocalModels, deadlines: Deadlines | None = None) -> None:
        self._models = models
        self._deadlines = Deadlines() if deadlines is None else deadlines
        self._connections = Connections()

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator ends the model's work at once.

        Raises:
            InvalidRequestError: there are images in it.
            ModelNotFoundError: there is no such file here.
            OverloadedError: the serving process ended in mid-reply; asked again, it starts anew.
            GatewayError: as ``Adapter.stream``.
        """
        _refuse_images(request)
        begin = asyncio.get_running_loop().time()
        model = await self._models.ready(request.model)
        using = self._models.server.use(model)
        try:
            async with asyncio.timeout_at(begin + self._deadlines.first_token):
                process = await using.__aenter__()
        except TimeoutError:
            raise ModelTimeoutError(
                f"{model.label} was not loaded within {self._deadlines.first_token:g} s.",
                "Ask again in a moment, or choose a smaller model.",
            ) from None
        try:
            spent = asyncio.get_running_loop().time() - begin
            async with aclosing(self._answer(target, request, process, spent)) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            await using.__aexit__(None, None, None)

    async def models(self, target: Target) -> list[ModelInfo]:
        """The models that can be asked now, with as much context as fits into memory."""
        if not self._models.available()[0]:
            return []
        listed = []
        for model in await self._models.list():
            with suppress(GatewayError):  # its file has gone since, or is none
                ready = await self._models.ready(model.id)
                context = await self._models.server.context(ready)
                listed.append(
                    ModelInfo(
                        id=model.id,
                        label=model.label,
                        context_window=context,
                        vision=False,
                        input_price=0.0,
                        output_price=0.0,
                    )
                )
        return listed

    async def aclose(self) -> None:
        """End the serving process. Safe to call twice."""
        await self._models.server.aclose()
        await self._connections.aclose()

    async def _answer(
        self, target: Target, request: LLMRequest, process: ServingProcess, spent: float
    ) -> AsyncGenerator[AnyDelta, None]:
        limits = msgspec.structs.replace(
            self._deadlines,
            first_token=max(0.0, self._deadlines.first_token - spent),
            total=max(0.0, self._deadlines.total - spent),
        )
        direct = DirectAdapter(self._connections, limits)
        there = Target(target.provider, f"{process.url}/v1", process.key)
        try:
            async with aclosing(direct.stream(there, request)) as deltas:
                async for delta in deltas:
                    yield delta
        except (UnreachableError, MalformedReplyError, OverloadedError):
            if await process.ended_within(_LAST_WORD):
                raise OverloadedError(
                    f"The process that serves {process.model.label} ended in mid-reply.",
                    "Try again: it is started anew; if it ends again, memory may be short.",
                ) from None
            raise


def _refuse_images(request: LLMRequest) -> None:
    for number, message in enumerate(request.messages):
        if any(isinstance(part, ImagePart) for part in message.content):
            raise InvalidRequestError(
                f"messages[{number}].content: {request.provider}/{request.model} does not see "
                "images.",
                "Choose a model that does, or leave the images out.",
            )
