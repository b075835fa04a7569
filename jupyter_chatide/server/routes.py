"""Which handler answers where. The paths are those of ``openapi.yaml``."""

from __future__ import annotations

import re

from tornado.web import RequestHandler

from .base import UnknownRouteHandler
from .chats_handlers import (
    ChatHandler,
    ChatsHandler,
    ResumeHandler,
    RunsHandler,
    StopHandler,
    TurnsHandler,
)
from .events_handler import EventsHandler
from .llmcall_handler import LLMCallHandler
from .previews_handlers import PreviewFileHandler, PreviewFrameHandler, PreviewsHandler
from .providers_handlers import KeyCheckHandler, KeyHandler, ModelsHandler, ProvidersHandler
from .sandbox_handler import SandboxHandler
from .workspace_handlers import WorkspaceFileHandler, WorkspaceHandler

ROOT = "/api/chatide"

ROUTES: dict[str, type[RequestHandler]] = {
    "/providers": ProvidersHandler,
    "/models": ModelsHandler,
    "/keys/{provider}": KeyHandler,
    "/keys/{provider}/check": KeyCheckHandler,
    "/llmcall": LLMCallHandler,
    "/chats": ChatsHandler,
    "/chats/{chat}": ChatHandler,
    "/chats/{chat}/turns": TurnsHandler,
    "/chats/{chat}/turns/{turn}/resume": ResumeHandler,
    "/chats/{chat}/stop": StopHandler,
    "/chats/{chat}/runs": RunsHandler,
    "/chats/{chat}/events": EventsHandler,
    "/chats/{chat}/workspace": WorkspaceHandler,
    "/chats/{chat}/workspace/{path}": WorkspaceFileHandler,
    "/chats/{chat}/previews": PreviewsHandler,
    "/preview/{token}/frame/{path}": PreviewFrameHandler,
    "/preview/{token}/files/{path}": PreviewFileHandler,
    "/sandbox": SandboxHandler,
}


def handlers() -> list[tuple[str, type[RequestHandler]]]:
    """The routes as tornado takes them: regular expressions, without the base URL."""
    known = [(ROOT + _pattern(path), handler) for path, handler in ROUTES.items()]
    return [*known, (ROOT + "(?:/.*)?", UnknownRouteHandler)]


def _pattern(path: str) -> str:
    """A route's regular expression; only ``{path}`` reaches over slashes."""
    return re.sub(r"{(\w+)}", lambda m: f"(?P<{m[1]}>{'.*' if m[1] == 'path' else '[^/]+'})", path)
