"""Pages of a workspace, shown without giving them the server's origin.

The two routes that serve a page know nothing of users: a random token in the path, made by an
authorised request and good for a while, is all that opens them. So they are plain tornado
handlers, which read no cookie and set none, and which let no setting of the server replace the
headers that keep a page in.
"""

from __future__ import annotations

import asyncio
import html
import mimetypes
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import url_escape, url_path_join
from tornado import web
from tornado.log import app_log

from ..errors import NotFoundError
from .base import ChatIDEHandler
from .bodies import NewPreview, OpenedPreview
from .errors import explain, explain_status

if TYPE_CHECKING:
    from ..extension import ChatIDEExtension

# What a machine's own table of types gets wrong here and there is fatal under "nosniff".
_TYPES = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".htm": "text/html",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
_TEXT = re.compile(r"text/.*|application/(json|xml)|.*\+(json|xml)")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")


class PreviewsHandler(ChatIDEHandler):
    """``chats/{chat}/previews``"""

    @web.authenticated
    @authorized
    async def post(self, chat: str) -> None:
        """Make an address for a page."""
        found = await self.chat(chat)
        path = self.decode(NewPreview).path
        workspace = await found.workspace()
        await asyncio.to_thread(workspace.read_file, path)  # what cannot be shown is said now
        token = self.chatide.previews.issue(workspace.path)
        self.answer(OpenedPreview(self.url("preview", token, "frame", url_escape(path)), path), 201)


class _PreviewHandler(web.RequestHandler):
    """What both routes of a page have in common."""

    def prepare(self) -> None:
        """Refuse a host name that is none: it becomes a part of the page's policy."""
        if not _HOST.fullmatch(self.request.host):
            raise web.HTTPError(400)

    def workspace(self, token: str) -> Path:
        """The workspace that a token shows.

        Raises:
            NotFoundError: the token is not valid, or no longer.
        """
        extension: ChatIDEExtension = self.settings["jupyter_chatide"]
        path = extension.previews.look_up(token)
        if path is None:
            raise NotFoundError("This preview has ended.", "Open it again from the chat.")
        return path

    def route(self, token: str, kind: str) -> str:
        """The path of a route, from the server's root on, up to the file's path."""
        return url_path_join(self.settings["base_url"], "api/chatide/preview", token, kind) + "/"

    def base(self, token: str) -> str:
        """The full URL of the workspace's files, as the browser sees it."""
        return f"{self.request.protocol}://{self.request.host}{self.route(token, 'files')}"

    def answer(self, content: bytes | str, content_type: str, headers: dict[str, str]) -> None:
        """Send a file or the frame."""
        for name, value in headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", content_type)
        self.finish(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A sentence for whoever looks at the panel."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if error is None:
            told = explain_status(status_code)
        else:
            status, told = explain(error, app_log, f"{self.request.method} of a preview")
            self.set_status(status)
        headers = {
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        sentences = f"<p>{html.escape(told.message)}</p><p>{html.escape(told.hint)}</p>"
        self.answer(sentences, "text/html; charset=utf-8", headers)

    def log_exception(self, *_: Any) -> None:
        """Say nothing: ``write_error`` logs what is worth it, and an address holds a token."""


class PreviewFrameHandler(_PreviewHandler):
    """``preview/{token}/frame/{path}``"""

    @allow_unauthenticated
    async def get(self, token: str, path: str) -> None:
        """Send the outer frame, which keeps the page from navigating itself away."""
        from ..runtime.previews import frame_headers, frame_html

        self.workspace(token)
        base = self.base(token)
        self.answer(frame_html(base, path), "text/html; charset=utf-8", frame_headers(base))


class PreviewFileHandler(_PreviewHandler):
    """``preview/{token}/files/{path}``"""

    @allow_unauthenticated
    async def get(self, token: str, path: str) -> None:
        """Send a page, or what it loads; a page opened on its own goes into its frame."""
        from ..runtime.files import WorkspaceFiles
        from ..runtime.limits import Limits
        from ..runtime.previews import page_headers

        workspace = self.workspace(token)
        if self.request.headers.get("Sec-Fetch-Dest") == "document":
            self.set_header("Cache-Control", "no-store")
            self.redirect(self.route(token, "frame") + url_escape(path))
            return
        if path.endswith("/"):
            path += "index.html"
        content = await asyncio.to_thread(WorkspaceFiles(workspace, Limits()).read, path)
        self.answer(content, _type_of(path), page_headers(self.base(token)))


def _type_of(path: str) -> str:
    """The MIME type that a file's name speaks of; text is taken for UTF-8."""
    suffix = PurePosixPath(path).suffix.lower()
    guess = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    return f"{guess}; charset=utf-8" if _TEXT.fullmatch(guess) else guess
