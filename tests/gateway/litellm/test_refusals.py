"""Each refusal of each format is called by its name."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chatide.gateway import errors
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from tests.fakes import Failure, FakeProvider
from tests.fakes.gemini import blocked
from tests.gateway.asking import KEY, target_for

from .asking import Format, failure

Kind = type[errors.GatewayError]

OPENAIS: list[tuple[int, dict[str, Any], Kind]] = [
    (401, {"message": f"Incorrect API key provided: {KEY}."}, errors.AuthenticationError),
    (401, {"message": "no", "type": "invalid_request_error"}, errors.AuthenticationError),
    (402, {"message": "pay first"}, errors.QuotaError),
    (403, {"message": "not from there"}, errors.PermissionDeniedError),
    (404, {"message": "no such model", "code": "model_not_found"}, errors.ModelNotFoundError),
    (408, {"message": "slow"}, errors.ModelTimeoutError),
    (429, {"message": "slow down"}, errors.RateLimitError),
    (429, {"message": "pay", "code": "insufficient_quota"}, errors.QuotaError),
    (400, {"message": "long", "code": "context_length_exceeded"}, errors.ContextTooLongError),
    (400, {"message": "bad", "code": "content_filter"}, errors.ContentRefusedError),
    (400, {"message": "what?"}, errors.RequestRefusedError),
    (500, {"message": "oops"}, errors.OverloadedError),
    (503, {"message": "later"}, errors.OverloadedError),
    # Words that litellm would go by, and we do not:
    (500, {"message": "rate limit: maximum context length is 429"}, errors.OverloadedError),
]


@pytest.mark.parametrize(("status", "error", "kind"), OPENAIS)
async def test_a_refusal_is_classed_by_status_and_code(
    adapter: LiteLLMAdapter, openai: Format, status: int, error: dict[str, Any], kind: Kind
) -> None:
    openai.provider.refuse(status, error, retry_after=7)
    caught = await failure(adapter, openai.target)
    assert type(caught) is kind
    assert (caught.status, caught.retry_after) == (status, 7)
    assert "Fakes Inc" in caught.message or kind is errors.ContextTooLongError
    assert caught.hint
    assert KEY not in caught.message + caught.hint


async def test_a_redirect_is_not_followed_with_a_key(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    with FakeProvider() as other:
        other.otherwise("stolen")
        spoken.provider.respond(307, headers={"Location": f"{other.origin}/v1/chat/completions"})
        caught = await failure(adapter, spoken.target)
        assert other.requests == []
    assert (type(caught), caught.status) == (errors.MalformedReplyError, 307)


async def test_a_request_that_cannot_be_processed_is_refused(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    for _ in range(2):  # litellm drops the parameters named, and asks once more
        openai.provider.refuse(422, {"message": "what?"})
    caught = await failure(adapter, openai.target)
    assert (type(caught), caught.status) == (errors.RequestRefusedError, 422)


TOO_LONG = "prompt is too long: 208310 tokens > 200000 maximum"
ANTHROPICS: list[tuple[int, str, str, str]] = [
    (401, "authentication_error", f"invalid x-api-key {KEY}", "authentication"),
    (402, "billing_error", "no credit", "quota"),
    (403, "permission_error", "not allowed", "permission"),
    (404, "not_found_error", "model: m", "model_not_found"),
    (413, "request_too_large", "too large", "request_refused"),
    (429, "rate_limit_error", "slow down", "rate_limit"),
    (400, "invalid_request_error", TOO_LONG, "context_too_long"),
    (400, "invalid_request_error", "max_tokens: 0", "request_refused"),
    (500, "api_error", "oops", "overloaded"),
    (504, "timeout_error", "too slow", "timeout"),
    (529, "overloaded_error", "Overloaded", "overloaded"),
]


@pytest.mark.parametrize(("status", "kind", "message", "code"), ANTHROPICS)
async def test_anthropics_refusals_are_told_apart(
    adapter: LiteLLMAdapter, anthropic: Format, status: int, kind: str, message: str, code: str
) -> None:
    anthropic.provider.refuse(status, {"type": kind, "message": message}, retry_after=9)
    caught = await failure(adapter, anthropic.target)
    assert (caught.code, caught.status, caught.retry_after) == (code, status, 9)
    assert caught.hint and KEY not in caught.message + caught.hint


def google(code: int, status: str, message: str, **detail: str) -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.rpc", **detail}]
    return {"code": code, "message": message, "status": status, "details": details}


TOO_MANY = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
INVALID = "INVALID_ARGUMENT"
GEMINIS = [
    (google(400, INVALID, f"no {KEY}", reason="API_KEY_INVALID"), "authentication", None),
    (google(401, "UNAUTHENTICATED", "no"), "authentication", None),
    (google(400, INVALID, TOO_MANY), "context_too_long", None),
    (google(400, INVALID, "what?"), "request_refused", None),
    (google(403, "PERMISSION_DENIED", "no"), "permission", None),
    (google(404, "NOT_FOUND", "models/m"), "model_not_found", None),
    (google(429, "RESOURCE_EXHAUSTED", "q", retryDelay="17s"), "rate_limit", 17),
    (google(500, "INTERNAL", "oops"), "overloaded", None),
    (google(503, "UNAVAILABLE", "overloaded"), "overloaded", None),
    (google(504, "DEADLINE_EXCEEDED", "slow"), "timeout", None),
]


@pytest.mark.parametrize(("error", "code", "wait"), GEMINIS)
async def test_googles_refusals_are_told_apart(
    adapter: LiteLLMAdapter, gemini: Format, error: dict[str, Any], code: str, wait: float | None
) -> None:
    gemini.provider.refuse(error["code"], error)
    caught = await failure(adapter, gemini.target)
    assert (caught.code, caught.status, caught.retry_after) == (code, error["code"], wait)
    assert caught.hint and KEY not in caught.message + caught.hint


async def test_a_wrong_key_is_said_to_be_wrong_and_not_shown(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.key = "another"
    caught = await failure(adapter, spoken.target)
    assert type(caught) is errors.AuthenticationError
    assert KEY not in caught.message + caught.hint + repr(caught)


async def test_an_answer_that_a_filter_ends_before_its_first_word_is_refused(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(finish="content_filter")
    caught = await failure(adapter, spoken.target)
    assert type(caught) is errors.ContentRefusedError
    assert caught.hint


async def test_a_prompt_that_google_blocks_is_refused(
    adapter: LiteLLMAdapter, gemini: Format
) -> None:
    gemini.provider.reply(blocked(), finish=None)
    assert type(await failure(adapter, gemini.target)) is errors.ContentRefusedError


BROKEN_OFF = [
    ("openai", Failure("server_error"), "overloaded"),
    ("openai", Failure("rate_limit_exceeded"), "rate_limit"),
    (
        "openai",
        Failure("invalid_request_error", code="context_length_exceeded"),
        "context_too_long",
    ),
    ("anthropic", Failure("overloaded_error", "Overloaded"), "overloaded"),
    ("anthropic", Failure("api_error", "oops"), "overloaded"),
    ("anthropic", Failure("rate_limit_error", "slow down"), "rate_limit"),
    ("gemini", Failure("UNAVAILABLE", "overloaded", 503), "overloaded"),
    ("gemini", Failure("RESOURCE_EXHAUSTED", "slow down", 429), "rate_limit"),
]


@pytest.mark.parametrize(("name", "part", "code"), BROKEN_OFF)
async def test_an_error_in_mid_reply_is_called_by_its_name(
    adapter: LiteLLMAdapter, request: pytest.FixtureRequest, name: str, part: Failure, code: str
) -> None:
    spoken: Format = request.getfixturevalue(name)
    for script in (("half", 0.1, part), (part,)):
        spoken.provider.reply(*script, finish=None, usage=None, done=False)
        caught = await failure(adapter, spoken.target)
        assert (caught.code, bool(caught.hint)) == (code, True)


async def test_a_provider_that_needs_a_key_is_not_asked_without(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    url = openai.target.base_url
    asked = target_for(url, None, adapter="litellm", litellm_prefix="openai")
    assert type(await failure(adapter, asked)) is errors.AuthenticationError
    assert openai.provider.requests == []
