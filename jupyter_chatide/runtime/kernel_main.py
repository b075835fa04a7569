"""The sandbox's Python kernel: ipykernel, without what a throwaway kernel does not need.

No debugger (importing it costs more than the rest of the start), no history on disk, no profile
of the user's: ``IPYTHONDIR`` is a private folder (see ``policy.py``).
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import types
from pathlib import Path

_WAITING_MESSAGES = 100


def _leave_out_debugger() -> None:
    """Stand in for ``ipykernel.debugger``, which would import debugpy."""

    class Debugger:
        """Never made: ipykernel asks ``_is_debugpy_available`` first."""

    module = types.ModuleType("ipykernel.debugger")
    module.__dict__.update(Debugger=Debugger, _is_debugpy_available=False)
    sys.modules["ipykernel.debugger"] = module


def _put_workspace_on_path() -> None:
    """Let code import modules from the workspace, after the standard library as IPython does.

    The interpreter runs with ``-P``, so that no file there can pass for a module that the
    kernel itself imports while it starts.
    """
    at = next(
        (
            index
            for index, path in enumerate(sys.path)
            if Path(path).name in ("site-packages", "dist-packages")
        ),
        len(sys.path),
    )
    sys.path.insert(at, "")


def _let_signals_wake_the_loop() -> None:
    """Interrupt code that awaits: its handler alone does not end the event loop's sleep."""
    from tornado.ioloop import IOLoop

    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)

    def drain(*_: object) -> None:
        ours.recv(4096)

    IOLoop.current().add_handler(ours, drain, IOLoop.READ)
    # Detached: it stays open as long as the process does.
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)


def main() -> None:
    """Run the kernel that the command line describes."""
    _leave_out_debugger()
    # Crashes in native code leave a trace in the kernel's log rather than in its output stream.
    faulthandler.enable(os.fdopen(os.dup(2), "w"))

    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class KernelApp(IPKernelApp):  # type: ignore[misc]  # ipykernel has no types
        """ipykernel's application, whose code waits for slow readers rather than lose output."""

        def init_iopub(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
            # For the sockets made from here on, which is before iopub is bound.
            context.setsockopt(zmq.XPUB_NODROP, 1)
            context.setsockopt(zmq.SNDHWM, _WAITING_MESSAGES)
            super().init_iopub(context)

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    if "JPY_PARENT_PID" not in os.environ:
        # The supervisor ends this process when it has to; 1 turns ipykernel's own poller off.
        config.IPKernelApp.parent_handle = 1
    config.IPKernelApp.outstream_class = f"{__package__}.kernel_streams.PacedOutStream"
    app = KernelApp.instance(config=config)
    app.initialize(sys.argv[1:])
    _put_workspace_on_path()
    _let_signals_wake_the_loop()
    app.start()


if __name__ == "__main__":
    main()
