"""What generated code is kept from."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import ChatIDEHandler


class SandboxHandler(ChatIDEHandler):
    """``sandbox``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell the tier in force and its gaps."""
        self.answer(self.chatide.runtime.report())
