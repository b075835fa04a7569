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
from .endpoint_handlers import EndpointHandler, TokenHandler, TokensHandler
from .events_handler import EventsHandler
from .llmcall_handler import LLMCallHandler
from .local_handlers import CancelHandler, DownloadHandler, LocalModelHandler, LocalModelsHandler
from .preferences_handlers import PreferencesHandler, UsageHandler
from .previews_handlers import PreviewFileHandler, PreviewFrameHandler, PreviewsHandler
from .providers_handlers import (
    KeyCheckHandler,
    KeyHandler,
    ModelsHandler,
    OptionsHandler,
    ProviderHandler,
    ProvidersHandler,
)
from .sandbox_handler import SandboxHandler
from .v1_handlers import CompletionsHandler, V1Handler, V1ModelHandler, V1ModelsHandler
from .workspace_handlers import WorkspaceFileHandler, WorkspaceHandler

ROOT = "/api/chatide"

ROUTES: dict[str, type[RequestHandler]] = {
    "/providers": ProvidersHandler,
    "/providers/{provider}": ProviderHandler,
    "/providers/{provider}/options": OptionsHandler,
    "/models": ModelsHandler,
    "/keys/{provider}": KeyHandler,
    "/keys/{provider}/check": KeyCheckHandler,
    "/llmcall": LLMCallHandler,
    "/preferences": PreferencesHandler,
    "/usage": UsageHandler,
    "/endpoint": EndpointHandler,
    "/endpoint/tokens": TokensHandler,
    "/endpoint/tokens/{token}": TokenHandler,
    "/v1/chat/completions": CompletionsHandler,
    "/v1/models": V1ModelsHandler,
    "/v1/models/{path}": V1ModelHandler,
    "/local": LocalModelsHandler,
    "/local/{model}": LocalModelHandler,
    "/local/{model}/download": DownloadHandler,
    "/local/{model}/cancel": CancelHandler,
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
    unknown: list[tuple[str, type[RequestHandler]]] = [
        (ROOT + "/v1(?:/.*)?", V1Handler),
        (ROOT + "(?:/.*)?", UnknownRouteHandler),
    ]
    return known + unknown


def _pattern(path: str) -> str:
    """A route's regular expression; only ``{path}`` reaches over slashes."""
    return re.sub(r"{(\w+)}", lambda m: f"(?P<{m[1]}>{'.*' if m[1] == 'path' else '[^/]+'})", path)
