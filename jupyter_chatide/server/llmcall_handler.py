"""The unified facade: one question to one model, answered as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from ..gateway.messages import LLMRequest, Purpose
from .base import ChatIDEHandler
from .errors import explain
from .streaming import KEEPALIVE, listen


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
        answer = self.chatide.gateway.stream(request, Purpose(client="llmcall"))
        heard = listen(answer, self._gone, keepalive=self._keepalive)
        async with aclosing(heard) as deltas:
            async for delta in deltas:
                if delta is None:
                    await self._send(b": still here")
                else:
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
