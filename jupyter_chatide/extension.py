"""The server extension: the wiring of the parts. No logic."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp

from .settings import Settings

if TYPE_CHECKING:
    from .chat import Chats
    from .gateway import Gateway
    from .gateway.endpoint.endpoint import Endpoint
    from .runtime import Runtime
    from .runtime.previews import PreviewTokens


class ChatIDEExtension(Settings, ExtensionApp):
    """Jupyter ChatIDE in a Jupyter server.

    The parts are made when a request first needs them, so that starting the server costs nothing.
    """

    name = "jupyter_chatide"

    stopping = False

    @cached_property
    def gateway(self) -> Gateway:
        """Who asks the models."""
        from .gateway import Gateway

        return Gateway(data_dir=self.data_path, settings=self.gateway_settings())

    @cached_property
    def endpoint(self) -> Endpoint:
        """The gateway for other programs."""
        from .gateway.endpoint.endpoint import Endpoint

        return Endpoint(
            self.gateway,
            self.data_path,
            allowed=self.endpoint_allowed,
            streams=self.endpoint_streams,
        )

    @cached_property
    def runtime(self) -> Runtime:
        """Who runs the code, with the server's own kernel manager."""
        from .runtime import Runtime

        assert self.serverapp is not None
        return Runtime(
            kernel_manager=self.serverapp.kernel_manager,
            data_dir=self.data_path,
            limits=self.limits(),
        )

    @cached_property
    def chats(self) -> Chats:
        """The chats."""
        from .chat import Chats

        return Chats(self.gateway, self.runtime, self.data_path, max_turns=self.max_turns)

    @cached_property
    def previews(self) -> PreviewTokens:
        """Which pages are shown, by token."""
        from .runtime.previews import PreviewTokens

        return PreviewTokens()

    def initialize_handlers(self) -> None:
        """Register the routes."""
        from .server.routes import handlers

        self.handlers.extend(handlers())

    def current_activity(self) -> Any:
        """What keeps a server from ending for want of activity: chats that are at work."""
        if "chats" not in self.__dict__:
            return None
        return self.chats.running()

    async def stop_extension(self) -> None:
        """End all turns, runs, kernels and connections."""
        self.stopping = True
        async with AsyncExitStack() as stack:  # the last one first, each whatever became of others
            for part in ("gateway", "runtime", "endpoint", "chats"):
                if part in self.__dict__:
                    stack.push_async_callback(getattr(self, part).aclose)
