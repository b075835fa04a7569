"""Whatever a provider refuses is called by its name."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chatide.gateway import (
    AuthenticationError,
    ContentRefusedError,
    ContextTooLongError,
    FinishDelta,
    GatewayError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RequestRefusedError,
)
from jupyter_chatide.gateway.wire.direct import DirectAdapter
from tests.fakes import FakeProvider, event

from ..asking import KEY, ask, question, target_for, text_of

REFUSALS: list[tuple[int, dict[str, Any], type[GatewayError]]] = [
    (400, {"message": "?", "type": "invalid_request_error"}, RequestRefusedError),
    (400, {"code": "context_length_exceeded", "type": "invalid"}, ContextTooLongError),
    (400, {"code": 400, "type": "exceed_context_size_error", "n_ctx": 512}, ContextTooLongError),
    (400, {"code": "content_filter"}, ContentRefusedError),
    (400, {"code": "invalid_prompt"}, ContentRefusedError),
    (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, ContentRefusedError),
    (400, {"code": 400, "status": "INVALID_ARGUMENT"}, RequestRefusedError),
    (400, {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}, AuthenticationError),
    (400, {"code": "model_decommissioned"}, ModelNotFoundError),
    (400, {"message": "no", "param": {"name": ["seed"]}}, RequestRefusedError),
    (401, {"code": "invalid_api_key"}, AuthenticationError),
    (402, {"message": "credits", "code": 402}, QuotaError),
    (403, {"code": "unsupported_country_region_territory"}, PermissionDeniedError),
    (403, {"code": 403, "metadata": {"reasons": ["violence"]}}, ContentRefusedError),
    (404, {"code": "model_not_found"}, ModelNotFoundError),
    (404, {"message": "no", "type": "invalid_request_error"}, ModelNotFoundError),
    (408, {"message": "slow"}, ModelTimeoutError),
    (413, {"message": "big"}, RequestRefusedError),
    (413, {"code": "rate_limit_exceeded", "type": "tokens"}, RateLimitError),
    (422, {"message": "shape"}, RequestRefusedError),
    (429, {"code": "rate_limit_exceeded"}, RateLimitError),
    (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, QuotaError),
    (498, {"message": "no capacity"}, OverloadedError),
    (500, {"message": "oh"}, OverloadedError),
    (503, {"type": "overloaded_error"}, OverloadedError),
    (529, {"type": "overloaded_error"}, OverloadedError),
]


@pytest.mark.parametrize(("status", "error", "kind"), REFUSALS)
async def test_each_refusal_has_its_class_a_message_and_a_hint(
    provider: FakeProvider, status: int, error: dict[str, Any], kind: type[GatewayError]
) -> None:
    provider.refuse(status, error)
    with pytest.raises(GatewayError) as caught:
        await ask(provider.base_url)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.message.endswith((".", "?"))  # its hint follows as a sentence of its own
    assert caught.value.hint


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            '{"object":"error","type":"BadRequestError","code":400,"message":"x"}',
            RequestRefusedError,
        ),
        ('{"object":"error","code":404,"type":"NotFoundError","message":"x"}', ModelNotFoundError),
        ('[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', RateLimitError),
        ('{"error":"the model is overloaded","error_type":"overloaded"}', RequestRefusedError),
        ("not json", RequestRefusedError),
        ("", RequestRefusedError),
    ],
)
async def test_refusals_of_other_shapes_are_read_too(
    provider: FakeProvider, body: str, kind: type[GatewayError]
) -> None:
    status = 404 if "404" in body else 400
    provider.respond(status, body)
    with pytest.raises(kind):
        await ask(provider.base_url)


async def test_words_never_decide_the_class(provider: FakeProvider) -> None:
    provider.refuse(400, {"message": "rate limit exceeded, invalid api key, context length"})
    with pytest.raises(RequestRefusedError):
        await ask(provider.base_url)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("7", 7, 7), ("0.5", 0.5, 0.5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("-3", 0, 0)],
)
async def test_the_wait_that_a_provider_asks_for_is_kept(
    provider: FakeProvider, value: str, low: float, high: float
) -> None:
    provider.refuse(429, retry_after=value)
    with pytest.raises(RateLimitError) as caught:
        await ask(provider.base_url)
    assert caught.value.retry_after is not None and low <= caught.value.retry_after <= high


@pytest.mark.parametrize(
    "value", ["soon", "nan", "inf", "", "Mon, 01 Jan 99999999999999 00:00:00 GMT"]
)
async def test_a_wait_that_is_none_is_ignored(provider: FakeProvider, value: str) -> None:
    provider.refuse(429, retry_after=value)
    with pytest.raises(RateLimitError) as caught:
        await ask(provider.base_url)
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "x", "type": "server_error"}, OverloadedError),
        ({"message": "x", "code": 502}, OverloadedError),
        ({"message": "x", "code": 429}, RateLimitError),
        ({"message": "x", "code": "context_length_exceeded"}, ContextTooLongError),
        ("something broke", OverloadedError),
    ],
)
async def test_an_error_in_mid_reply_ends_it_after_what_was_said(
    provider: FakeProvider, error: object, kind: type[GatewayError]
) -> None:
    provider.reply("so far", event({"error": error}), "never")
    adapter, said = DirectAdapter(), []
    with pytest.raises(kind):
        async for delta in adapter.stream(target_for(provider.base_url), question()):
            said.append(delta)
    await adapter.aclose()
    assert text_of(said) == "so far"


async def test_an_error_page_is_not_quoted(provider: FakeProvider) -> None:
    provider.respond(502, "<html><body>nginx</body></html>", content_type="text/html")
    with pytest.raises(OverloadedError) as caught:
        await ask(provider.base_url)
    assert "<" not in caught.value.message and "502" in caught.value.message


async def test_no_error_shows_the_key_that_a_provider_echoes(provider: FakeProvider) -> None:
    echoes = [KEY, f"{KEY[:8]}***{KEY[-6:]}", f"'{KEY[:12]}…'", f"Bearer {KEY}, twice {KEY}"]
    for status in (400, 401, 403, 404, 429, 500):
        for echo in echoes:
            provider.refuse(status, {"message": f"Wrong key: {echo}. Look.", "type": "x"})
            with pytest.raises(GatewayError) as caught:
                await ask(provider.base_url)
            shown = f"{caught.value!r} {caught.value} {caught.value.message} {caught.value.hint}"
            assert all(KEY[i : i + 6] not in shown for i in range(len(KEY) - 5)), shown


async def test_an_answer_that_a_filter_ends_before_its_first_word_is_refused(
    provider: FakeProvider,
) -> None:
    provider.reply(finish="content_filter")
    with pytest.raises(ContentRefusedError) as caught:
        await ask(provider.base_url)
    assert caught.value.hint and "200" not in caught.value.message
    provider.reply("so far", finish="content_filter")
    assert (await ask(provider.base_url))[-1] == FinishDelta("content_filter", "fake/m")


async def test_a_reply_that_ends_in_an_error_is_not_complete(provider: FakeProvider) -> None:
    provider.reply("so far", finish="error")
    with pytest.raises(OverloadedError):
        await ask(provider.base_url)
