"""The files of a chat's workspace, as a list and as downloads."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import ChatIDEHandler
from .bodies import WorkspaceFile, WorkspaceFiles


class WorkspaceHandler(ChatIDEHandler):
    """``chats/{chat}/workspace``"""

    @web.authenticated
    @authorized
    async def get(self, chat: str) -> None:
        """List the files."""
        workspace = await (await self.chat(chat)).workspace()
        files = await asyncio.to_thread(workspace.list_files)
        self.answer(WorkspaceFiles([WorkspaceFile(path, size) for path, size in files]))


class WorkspaceFileHandler(ChatIDEHandler):
    """``chats/{chat}/workspace/{path}``"""

    @web.authenticated
    @authorized
    async def get(self, chat: str, path: str) -> None:
        """Download a file."""
        workspace = await (await self.chat(chat)).workspace()
        data = await asyncio.to_thread(workspace.read_file, path)
        self.set_attachment_header(path.rpartition("/")[2])
        self.set_header("Cache-Control", "no-store")
        self.finish(data, set_content_type="application/octet-stream")
