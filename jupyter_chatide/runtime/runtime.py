"""Where workspaces come from."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..paths import default_data_dir
from .errors import SandboxError, WorkspaceClosedError
from .limits import Limits
from .report import sandbox_report
from .results import SandboxReport
from .workspace import Workspace

if TYPE_CHECKING:
    import zmq.asyncio
    from jupyter_client.multikernelmanager import MultiKernelManager


class Runtime:
    """Makes workspaces and ends them; an async context manager.

    Args:
        kernel_manager: the Jupyter server's own, so that Lab shows the kernels; None to manage
            them here.
        data_dir: the folder of Jupyter ChatIDE's files; None for Jupyter's data directory.
        limits: what runs are held to; None for the defaults.
    """

    def __init__(
        self,
        *,
        kernel_manager: MultiKernelManager | None = None,
        data_dir: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._manager = kernel_manager
        self._owns_manager = kernel_manager is None
        self._context: zmq.asyncio.Context | None = None
        self._workspaces: set[Workspace] = set()
        self._closed = False
        self.data_dir = data_dir or default_data_dir()
        self.limits = limits or Limits()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def create_workspace(self, path: Path | None = None) -> Workspace:
        """Make a workspace; its kernel starts with its first run.

        Args:
            path: an existing folder to work in, which is never removed; None for a private
                temporary one, which goes away when the workspace closes.

        Raises:
            SandboxError: ``path`` is not a folder.
            WorkspaceClosedError: the runtime is closed.
        """
        if self._closed:
            raise WorkspaceClosedError("The runtime is closed.", "Create another one.")
        manager, context = self._prepare()
        if path is None:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="chatide-workspace-"))
        else:
            folder = path
        folder = await asyncio.to_thread(folder.resolve)
        if not await asyncio.to_thread(folder.is_dir):
            raise SandboxError(f"There is no folder {folder}.", "Name a folder that exists.")
        workspace = Workspace(
            folder,
            temporary=path is None,
            manager=manager,
            context=context,
            limits=self.limits,
            on_close=self._workspaces.discard,
        )
        self._workspaces.add(workspace)
        return workspace

    def report(self) -> SandboxReport:
        """What keeps generated code in, and what does not."""
        return sandbox_report(self.limits)

    async def aclose(self) -> None:
        """Close every workspace, with all its processes. May be called more than once."""
        self._closed = True
        await asyncio.gather(*(workspace.close() for workspace in list(self._workspaces)))
        if self._context is not None:
            context, self._context = self._context, None
            context.destroy(linger=0)

    def _prepare(self) -> tuple[MultiKernelManager, zmq.asyncio.Context]:
        """Import and make, at first use, what is heavy."""
        import zmq.asyncio

        from .kernelspec import make_findable

        if self._manager is None:
            from jupyter_client.kernelspec import KernelSpecManager
            from jupyter_client.multikernelmanager import AsyncMultiKernelManager

            self._manager = AsyncMultiKernelManager(kernel_spec_manager=KernelSpecManager())
        if self._context is None:
            make_findable(self._manager)
            self._context = zmq.asyncio.Context()
        return self._manager, self._context
