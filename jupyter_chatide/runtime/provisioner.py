"""Starts sandboxed kernels for any Jupyter kernel manager, the server's own included."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from . import supervisor
from .policy import Policy, kernel_environment, make_private_folder

POLICY_ARGUMENT = "chatide_policy"
"""The argument of ``start_kernel`` that carries a :class:`~.policy.Policy`."""

_SUPERVISED = sys.platform == "linux"
_END_SECONDS = 3.0


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel in a workspace, under the isolation policy of ``policy.py``.

    Without a policy (a person chose the kernelspec for a notebook or a console) the kernel's
    workspace is the folder that the kernel manager names.
    """

    _private: Path | None = None
    _control: socket.socket | None = None
    _asking: asyncio.Lock
    _policy: Policy | None = None

    @property
    def log_path(self) -> Path | None:
        """Where the kernel's own messages go that are no output of a run."""
        return self._private / "kernel.log" if self._private else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare the connection, the environment and the command of the kernel."""
        self._policy = kwargs.pop(POLICY_ARGUMENT, None)
        manager = self.parent
        assert manager is not None
        if manager.has_trait("last_activity"):
            # Jupyter Server sets it a moment after it lists the kernel; in between its own
            # ``/api/status`` and ``/api/kernels`` would fail.
            manager.last_activity = datetime.now(UTC)
        if self._policy is not None:
            kwargs["cwd"] = str(self._policy.workspace)
            # A workspace sees for itself that its kernel died, and says so.
            manager.autorestart = False
        if self._private is None:
            self._private = await asyncio.to_thread(make_private_folder)
            manager.connection_file = str(self._private / "connection.json")
            if os.name == "posix":
                manager.transport = "ipc"
                manager.ip = str(self._private / "k")
        kwargs["env"] = kernel_environment(kwargs.get("env", os.environ), self._private)
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, on Linux through its supervisor."""
        assert self._private is not None
        try:
            with (self._private / "kernel.log").open("ab") as log:
                kwargs |= {"stdout": log, "stderr": log}
                if not _SUPERVISED:
                    return await super().launch_kernel(cmd, **kwargs)
                ours, theirs = socket.socketpair()
                with theirs:
                    ours.setblocking(False)
                    self._control = ours
                    self._asking = asyncio.Lock()  # one answer to one question
                    kwargs |= {
                        "pass_fds": (theirs.fileno(),),
                        # The kernel is the supervisor's child and ends with it: it need not
                        # watch for the server's process by itself.
                        "independent": True,
                    }
                    return await super().launch_kernel(
                        [*self._supervisor_command(theirs.fileno()), *cmd], **kwargs
                    )
        except BaseException:
            await self.cleanup()
            raise

    def _supervisor_command(self, control: int) -> list[str]:
        folders = [str(self._private)]
        if self._policy is not None and self._policy.temporary:
            folders.append(str(self._policy.workspace))
        return [sys.executable, "-I", "-S", supervisor.__file__, str(control), *folders, "--"]

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and its process group."""
        if self._control is None:
            await super().send_signal(signum)
        elif signum in (signal.SIGKILL, signal.SIGTERM):
            self._tell(b"k")
        else:
            self._tell(b"s" + bytes([signum]))

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and every process it started."""
        if self._control is None:
            await self.end_children()
            await super().kill(restart)
            return
        self._tell(b"k")
        deadline = asyncio.get_running_loop().time() + _END_SECONDS
        while self.process is not None and self.process.poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                # A supervisor that does not answer takes its kernel with it.
                self.process.kill()
                return
            await asyncio.sleep(0.01)

    async def terminate(self, restart: bool = False) -> None:
        """End the kernel and every process it started."""
        await self.kill(restart)

    async def end_children(self) -> None:
        """End every process that the kernel started, but not the kernel."""
        if self._control is None:
            if self.process is not None:
                await asyncio.to_thread(_kill_children, self.process.pid)
            return
        # Either error means that the supervisor is gone, and all its processes with it.
        with contextlib.suppress(OSError, TimeoutError):
            async with self._asking, asyncio.timeout(_END_SECONDS):
                self._tell(b"i")
                await asyncio.get_running_loop().sock_recv(self._control, 64)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what the kernel leaves: its sockets, home and caches."""
        await super().cleanup(restart)
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._private is not None and not restart:
            private, self._private = self._private, None
            await asyncio.to_thread(shutil.rmtree, private, ignore_errors=True)

    def _tell(self, command: bytes) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):  # the supervisor has exited
                self._control.send(command)


def _kill_children(pid: int) -> None:
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
