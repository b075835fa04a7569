"""One throwaway kernel, started through a Jupyter kernel manager, and the connection to it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
from collections.abc import Callable
from typing import Any

import zmq.asyncio
from jupyter_client.multikernelmanager import MultiKernelManager
from jupyter_core.utils import ensure_async

from .connection import KernelConnection, Message
from .errors import SandboxStartError
from .limits import Limits
from .policy import Policy
from .provisioner import POLICY_ARGUMENT, SandboxProvisioner

KERNEL_NAME = "chatide-sandbox"

_POLL_SECONDS = 0.25
_LOG_BYTES = 2_000


class SandboxKernel:
    """A running kernel of the ``chatide-sandbox`` kernelspec.

    Args:
        manager: starts, lists and ends it.
        kernel_id: its id there.
        context: where its connection's sockets are made.
        limits: how long it may take to start, how large its messages may be.
        on_output: called with each message of its iopub channel.
        on_reply: called with each message of its shell channel.
    """

    def __init__(
        self,
        manager: MultiKernelManager,
        kernel_id: str,
        context: zmq.asyncio.Context,
        limits: Limits,
        *,
        on_output: Callable[[Message], None],
        on_reply: Callable[[Message], None],
    ) -> None:
        self.id = kernel_id
        self._manager = manager
        self._context = context
        self._limits = limits
        self._on_output = on_output
        self._on_reply = on_reply
        self._connection: KernelConnection | None = None
        self._process: int | None = None

    @classmethod
    async def start(
        cls,
        manager: MultiKernelManager,
        policy: Policy,
        context: zmq.asyncio.Context,
        limits: Limits,
        *,
        on_output: Callable[[Message], None],
        on_reply: Callable[[Message], None],
    ) -> SandboxKernel:
        """Start a kernel and wait until it answers.

        Cancelling the call ends the kernel before the cancellation goes on.

        Raises:
            SandboxStartError: it did not start, or not in time.
        """
        launching = asyncio.create_task(_launch(manager, policy))
        try:
            # The kernel manager would forget a process whose launch is cancelled.
            kernel_id = await asyncio.shield(launching)
        except asyncio.CancelledError:
            await asyncio.wait({launching})
            if launching.exception() is None:
                await ensure_async(manager.shutdown_kernel(launching.result(), now=True))
            raise
        kernel = cls(manager, kernel_id, context, limits, on_output=on_output, on_reply=on_reply)
        try:
            await kernel.connect()
        except BaseException:
            await kernel.shutdown()
            raise
        return kernel

    async def connect(self) -> None:
        """Connect, or connect again after somebody restarted the kernel.

        Raises:
            SandboxStartError: it ended while it started, or took too long.
        """
        if self._connection is not None:
            await self._connection.close()
        manager = self._manager.get_kernel(self.id)
        self._process = _process(manager)
        self._connection = KernelConnection(
            self._context,
            manager.get_connection_info(),
            on_output=self._on_output,
            on_reply=self._on_reply,
            largest=4 * self._limits.output_bytes,
        )
        ready = asyncio.create_task(self._connection.wait_ready())
        try:
            async with asyncio.timeout(self._limits.start_time):
                while not (await asyncio.wait({ready}, timeout=_POLL_SECONDS))[0]:
                    if not await self.is_running():
                        raise SandboxStartError(
                            f"The throwaway kernel ended while it started.{self._last_words()}",
                            "Run `jupyter chatide doctor` to see what is missing.",
                        )
        except TimeoutError as error:
            raise SandboxStartError(
                f"The throwaway kernel did not start within {self._limits.start_time:g} s.",
                "Close other programs, or allow it more time.",
            ) from error
        finally:
            ready.cancel()

    @property
    def is_listed(self) -> bool:
        """Whether the kernel manager still knows it: it does not after a shutdown or a cull."""
        return self.id in self._manager

    async def is_running(self) -> bool:
        """Whether the very process that we connected to still runs."""
        if not self.is_listed:
            return False
        manager = self._manager.get_kernel(self.id)
        return _process(manager) == self._process and await ensure_async(manager.is_alive())

    async def was_restarted(self) -> bool:
        """Whether somebody restarted it: it runs, but its variables are gone."""
        return (
            not await self.is_running()
            and self.is_listed
            and await ensure_async(self._manager.get_kernel(self.id).is_alive())
        )

    async def execute(self, code: str) -> str:
        """Ask it to run ``code``; return the request's id."""
        assert self._connection is not None
        return await self._connection.execute(code)

    async def interrupt(self) -> None:
        """Interrupt what it runs."""
        assert self._connection is not None
        await self._connection.interrupt()

    async def end_children(self) -> None:
        """End every process that it started."""
        if self.is_listed:
            provisioner = self._manager.get_kernel(self.id).provisioner
            if isinstance(provisioner, SandboxProvisioner):
                await provisioner.end_children()

    async def how_it_ended(self) -> str:
        """Why its process ended, in a few words; empty when that is not known."""
        if not self.is_listed:
            return "it was shut down"
        provisioner = self._manager.get_kernel(self.id).provisioner
        status = await provisioner.poll() if provisioner is not None else None
        if not status:
            return ""
        number = status - 128 if status > 128 else -status
        if number == signal.SIGKILL:
            return "it was killed, perhaps because memory ran out"
        try:
            return f"its process crashed: {signal.Signals(number).name}"
        except ValueError:
            return f"its process exited with status {status}"

    async def shutdown(self) -> None:
        """End it with all that it started, and disconnect."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self.is_listed:
            await ensure_async(self._manager.shutdown_kernel(self.id, now=True))

    def _last_words(self) -> str:
        """The end of what it wrote before its streams were set up."""
        provisioner = self._manager.get_kernel(self.id).provisioner if self.is_listed else None
        log = provisioner.log_path if isinstance(provisioner, SandboxProvisioner) else None
        try:
            words = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace") if log else ""
        except OSError:
            return ""
        return f" It said: {words.strip().splitlines()[-1]}" if words.strip() else ""


async def _launch(manager: MultiKernelManager, policy: Policy) -> str:
    try:
        kernel_id: str = await ensure_async(
            manager.start_kernel(kernel_name=KERNEL_NAME, **{POLICY_ARGUMENT: policy})
        )
        ready = manager.get_kernel(kernel_id).ready
        if isinstance(ready, concurrent.futures.Future):
            ready = asyncio.wrap_future(ready)
        await ready
    except Exception as error:
        raise SandboxStartError(
            f"The throwaway kernel could not be started: {error}",
            "Run `jupyter chatide doctor` to see what is missing.",
        ) from error
    return kernel_id


def _process(manager: Any) -> int | None:
    return getattr(manager.provisioner, "pid", None)
