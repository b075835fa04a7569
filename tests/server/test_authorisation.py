"""Nobody without a user, a permission and, with a cookie, an XSRF token gets anything."""

from __future__ import annotations

import inspect
import json
import re
import sys
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler
from traitlets.config import Config

from jupyter_chatide.server.base import ChatIDEHandler
from jupyter_chatide.server.previews_handlers import PreviewFileHandler, PreviewFrameHandler
from jupyter_chatide.server.routes import ELSEWHERE, ROUTES, handler_class
from jupyter_chatide.server.v1_handlers import V1Handler

from .conftest import Api
from .description import METHODS, Description

BY_ANOTHER_TOKEN = (PreviewFileHandler, PreviewFrameHandler, V1Handler)
HANDLERS = {path: handler_class(name) for path, name in (ROUTES | ELSEWHERE).items()}


def _guards(method: Any) -> set[str]:
    """The modules of a method's decorators, seen through ``functools.wraps``."""
    guards = set()
    while hasattr(method, "__wrapped__"):
        guards.add(method.__code__.co_filename.rsplit("site-packages", 1)[-1].replace("\\", "/"))
        method = method.__wrapped__
    return guards


def test_every_method_of_every_handler_authenticates_and_authorises() -> None:
    for handler in HANDLERS.values():
        if issubclass(handler, BY_ANOTHER_TOKEN):
            continue
        assert issubclass(handler, ChatIDEHandler), handler
        assert handler.auth_resource == "chatide"
        for name in (*METHODS, "head"):
            if method := handler.__dict__.get(name):
                guards = _guards(method)
                where = f"{handler.__name__}.{name}"
                assert "/tornado/web.py" in guards, f"{where} lacks @web.authenticated"
                assert "/jupyter_server/auth/decorator.py" in guards, f"{where} lacks @authorized"


def test_every_handler_class_is_routed() -> None:
    modules = {handler.__module__ for handler in HANDLERS.values()}
    classes = {
        member
        for module in modules
        for member in vars(sys.modules[module]).values()
        if inspect.isclass(member) and member.__module__ == module
        if issubclass(member, RequestHandler) and not member.__name__.startswith("_")
    }
    assert classes - {ChatIDEHandler} == set(HANDLERS.values())


def _operations() -> list[tuple[str, str]]:
    guarded = {path for path in ROUTES if not issubclass(HANDLERS[path], BY_ANOTHER_TOKEN)}
    return sorted(pair for pair in Description.load().operations if pair[0] in guarded)


@pytest.mark.parametrize(("path", "method"), _operations())
async def test_without_a_token_nothing_is_answered(api: Api, path: str, method: str) -> None:
    path = re.sub(r"{\w+}", "x", path)
    answer = await api(
        method.upper(), path, {} if method != "get" else None, headers={"Authorization": "none"}
    )
    assert answer.status == 403
    assert answer.json["code"] == "forbidden"
    assert answer.json["hint"]


async def test_without_a_token_the_events_socket_does_not_open(api: Api) -> None:
    chat = await api.new_chat()
    with pytest.raises(HTTPClientError, match="403"):
        await api.events(chat, Authorization="none")


async def test_a_socket_from_another_origin_does_not_open(api: Api, jp_serverapp: Any) -> None:
    chat = await api.new_chat()
    cookie = await _log_in(api)
    with pytest.raises(HTTPClientError, match="404"):
        await api.events(chat, Authorization="", Cookie=cookie, Origin="http://elsewhere.example")
    stream = await api.events(chat, Authorization="", Cookie=cookie, Origin=api.origin)
    stream.close()


async def test_with_a_cookie_alone_nothing_can_be_changed(api: Api) -> None:
    cookie = await _log_in(api)
    headers = {"Authorization": "", "Cookie": cookie}
    assert (await api.get("/chats", headers=dict(headers))).status == 200
    refused = await api.post("/chats", {"title": "forged"}, headers=dict(headers))
    assert refused.status == 403
    assert refused.json["code"] == "forbidden"
    assert (await api.get("/chats")).json == {"chats": []}

    xsrf = next(part for part in cookie.split("; ") if part.startswith("_xsrf=")).partition("=")[2]
    allowed = await api.post("/chats", {"title": "mine"}, headers={**headers, "X-XSRFToken": xsrf})
    assert allowed.status == 201


async def _log_in(api: Api) -> str:
    """The cookies that a browser has after it saw the login page and used the token."""
    cookies = []
    for params in ({}, {"token": api.token}):
        response = await api.fetch(
            "login",
            params=params,
            headers={"Authorization": "none"},
            follow_redirects=False,
            raise_error=False,
        )
        cookies += [header.partition(";")[0] for header in response.headers.get_list("Set-Cookie")]
    assert any(cookie.startswith("_xsrf=") for cookie in cookies), cookies
    return "; ".join(cookies)


class ReadOnly(Authorizer):
    """Lets users read what belongs to chatide, and nothing else."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "chatide" and action == "read"


class TestAUserWhoMayOnlyRead:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ServerApp.authorizer_class = ReadOnly
        return jp_server_config

    async def test_reads(self, api: Api) -> None:
        assert (await api.get("/chats")).status == 200
        assert (await api.get("/sandbox")).status == 200

    async def test_changes_nothing(self, api: Api) -> None:
        for method, path in (
            ("POST", "/chats"),
            ("PUT", "/keys/openai"),
            ("DELETE", "/keys/openai"),
            ("POST", "/llmcall"),
            ("POST", "/chats/c/turns"),
        ):
            answer = await api(method, path, json.dumps({}).encode())
            assert answer.status == 403, (method, path)
