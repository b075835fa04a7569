"""Which handler answers where. The paths are those of ``openapi.yaml``.

Handlers are named here, not imported: a server starts without what its first request will need.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from tornado.web import RequestHandler

ROOT = "/api/chatide"

ROUTES = {
    "/providers": "providers_handlers.ProvidersHandler",
    "/providers/{provider}": "providers_handlers.ProviderHandler",
    "/providers/{provider}/options": "providers_handlers.OptionsHandler",
    "/models": "providers_handlers.ModelsHandler",
    "/keys/{provider}": "providers_handlers.KeyHandler",
    "/keys/{provider}/check": "providers_handlers.KeyCheckHandler",
    "/llmcall": "llmcall_handler.LLMCallHandler",
    "/preferences": "preferences_handlers.PreferencesHandler",
    "/usage": "preferences_handlers.UsageHandler",
    "/endpoint": "endpoint_handlers.EndpointHandler",
    "/endpoint/tokens": "endpoint_handlers.TokensHandler",
    "/endpoint/tokens/{token}": "endpoint_handlers.TokenHandler",
    "/v1/chat/completions": "v1_handlers.CompletionsHandler",
    "/v1/models": "v1_handlers.V1ModelsHandler",
    "/v1/models/{path}": "v1_handlers.V1ModelHandler",
    "/local": "local_handlers.LocalModelsHandler",
    "/local/{model}": "local_handlers.LocalModelHandler",
    "/local/{model}/download": "local_handlers.DownloadHandler",
    "/local/{model}/cancel": "local_handlers.CancelHandler",
    "/chats": "chats_handlers.ChatsHandler",
    "/chats/{chat}": "chats_handlers.ChatHandler",
    "/chats/{chat}/turns": "chats_handlers.TurnsHandler",
    "/chats/{chat}/turns/{turn}/resume": "chats_handlers.ResumeHandler",
    "/chats/{chat}/stop": "chats_handlers.StopHandler",
    "/chats/{chat}/runs": "chats_handlers.RunsHandler",
    "/chats/{chat}/events": "events_handler.EventsHandler",
    "/chats/{chat}/workspace": "workspace_handlers.WorkspaceHandler",
    "/chats/{chat}/workspace/{path}": "workspace_handlers.WorkspaceFileHandler",
    "/chats/{chat}/previews": "previews_handlers.PreviewsHandler",
    "/preview/{token}/frame/{path}": "previews_handlers.PreviewFrameHandler",
    "/preview/{token}/files/{path}": "previews_handlers.PreviewFileHandler",
    "/sandbox": "sandbox_handler.SandboxHandler",
}
"""The handlers by path; ``{path}`` reaches over slashes."""

ELSEWHERE = {
    ROOT + "/v1(?:/.*)?": "v1_handlers.V1Handler",
    ROOT + "(?:/.*)?": "base.UnknownRouteHandler",
}
"""The handlers of every other address of ours, by regular expression; the first one answers."""


def handlers() -> list[tuple[str, type[RequestHandler]]]:
    """The routes as tornado takes them: regular expressions, without the base URL."""
    known = {ROOT + _pattern(path): name for path, name in ROUTES.items()}
    return [(pattern, _later(name)) for pattern, name in (known | ELSEWHERE).items()]


def handler_class(name: str) -> type[RequestHandler]:
    """The handler of that name; its module is imported now."""
    module, _, kind = name.partition(".")
    found: type[RequestHandler] = getattr(import_module(f".{module}", __package__), kind)
    return found


def _later(name: str) -> type[RequestHandler]:
    class Later(RequestHandler):
        """Takes the place of a handler until there is a request for it."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return handler_class(name)(*args, **kwargs)

    return Later


def _pattern(path: str) -> str:
    """A route's regular expression."""
    return re.sub(r"{(\w+)}", lambda m: f"(?P<{m[1]}>{'.*' if m[1] == 'path' else '[^/]+'})", path)
