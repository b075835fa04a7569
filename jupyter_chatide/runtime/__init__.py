"""Workspaces and the throwaway kernels that run code in them.

Importing this costs little: what starts kernels is imported when the first workspace is made.
"""

from __future__ import annotations

from .errors import SandboxError, SandboxStartError, WorkspaceClosedError, WorkspacePathError
from .limits import Limits
from .outputs import Outputs
from .results import (
    Dimension,
    OutputChange,
    RunError,
    RunNotice,
    RunResult,
    RunStatus,
    SandboxReport,
)
from .runtime import Runtime
from .workspace import Workspace

__all__ = [
    "Dimension",
    "Limits",
    "OutputChange",
    "Outputs",
    "RunError",
    "RunNotice",
    "RunResult",
    "RunStatus",
    "Runtime",
    "SandboxError",
    "SandboxReport",
    "SandboxStartError",
    "Workspace",
    "WorkspaceClosedError",
    "WorkspacePathError",
]
