"""What can go wrong in a workspace or its sandbox."""

from __future__ import annotations

from ..errors import ChatIDEError


class SandboxError(ChatIDEError):
    """A sandbox cannot do what was asked."""

    code = "sandbox"


class SandboxStartError(SandboxError):
    """The sandbox's kernel did not start."""

    code = "sandbox_start"


class WorkspaceClosedError(SandboxError):
    """The workspace was closed before, or while, it was used."""

    code = "workspace_closed"


class WorkspacePathError(ChatIDEError):
    """A path is not a plain file or folder inside the workspace, or the file is too large."""

    code = "workspace_path"
