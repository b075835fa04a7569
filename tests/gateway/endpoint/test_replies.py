"""Answers and errors in OpenAI's words."""

from __future__ import annotations

from typing import Any

import pytest

import jupyter_chatide.gateway.errors as gateway_errors
from jupyter_chatide.errors import ChatIDEError, InvalidRequestError
from jupyter_chatide.gateway.endpoint.replies import (
    Reply,
    error_body,
    retry_after,
    status_of,
    worth_retrying,
)
from jupyter_chatide.gateway.messages import (
    AnyDelta,
    FallbackDelta,
    FinishDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)

ANSWER: list[AnyDelta] = [
    FallbackDelta("a/b", "c/d", "It is busy."),
    ReasoningDelta("Hm."),
    TextDelta("Hel"),
    TextDelta("lo"),
    ToolCallDelta(0, "c1", "f", '{"a"'),
    ToolCallDelta(0, arguments=":1}"),
    ToolCallDelta(1, "c2", "g", "{}"),
    UsageDelta(7, 11, cached_tokens=3, reasoning_tokens=2),
    FinishDelta("tool_calls", "c/d"),
]


def chunks(reply: Reply) -> list[dict[str, Any]]:
    return [chunk for delta in ANSWER for chunk in reply.feed(delta)]


def test_the_chunks_say_what_the_whole_says() -> None:
    reply = Reply("a/b")
    streamed = chunks(reply)
    whole = reply.whole()
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed]
    message = whole["choices"][0]["message"]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == message["content"] == "Hello"
    assert message["reasoning_content"] == "Hm."
    assert message["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert streamed[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert whole["model"] == streamed[-1]["model"] == "c/d"  # the one that answered
    assert {chunk["id"] for chunk in streamed} == {whole["id"]}
    assert whole["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 11,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert reply.usage_chunk()["usage"] == whole["usage"]
    assert reply.usage_chunk()["choices"] == []


def test_at_most_one_call_where_only_one_is_wanted() -> None:
    reply = Reply("a/b", one_call=True)
    streamed = chunks(reply)
    assert len(reply.whole()["choices"][0]["message"]["tool_calls"]) == 1
    assert "'c2'" not in str(streamed)


def test_an_odd_end_is_a_stop() -> None:
    reply = Reply("a/b")
    (chunk,) = reply.feed(FinishDelta("other", "a/b"))
    assert chunk["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (gateway_errors.AuthenticationError, 403, "provider_key"),
        (gateway_errors.PermissionDeniedError, 403, "provider_permission"),
        (gateway_errors.QuotaError, 429, "insufficient_quota"),
        (gateway_errors.RateLimitError, 429, "rate_limit_exceeded"),
        (gateway_errors.ContextTooLongError, 400, "context_length_exceeded"),
        (gateway_errors.ModelNotFoundError, 404, "model_not_found"),
        (gateway_errors.ContentRefusedError, 400, "content_filter"),
        (gateway_errors.RequestRefusedError, 400, "invalid_request"),
        (gateway_errors.OverloadedError, 503, "overloaded"),
        (gateway_errors.ModelTimeoutError, 504, "timeout"),
        (gateway_errors.UnreachableError, 502, "upstream_error"),
        (gateway_errors.MalformedReplyError, 502, "upstream_error"),
        (gateway_errors.KeyStoreError, 500, "key_store"),
        (gateway_errors.PolicyError, 403, "policy"),
        (gateway_errors.BudgetError, 429, "insufficient_quota"),
        (InvalidRequestError, 400, "invalid_value"),
        (ChatIDEError, 500, "server_error"),
    ],
)
def test_each_class_of_error(error: type[ChatIDEError], status: int, code: str) -> None:
    made = error("It went wrong.", "Try this.")
    assert status_of(made) == status
    body = error_body(made)["error"]
    assert body["code"] == code
    assert body["message"] == "It went wrong. Try this."


def test_the_field_is_the_param() -> None:
    def param(message: str) -> Any:
        return error_body(InvalidRequestError(message))["error"]["param"]

    assert (
        param("messages[0].content[1].image_url.url: no.") == "messages[0].content[1].image_url.url"
    )
    assert param("temperature: no.") == "temperature"
    assert param("It is wrong: all of it.") is None


def test_who_should_ask_again_and_when() -> None:
    limit = gateway_errors.RateLimitError("x", retry_after=3.0)
    assert worth_retrying(limit) and retry_after(limit) == 3.0
    assert not worth_retrying(gateway_errors.OverloadedError("x"))
    assert retry_after(InvalidRequestError("x")) is None
