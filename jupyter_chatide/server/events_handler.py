"""A chat's log: live over a WebSocket, or as it stands over a plain GET."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .base import ChatIDEHandler
from .bodies import EventBatch

if TYPE_CHECKING:
    from ..chat import Chat

GOING_AWAY = 1001
INTERNAL_ERROR = 1011

_encoder = msgspec.json.Encoder()


class EventsHandler(WebSocketMixin, WebSocketHandler, ChatIDEHandler):
    """``chats/{chat}/events?after=N``"""

    _sender: asyncio.Task[None] | None = None

    @web.authenticated
    @authorized
    async def get(self, chat: str) -> None:  # type: ignore[override]
        """Open the WebSocket; without an upgrade, answer with the log as JSON lines."""
        self._chat = await self.chat(chat)
        self._after = self.number("after")
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await super().get(chat)
            return
        self.set_header("Content-Type", "application/x-ndjson")
        while events := self._chat.log.read(self._after):
            self.write(_encoder.encode_lines(events))
            await self.flush()
            self._after = events[-1].n
        self.finish(set_content_type="application/x-ndjson")

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to send. Nothing is read from the client but its pongs."""
        super().open(*args, **kwargs)
        self._sender = asyncio.create_task(self._send(self._chat, self._after))

    def on_message(self, message: str | bytes) -> None:
        """Ignore what a reader says."""

    def on_close(self) -> None:
        """Stop sending."""
        if self._sender is not None:
            self._sender.cancel()

    async def _send(self, chat: Chat, after: int) -> None:
        # Each write is awaited: a slow reader gets its next batch later and larger, and nothing
        # is queued for it.
        try:
            async for events in chat.events(after):
                await self.write_message(_encoder.encode(EventBatch(events)).decode())
        except (WebSocketClosedError, StreamClosedError):
            return
        except Exception:
            self.log.exception("Sending the events of a chat failed")
            self.close(INTERNAL_ERROR)
            return
        if self.chatide.stopping:
            self.close(GOING_AWAY, "The server ends.")
        else:
            self.close(1000, "The chat was deleted.")
