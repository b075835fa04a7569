"""The server extension: settings, and the wiring of the parts. No logic."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Integer, Unicode

from .paths import default_data_dir

if TYPE_CHECKING:
    from .chat import Chats
    from .gateway import Gateway
    from .runtime import Runtime
    from .runtime.previews import PreviewTokens


class ChatIDEExtension(ExtensionApp):
    """Jupyter ChatIDE in a Jupyter server.

    The parts are made when a request first needs them, so that starting the server costs nothing.
    """

    name = "jupyter_chatide"

    data_dir = Unicode(
        "",
        help="""The folder for chats and keys. Default: `chatide` in Jupyter's data directory.""",
    ).tag(config=True)

    default_model = Unicode(
        "",
        help="""The model that answers when none is picked, as `provider/model`. Default: empty,
        which means a provider that has a key, else a local one, else the demo.""",
    ).tag(config=True)

    run_time = Float(
        120.0,
        min=0,
        help="""The longest that one run of generated code may take, in seconds. Default: 120.""",
    ).tag(config=True)

    output_bytes = Integer(
        20_000_000,
        min=0,
        help="""The most output that is kept of one run, in bytes. Default: 20,000,000 (20 MB).""",
    ).tag(config=True)

    interrupt_grace = Float(
        3.0,
        min=0,
        help="""How long a kernel may take to obey Stop before it is killed, in seconds.
        Default: 3.""",
    ).tag(config=True)

    stopping = False

    @cached_property
    def data_path(self) -> Path:
        """The folder for chats and keys."""
        return Path(self.data_dir).expanduser() if self.data_dir else default_data_dir()

    @cached_property
    def gateway(self) -> Gateway:
        """Who asks the models."""
        from .gateway import Gateway

        return Gateway(data_dir=self.data_path, default_model=self.default_model)

    @cached_property
    def runtime(self) -> Runtime:
        """Who runs the code, with the server's own kernel manager."""
        from .runtime import Limits, Runtime

        assert self.serverapp is not None
        return Runtime(
            kernel_manager=self.serverapp.kernel_manager,
            data_dir=self.data_path,
            limits=Limits(
                run_time=self.run_time,
                output_bytes=self.output_bytes,
                interrupt_grace=self.interrupt_grace,
            ),
        )

    @cached_property
    def chats(self) -> Chats:
        """The chats."""
        from .chat import Chats

        return Chats(self.gateway, self.runtime, self.data_path)

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
            for part in ("gateway", "runtime", "chats"):
                if part in self.__dict__:
                    stack.push_async_callback(getattr(self, part).aclose)
