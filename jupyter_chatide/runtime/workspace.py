"""A folder and the throwaway kernel that runs code in it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WorkspaceClosedError
from .files import WorkspaceFiles
from .limits import Limits
from .policy import Policy
from .results import OutputChange, RunNotice, RunResult, RunStatus
from .run import Run

if TYPE_CHECKING:
    import zmq.asyncio
    from jupyter_client.multikernelmanager import MultiKernelManager

    from .connection import Message
    from .kernel import SandboxKernel

_POLL_SECONDS = 0.25
_LAST_MESSAGES_SECONDS = 0.1
_ASK_AGAIN_SECONDS = 1.0


class Workspace:
    """Made by :meth:`Runtime.create_workspace`.

    Args:
        path: its folder.
        temporary: the folder is removed when the workspace closes.
        manager: starts its kernels.
        context: makes the sockets of its connections.
        limits: what its runs are held to.
        on_close: called once it is closed.
    """

    def __init__(
        self,
        path: Path,
        *,
        temporary: bool,
        manager: MultiKernelManager,
        context: zmq.asyncio.Context,
        limits: Limits,
        on_close: Callable[[Workspace], object],
    ) -> None:
        self.path = path
        self._temporary = temporary
        self._manager = manager
        self._context = context
        self._limits = limits
        self._on_close = on_close
        self._files = WorkspaceFiles(path, limits)
        self._lock = asyncio.Lock()
        self._kernel: SandboxKernel | None = None
        # Goes on without those who wait for it; begun and given up with the lock held.
        self._starting: asyncio.Task[SandboxKernel] | None = None
        self._used = False  # the kernel ran something, so there may be variables
        self._lost = False  # variables went away, and nobody has been told yet
        self._run: Run | None = None
        self._closed = False

    @property
    def kernel_id(self) -> str | None:
        """The kernel's id in the kernel manager; None until it started."""
        return self._kernel.id if self._kernel is not None else None

    async def start(self) -> None:
        """Start the kernel ahead of the first run.

        Cancelling the call leaves the start to go on: a kernel is not lost half started.

        Raises:
            SandboxStartError: it did not start.
            WorkspaceClosedError: the workspace is closed.
        """
        async with self._lock:
            starting = self._begin_start()
        await self._started(starting)

    async def run(
        self,
        code: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the code's time, not this call's
        on_output: Callable[[OutputChange], object] | None = None,
    ) -> RunResult:
        """Run code and wait for its end. Runs of a workspace follow one another.

        Cancelling the call interrupts the code before the cancellation goes on.

        Args:
            code: what to run.
            timeout: seconds it may take; ``0`` for no limit, None for the limits' ``run_time``.
            on_output: called with each change of the outputs, at most some 30 times a second;
                must return soon. What it raises ends the run, and is raised here.

        Raises:
            SandboxStartError: no kernel could be started.
            WorkspaceClosedError: the workspace is closed.
        """
        seconds = self._limits.run_time if timeout is None else timeout
        run = Run(code, seconds, self._limits, on_output)
        performing = asyncio.create_task(self._perform(run))
        performing.add_done_callback(_take_exception)
        try:
            return await asyncio.shield(performing)
        except asyncio.CancelledError:
            run.ask_to_stop("interrupted")
            await asyncio.wait({performing})
            raise

    async def interrupt(self) -> None:
        """End the running code and the processes it started.

        A kernel that does not obey within the limits' ``interrupt_grace`` is killed. Returns
        when all is ended; does nothing when nothing runs. A kernel that is still starting is
        not waited for, and is there for the next run.
        """
        if self._run is not None:
            self._run.ask_to_stop("interrupted")
            await self._run.over.wait()
        elif self._kernel is not None:
            await self._kernel.end_children()

    async def restart(self) -> None:
        """End the running code, and give the workspace a fresh kernel.

        As with ``start``, cancelling the call does not keep that from being done.

        Raises:
            SandboxStartError: the fresh kernel did not start.
            WorkspaceClosedError: the workspace is closed.
        """
        if self._run is not None:
            self._run.ask_to_stop("interrupted")
        await _to_its_end(self._restart())

    async def _restart(self) -> None:
        async with self._lock:
            await self._give_up_start()
            await self._end_kernel()
            self._lost = False
            starting = self._begin_start()
        await self._started(starting)

    async def close(self) -> None:
        """End the kernel and all its processes; remove the folder if it was made for this."""
        self._closed = True
        if self._run is not None:
            self._run.ask_to_stop("closed")
        async with self._lock:
            await self._give_up_start()
            await self._end_kernel()
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)
        self._on_close(self)

    def resolve(self, path: str) -> Path:
        """The place in the file system of a path in the workspace.

        Raises:
            WorkspacePathError: it is not inside the workspace.
        """
        return self._files.resolve(path)

    def read_file(self, path: str) -> bytes:
        """Read a file of the workspace.

        Raises:
            WorkspacePathError: it is no plain file inside the workspace, or too large.
        """
        return self._files.read(path)

    def write_file(self, path: str, data: bytes) -> int:
        """Write a file of the workspace, whole or not at all; folders are made as needed.

        Returns:
            Its size in bytes.

        Raises:
            WorkspacePathError: the path leads out of the workspace or to something that is no
                file, or the data is too large.
        """
        return self._files.write(path, data)

    def list_files(self) -> list[tuple[str, int]]:
        """The workspace's plain files with their sizes in bytes, sorted; caches are left out."""
        return self._files.list_files()

    async def _perform(self, run: Run) -> RunResult:
        try:
            async with self._lock:
                self._run = run
                try:
                    result = await self._perform_now(run)
                finally:
                    self._run = None
            if run.failure is not None:
                raise run.failure
            return result
        finally:
            run.end()

    async def _perform_now(self, run: Run) -> RunResult:
        if run.is_stopping() and not self._closed:
            return run.result("interrupted")
        starting = self._begin_start()
        starting.add_done_callback(lambda _: run.changed.set())
        while not starting.done() and not run.is_stopping():
            run.changed.clear()
            await run.changed.wait()
        if run.is_stopping():
            return run.result("interrupted")
        kernel = starting.result()
        if self._lost:
            self._lost = False
            run.notices.append(_VARIABLES_GONE)
        self._used = True
        run.start()
        run.request = await kernel.execute(run.code)
        status = await self._wait_for_end(run, kernel)
        if run.lost_output and self._kernel is kernel:
            await kernel.connect()
            run.notices.append(_OUTPUT_LOST)
        return run.result(status)

    async def _wait_for_end(self, run: Run, kernel: SandboxKernel) -> RunStatus | None:
        """Returns how the run ended, or None where the kernel said it."""
        while not run.finished:
            run.changed.clear()
            if run.seconds_left() <= 0 and not run.is_stopping():
                run.ask_to_stop("timeout")
                run.notices.append(_timeout_notice(run.timeout))
            if run.is_stopping():
                return await self._stop(run, kernel)
            if not await kernel.is_running():
                return await self._died(run, kernel)
            await _wait(run, min(_POLL_SECONDS, run.seconds_left()))
        return None

    async def _stop(self, run: Run, kernel: SandboxKernel) -> RunStatus | None:
        """Interrupt, and kill what does not obey."""
        # Also where the kernel says "ok": a shell command that was ended is no error to it.
        status: RunStatus = "timeout" if run.stop_reason == "timeout" else "interrupted"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.interrupt_grace
        while run.stop_reason != "closed" and loop.time() < deadline:
            if not await kernel.is_running():
                return await self._died(run, kernel)
            # Code may catch one KeyboardInterrupt by chance; it is asked more than once.
            await kernel.interrupt()
            await kernel.end_children()
            again = min(deadline, loop.time() + _ASK_AGAIN_SECONDS)
            while loop.time() < again:
                run.changed.clear()
                if run.finished:
                    await kernel.end_children()
                    return status
                if not await kernel.is_running():
                    break
                await _wait(run, min(_POLL_SECONDS, again - loop.time()))
        await self._end_kernel()
        if run.stop_reason != "closed":
            run.notices.append(_KILLED)
        return status

    async def _died(self, run: Run, kernel: SandboxKernel) -> RunStatus | None:
        await asyncio.sleep(_LAST_MESSAGES_SECONDS)
        if run.finished:
            return None
        why = await kernel.how_it_ended()
        await self._end_kernel()
        run.notices.append(
            RunNotice(
                "died",
                f"The kernel ended while the code ran{f' ({why})' if why else ''}.",
                "Run the code again: a fresh kernel starts, without the variables of before.",
            )
        )
        return "died"

    def _begin_start(self) -> asyncio.Task[SandboxKernel]:
        """Let the kernel be made ready, unless that goes on already. Needs the lock."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._ready_kernel())
            self._starting.add_done_callback(_take_exception)
        return self._starting

    async def _started(self, starting: asyncio.Task[SandboxKernel]) -> None:
        await asyncio.wait({starting})
        if starting.cancelled():  # given up for a fresh kernel, or because all is closed
            await self.start()
        else:
            starting.result()

    async def _give_up_start(self) -> None:
        """End what is starting. Needs the lock."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})

    async def _ready_kernel(self) -> SandboxKernel:
        """The workspace's kernel, started or started again where needed."""
        if self._closed:
            raise WorkspaceClosedError("The workspace is closed.", "Create another one.")
        kernel = self._kernel
        if kernel is not None and await kernel.is_running():
            return kernel
        if kernel is not None and await kernel.was_restarted():
            self._forget_variables()
            await kernel.connect()
            return kernel
        if kernel is not None:
            await _to_its_end(self._end_kernel())
        from .kernel import SandboxKernel

        self._kernel = await SandboxKernel.start(
            self._manager,
            Policy(self.path, self._temporary),
            self._context,
            self._limits,
            on_output=self._take_output,
            on_reply=self._take_reply,
        )
        return self._kernel

    async def _end_kernel(self) -> None:
        if self._kernel is not None:
            kernel, self._kernel = self._kernel, None
            self._forget_variables()
            await kernel.shutdown()

    def _forget_variables(self) -> None:
        self._lost = self._lost or self._used
        self._used = False

    def _take_output(self, message: Message) -> None:
        if self._run is not None:
            self._run.take_output(message)

    def _take_reply(self, message: Message) -> None:
        if self._run is not None:
            self._run.take_reply(message)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for ``work``, which goes on when the wait is cancelled."""
    task = asyncio.create_task(work)
    task.add_done_callback(_take_exception)
    await asyncio.shield(task)


def _take_exception(task: asyncio.Task[Any]) -> None:
    """Nobody else asks for it where those who waited for the task were cancelled."""
    if not task.cancelled():
        task.exception()


async def _wait(run: Run, seconds: float) -> None:
    """Wait until the run is to be looked at again, at most for that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await run.changed.wait()


def _timeout_notice(seconds: float) -> RunNotice:
    return RunNotice(
        "timeout",
        f"The code was stopped: it ran longer than {seconds:g} s.",
        "Let it do less at a time, or allow it more time.",
    )


_VARIABLES_GONE = RunNotice(
    "variables-gone",
    "The code ran in a fresh kernel: the variables of earlier runs are gone.",
    "Run the earlier code again if you need them. Files are still there.",
)
_OUTPUT_LOST = RunNotice(
    "output-lost",
    "Some of the output was lost: it held more at once than can be taken.",
    "Print less at a time, or write large results to a file.",
)
_KILLED = RunNotice(
    "killed",
    "The code did not stop when it was asked to, so its kernel was ended.",
    "The next run gets a fresh kernel, without the variables of before.",
)
