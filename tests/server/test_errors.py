"""What a client hears when something is wrong: a sentence, a code, one thing to do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import jupyter_chatide.gateway.errors as gateway_errors
from jupyter_chatide.errors import ChatIDEError, ConflictError, InvalidRequestError, NotFoundError
from jupyter_chatide.server.errors import explain, status_of

from .conftest import Api

BODIES = [
    ("PUT", "/keys/openai"),
    ("PUT", "/providers/mine"),
    ("PUT", "/providers/ollama/options"),
    ("PATCH", "/preferences"),
    ("PATCH", "/endpoint"),
    ("POST", "/endpoint/tokens"),
    ("POST", "/local"),
    ("POST", "/llmcall"),
    ("POST", "/chats"),
    ("PATCH", "/chats/{chat}"),
    ("POST", "/chats/{chat}/turns"),
    ("POST", "/chats/{chat}/runs"),
    ("POST", "/chats/{chat}/previews"),
]
MALFORMED = {
    "not JSON": b"{oops",
    "not text": b"\xff\xfe\x00",
    "half a character": b'{"title": "\\ud800"}',
    "not an object": b"[1, 2]",
    "null": b"null",
    "an unknown field": b'{"no_such_field": 1}',
    "too deep": b"[" * 10_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize(("method", "path"), BODIES, ids=[f"{m} {p}" for m, p in BODIES])
async def test_a_malformed_body_is_refused_in_words(
    api: Api, method: str, path: str, body: bytes
) -> None:
    answer = await api(method, path.format(chat=await api.new_chat()), body)
    assert answer.status == 400
    assert answer.json["code"] == "invalid_request"
    assert answer.json["message"].endswith(".")
    assert answer.json["hint"]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/keys/openai", {"key": 1}, "key"),
        ("PUT", "/keys/openai", {}, "key"),
        ("PUT", "/keys/openai", {"key": "k", "place": "pocket"}, "place"),
        ("PUT", "/providers/mine", {"label": "Mine"}, "base_url"),
        ("PUT", "/providers/mine", {"label": "Mine", "base_url": "nowhere"}, "base_url"),
        ("PUT", "/providers/Not_A_Slug", {"label": "x", "base_url": "http://x/v1"}, "id"),
        ("PUT", "/providers/ollama/options", {"no_such": "x"}, "no_such"),
        ("PATCH", "/preferences", {}, "fallback"),
        ("PATCH", "/preferences", {"fallback": ["demo/demo", "nameless"]}, "fallback[1]"),
        ("PATCH", "/preferences", {"default_model": "nameless"}, "default_model"),
        ("PATCH", "/endpoint", {"enabled": "yes"}, "$.enabled"),
        ("POST", "/endpoint/tokens", {"label": " "}, "label"),
        ("POST", "/endpoint/tokens", {"label": "x", "budget_cost": -1}, "budget_cost"),
        ("POST", "/endpoint/tokens", {"label": "x", "budget_tokens": 0}, "budget_tokens"),
        ("POST", "/endpoint/tokens", {"label": "x", "days": -1}, "days"),
        ("POST", "/local", {}, "path"),
        ("POST", "/llmcall", {"provider": "demo", "model": "demo"}, "messages"),
        ("POST", "/llmcall", {"provider": "demo", "model": 3, "messages": []}, "$.model"),
        ("POST", "/chats", {"title": []}, "$.title"),
        ("PATCH", "/chats/{chat}", {}, "title"),
        ("PATCH", "/chats/{chat}", {"title": " "}, "title"),
        ("POST", "/chats/{chat}/turns", {}, "prompt"),
        ("POST", "/chats/{chat}/turns", {"prompt": "  "}, "prompt"),
        ("POST", "/chats/{chat}/turns", {"prompt": "x", "mode": "destroy"}, "$.mode"),
        ("POST", "/chats/{chat}/turns", {"prompt": "x", "model": "nameless"}, "model"),
        ("POST", "/chats/{chat}/runs", {}, "action"),
        ("POST", "/chats/{chat}/previews", {"path": 7}, "$.path"),
    ],
)
async def test_the_message_names_the_field(
    api: Api, method: str, path: str, body: Any, field: str
) -> None:
    answer = await api(method, path.format(chat=await api.new_chat()), body)
    assert answer.status == 400
    assert field in answer.json["message"]


async def test_a_query_that_is_wrong_is_named(api: Api) -> None:
    chat = await api.new_chat()
    for path, field in (
        ("/models", "provider"),
        ("/usage?days=0", "days"),
        ("/usage?days=many", "days"),
        (f"/chats/{chat}/events?after=-1", "after"),
        (f"/chats/{chat}/events?after=many", "after"),
        (f"/chats/{chat}/events?after={'9' * 400}", "after"),
    ):
        answer = await api.get(path)
        assert answer.status == 400, path
        assert field in answer.json["message"]


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    answer = await api("PUT", "/keys/openai", {"key": "k" * 100_000})
    assert answer.status == 413
    assert answer.json["code"] == "too_large"
    assert "0.02 MB" in answer.json["message"]


async def test_an_unknown_address_is_an_error_as_the_others(api: Api) -> None:
    for path in ("/nothing", "/chats/a/b/c/d", "/v2/chat", "/"):
        answer = await api.get(path, checked=False)
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json["code"] == "not_found"
    stranger = await api.get("/nothing", checked=False, headers={"Authorization": "none"})
    assert stranger.status == 403


async def test_an_unknown_chat_is_said_on_every_route(api: Api) -> None:
    for id in ("0123456789abcdef", "..", "%2e%2e%2fkeys.json", "a" * 300):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"title": "x"}),
            ("DELETE", "", None),
            ("POST", "/turns", {"prompt": "x"}),
            ("POST", "/stop", None),
            ("POST", "/runs", {"action": "a1"}),
            ("GET", "/events", None),
            ("GET", "/workspace", None),
            ("GET", "/workspace/a.txt", None),
            ("POST", "/previews", {"path": "a.html"}),
        ):
            answer = await api(method, f"/chats/{id}{path}", body)
            assert answer.status == 404, (method, id, path)
            assert "chat" in answer.json["message"]


async def test_a_method_that_is_not_there_is_said(api: Api) -> None:
    answer = await api("PUT", "/chats", {}, checked=False)
    assert answer.status == 405
    assert answer.json["code"] == "method_not_allowed"


async def test_what_nobody_foresaw_tells_the_client_nothing_but_a_number(
    api: Api, data_dir: Any, caplog: pytest.LogCaptureFixture
) -> None:
    chat = await api.new_chat()
    # A file stands where the workspace should be.
    (data_dir / "chats" / chat / "workspace").write_text("in the way")
    with caplog.at_level(logging.ERROR):
        answer = await api.get(f"/chats/{chat}/workspace")
    assert answer.status == 500
    assert answer.json["code"] == "internal"
    assert "Traceback" not in answer.body.decode() and str(data_dir) not in answer.body.decode()
    number = answer.json["hint"].rpartition(" ")[2].rstrip(".")
    assert number in caplog.text  # whoever keeps the server finds the rest


def test_every_kind_of_error_has_a_status() -> None:
    assert status_of(InvalidRequestError("x")) == 400
    assert status_of(NotFoundError("x")) == 404
    assert status_of(ConflictError("x")) == 409
    for error in vars(gateway_errors).values():
        if isinstance(error, type) and issubclass(error, gateway_errors.GatewayError):
            assert status_of(error("x")) in (400, 403, 429, 502, 504), error


def test_an_error_keeps_its_words_and_its_hint() -> None:
    class OddError(ChatIDEError):
        code = "odd"

    status, told = explain(OddError("It is odd.", "Even it."), logging.getLogger(), "GET /x")
    assert (status, told.message, told.code, told.hint) == (500, "It is odd.", "odd", "Even it.")
