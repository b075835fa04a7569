"""A reply streams as the provider sends it, and whatever goes wrong is called by its name."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from jupyter_chatide.gateway import (
    AuthenticationError,
    ChatMessage,
    ContentRefusedError,
    ContextTooLongError,
    FinishDelta,
    GatewayError,
    LLMRequest,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ReasoningDelta,
    RequestRefusedError,
    TextDelta,
    UnreachableError,
    UsageDelta,
)
from jupyter_chatide.gateway.direct import DirectAdapter
from jupyter_chatide.gateway.settings import Deadlines
from tests.fakes import CUT, HOLD, FakeProvider, Reasoning, event, free_port

from .asking import KEY, ask, question, target_for, text_of


async def test_a_reply_streams_with_reasoning_usage_and_the_model_that_answered(
    provider: FakeProvider,
) -> None:
    provider.reply(Reasoning("hm"), Reasoning("ah", field="reasoning"), "4", "2")
    deltas = await ask(provider.base_url)
    assert deltas == [
        ReasoningDelta("hm"),
        ReasoningDelta("ah"),
        TextDelta("4"),
        TextDelta("2"),
        UsageDelta(input_tokens=7, output_tokens=11),
        FinishDelta("stop", "fake/m"),
    ]


async def test_the_request_is_what_was_asked(provider: FakeProvider) -> None:
    provider.reply("ok")
    messages = [ChatMessage("system", "Be kind."), ChatMessage("user", "Grüße 🌍")]
    await ask(provider.base_url, LLMRequest("fake", "some/model:7b", messages, temperature=0.25))
    (request,) = provider.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {
        "model": "some/model:7b",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Grüße 🌍"},
        ],
        "temperature": 0.25,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("packet", [1, 2, 3, 7, 64])
async def test_packets_cut_anywhere_change_nothing(provider: FakeProvider, packet: int) -> None:
    provider.reply(Reasoning("überlegt 🤔"), "Größe: ", "日本語 🎉\n\n", "ende", packet=packet)
    deltas = await ask(provider.base_url)
    assert text_of(deltas) == "Größe: 日本語 🎉\n\nende"
    assert deltas[0] == ReasoningDelta("überlegt 🤔")


@pytest.mark.parametrize(
    "body",
    [
        b'data:{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata:[DONE]\n\n',
        b'\xef\xbb\xbf: hello\r\n\r\nevent: x\r\nid: 7\r\n\r\ndata: {"choices":[{"delta":\r\n'
        b'data: {"content":"hi"},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n',
        b': PROCESSING\r\rdata: {"choices":[{"delta":{"content":"hi"}}]}\r\r'
        b'retry: 5\r\rdata: {"choices":[{"delta":{},"finish_reason":"eos"}]}\r\r',
        b'\n\n\ndata\n\ndata:\n\ndata: {"choices":[]}\n\ndata: {"choices":null}\n\n'
        b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}',
    ],
    ids=["no space", "bom, CRLF, data on two lines", "CR, comments", "empty, no last line end"],
)
@pytest.mark.parametrize("packet", [0, 1, 5])
async def test_every_form_of_an_event_stream_is_read(
    provider: FakeProvider, body: bytes, packet: int
) -> None:
    pieces = [body[i : i + packet] for i in range(0, len(body), packet)] if packet else [body]
    provider.respond(200, *pieces, content_type="text/event-stream")
    deltas = await ask(provider.base_url)
    assert deltas == [TextDelta("hi"), FinishDelta("stop", "fake/m")]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_calls"),
    ],
)
async def test_the_reason_for_the_end_is_told(
    provider: FakeProvider, said: str, meant: str
) -> None:
    provider.reply("x", finish=said)
    assert (await ask(provider.base_url))[-1] == FinishDelta(meant, "fake/m")  # type: ignore[arg-type]


async def test_done_without_a_reason_is_an_end(provider: FakeProvider) -> None:
    provider.reply("x", finish=None)
    assert (await ask(provider.base_url))[-1] == FinishDelta("other", "fake/m")


async def test_a_reason_without_done_is_an_end_even_if_the_connection_stays(
    provider: FakeProvider,
) -> None:
    provider.reply("x", done=False)
    tail = event({"choices": [{"delta": {"content": "y"}, "finish_reason": "stop"}]})
    provider.respond(200, tail, HOLD, content_type="text/event-stream")
    assert (await ask(provider.base_url))[-1] == FinishDelta("stop", "fake/m")
    deltas = await ask(provider.base_url, deadlines=Deadlines(trailing=0.2))
    assert deltas == [TextDelta("y"), FinishDelta("stop", "fake/m")]


async def test_a_model_that_another_name_answers_for_is_named(provider: FakeProvider) -> None:
    provider.reply(event({"model": "m-2026-11-01", "choices": []}), "x", packet=0)
    (first, *_) = await ask(provider.base_url)
    assert first == TextDelta("x")
    provider.respond(
        200,
        event({"model": "m-2026", "choices": [{"delta": {}, "finish_reason": "stop"}]}),
        content_type="text/event-stream",
    )
    assert (await ask(provider.base_url)) == [FinishDelta("stop", "fake/m-2026")]


async def test_parts_of_content_are_told_apart(provider: FakeProvider) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": "hi"}, {"type": "reference"}]
    provider.respond(
        200,
        event({"choices": [{"delta": {"content": parts}}]}),
        event({"choices": [{"delta": {"refusal": " no"}, "finish_reason": "stop"}]}),
        content_type="text/event-stream",
    )
    deltas = await ask(provider.base_url)
    assert deltas[:-1] == [ReasoningDelta("hm"), TextDelta("hi"), TextDelta(" no")]


async def test_a_server_that_does_not_stream_is_understood(provider: FakeProvider) -> None:
    whole = {
        "model": "m",
        "choices": [{"message": {"content": "all at once"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 3},
    }
    provider.respond(200, *event(whole).removeprefix(b"data: ").decode().partition("at"))
    deltas = await ask(provider.base_url)
    end = FinishDelta("stop", "fake/m")
    assert deltas == [TextDelta("all at once"), UsageDelta(1, 3), end]


async def test_a_server_that_refuses_to_count_tokens_is_asked_without(
    provider: FakeProvider,
) -> None:
    loc = {"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"]}
    provider.respond(422, event({"object": "error", "message": {"detail": [loc]}})[6:])
    provider.reply("ok", usage=None)
    provider.reply("again", usage=None)
    adapter, target = DirectAdapter(), target_for(provider.base_url)
    for expected in ("ok", "again"):
        assert text_of([d async for d in adapter.stream(target, question())]) == expected
    await adapter.aclose()
    asked = ["stream_options" in request.json for request in provider.requests]
    assert asked == [True, False, False]


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
    assert caught.value.message and caught.value.hint


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


@pytest.mark.parametrize("value", ["soon", "nan", "inf", ""])
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


async def test_a_reply_that_is_cut_is_not_taken_for_a_whole_one(provider: FakeProvider) -> None:
    provider.reply("half a rep", CUT)
    provider.reply("half a rep", finish=None, usage=None, done=False)
    provider.respond(200, CUT)
    for _ in range(3):
        with pytest.raises(UnreachableError):
            await ask(provider.base_url)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", "<!doctype html><title>Sign in</title>"),
        (404, "text/html", "<h1>404</h1>"),
        (404, "application/json", '{"detail":"Not Found"}'),
        (405, "text/plain", "Method Not Allowed"),
        (200, "text/event-stream", "data: {not json\n\n"),
        (200, "text/event-stream", "data: 7\n\n"),
        (200, "text/event-stream", f"data: {'[' * 100_000}\n\n"),
        (200, "application/json", '{"hello": "world"}'),
        (200, "application/json", '{"models": '),
        (200, "application/json", "[]"),
        (200, "text/event-stream", ""),
        (200, "text/event-stream", ": only a comment\n\n"),
    ],
)
async def test_what_is_no_reply_is_called_malformed(
    provider: FakeProvider, status: int, content_type: str, body: str
) -> None:
    provider.respond(status, body, content_type=content_type)
    with pytest.raises(MalformedReplyError):
        await ask(provider.base_url)


async def test_an_error_page_is_not_quoted(provider: FakeProvider) -> None:
    provider.respond(502, "<html><body>nginx</body></html>", content_type="text/html")
    with pytest.raises(OverloadedError) as caught:
        await ask(provider.base_url)
    assert "<" not in caught.value.message and "502" in caught.value.message


async def test_redirects_are_not_followed(provider: FakeProvider) -> None:
    with FakeProvider() as other:
        other.otherwise("stolen")
        url = f"{other.base_url}/chat/completions"
        provider.respond(307, headers={"Location": url})
        with pytest.raises(MalformedReplyError):
            await ask(provider.base_url)
        assert other.requests == []


async def test_a_flood_is_cut_off(provider: FakeProvider) -> None:
    endless = b"data: " + b"x" * 100_000
    provider.respond(200, endless, *[b"x" * 100_000] * 100, content_type="text/event-stream")
    with pytest.raises(MalformedReplyError):
        await ask(provider.base_url, event_limit=1_000_000)
    provider.reply(*["many words " * 1000] * 100)
    with pytest.raises(MalformedReplyError):
        await ask(provider.base_url, reply_limit=100_000)
    provider.respond(200, "{", *[" " * 100_000] * 100)
    with pytest.raises(MalformedReplyError):
        await ask(provider.base_url, event_limit=1_000_000)


async def test_nobody_at_home_is_unreachable() -> None:
    with pytest.raises(UnreachableError) as caught:
        await ask(f"http://127.0.0.1:{free_port()}/v1")
    assert "Fakes Inc" in caught.value.message
    with pytest.raises(UnreachableError):
        await ask("http://no-such-host.invalid/v1")


async def test_each_deadline_is_kept_and_named(provider: FakeProvider) -> None:
    provider.respond(200, HOLD)  # headers, and nothing more
    provider.reply(HOLD)  # a role, and no token
    provider.reply("a", HOLD)
    provider.reply(*["x", 0.05] * 100)
    cases = [
        (Deadlines(first_token=0.3), "0.3 s"),
        (Deadlines(first_token=0.3), "0.3 s"),
        (Deadlines(idle=0.4), "0.4 s"),
        (Deadlines(total=0.6), "0.6 s"),
    ]
    for deadlines, named in cases:
        began = time.monotonic()
        with pytest.raises(ModelTimeoutError, match=named):
            await ask(provider.base_url, deadlines=deadlines)
        assert time.monotonic() - began < 3
    for request in provider.requests:
        assert await asyncio.to_thread(request.wait_left)


async def test_comments_do_not_count_as_a_token(provider: FakeProvider) -> None:
    provider.respond(200, *[": wait\n\n", 0.1] * 20, content_type="text/event-stream")
    with pytest.raises(ModelTimeoutError):
        await ask(provider.base_url, deadlines=Deadlines(first_token=0.5, idle=5))


async def test_closing_the_stream_closes_the_connection_at_once(provider: FakeProvider) -> None:
    adapter = DirectAdapter()
    for _ in range(3):
        provider.reply("first", HOLD, "never")
        async with aclosing(adapter.stream(target_for(provider.base_url), question())) as deltas:
            async for _delta in deltas:
                break
            left = time.monotonic()
        took = time.monotonic() - left
        request = provider.requests[-1]
        assert await asyncio.to_thread(request.wait_left)
        assert request.left_at is not None
        assert max(took, request.left_at - left) < 0.25  # measured: a few ms
    await adapter.aclose()


async def test_cancelling_the_reader_closes_the_connection_at_once(provider: FakeProvider) -> None:
    for script in (("first", HOLD), (HOLD,)):
        provider.reply(*script)
        reading = asyncio.create_task(ask(provider.base_url))
        await asyncio.to_thread(provider.wait_for_requests, len(provider.requests) + 1)
        await asyncio.sleep(0.1)
        left = time.monotonic()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        request = provider.requests[-1]
        assert await asyncio.to_thread(request.wait_left)
        assert request.left_at is not None and request.left_at - left < 0.25


async def test_a_stream_does_not_block_the_loop(provider: FakeProvider) -> None:
    provider.reply(*["word "] * 20_000)
    worst, done = 0.0, False

    async def watch() -> None:
        nonlocal worst
        while not done:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            worst = max(worst, time.monotonic() - before - 0.005)

    watching = asyncio.create_task(watch())
    deltas = await ask(provider.base_url)
    done = True
    await watching
    assert len(text_of(deltas)) == 100_000
    assert worst < 0.5


async def test_no_error_shows_the_key_that_a_provider_echoes(provider: FakeProvider) -> None:
    echoes = [KEY, f"{KEY[:8]}***{KEY[-6:]}", f"'{KEY[:12]}…'", f"Bearer {KEY}, twice {KEY}"]
    for status in (400, 401, 403, 404, 429, 500):
        for echo in echoes:
            provider.refuse(status, {"message": f"Wrong key: {echo}. Look.", "type": "x"})
            with pytest.raises(GatewayError) as caught:
                await ask(provider.base_url)
            shown = f"{caught.value!r} {caught.value} {caught.value.message} {caught.value.hint}"
            assert all(KEY[i : i + 6] not in shown for i in range(len(KEY) - 5)), shown
