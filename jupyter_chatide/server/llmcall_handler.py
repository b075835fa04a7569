"""The unified facade: one question to one model, answered as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from ..gateway.messages import LLMRequest
from .base import ChatIDEHandler
from .errors import explain

KEEPALIVE = 15.0  # seconds of silence after which proxies are shown that there is life


class LLMCallHandler(ChatIDEHandler):
    """``llmcall``"""

    body_bytes = 20_000_000

    def initialize(self, keepalive: float = KEEPALIVE) -> None:
        """Set up the handler.

        Args:
            keepalive: seconds of silence after which a comment is sent.
        """
        self._keepalive = keepalive
        self._gone = asyncio.get_running_loop().create_future()
        self._streaming = False

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        if not self._gone.done():
            self._gone.set_result(None)
        super().on_connection_close()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Ask the model, and send each delta as it comes."""
        request = self.decode(LLMRequest)
        try:
            with suppress(StreamClosedError):
                await self._stream(request)
        except Exception as error:
            if not self._streaming:
                raise
            _, told = explain(error, self.log, f"POST {self.request.path}")
            await self._send(b"event: error\ndata: " + msgspec.json.encode(told))
        if not self._gone.done():
            self.finish(set_content_type="text/event-stream")

    async def _stream(self, request: LLMRequest) -> None:
        async with aclosing(self.chatide.gateway.stream(request)) as deltas:
            while True:
                coming: asyncio.Future[Any] = asyncio.ensure_future(anext(deltas, None))
                try:
                    while not coming.done():
                        await asyncio.wait(
                            {coming, self._gone},
                            timeout=self._keepalive,
                            return_when=asyncio.FIRST_COMPLETED,
                        )
                        if self._gone.done():
                            return
                        if not coming.done():
                            await self._send(b": still here")
                finally:
                    coming.cancel()
                    await asyncio.wait({coming})
                if (delta := coming.result()) is None:
                    return
                await self._send(b"data: " + msgspec.json.encode(delta))

    async def _send(self, event: bytes) -> None:
        if not self._streaming:
            # Not before the first delta: an error until then can still have its own status.
            self._streaming = True
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-store")
            self.set_header("X-Accel-Buffering", "no")
        self.write(event + b"\n\n")
        await self.flush()
