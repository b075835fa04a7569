"""Asking through litellm: a real worker process, and providers of each format on loopback."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from jupyter_core.utils import ensure_event_loop

from jupyter_chatide.gateway import errors
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.litellm_adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import (
    AnyDelta,
    ChatMessage,
    FinishDelta,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from jupyter_chatide.gateway.settings import Deadlines
from jupyter_chatide.gateway.worker_protocol import WINDOW
from tests.fakes.provider import CUT, HOLD, FakeProvider, Part, Reasoning, event, free_port
from tests.gateway.asking import KEY, target_for, text_of
from tests.smollm import MODEL, serve_smollm


@pytest.fixture(scope="module", autouse=True)
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for the whole module, so that the tests share a worker."""
    loop = ensure_event_loop()  # the one that pytest-jupyter runs tests on
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No test here starts a Jupyter server."""


@pytest.fixture(scope="module")
def adapter(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[LiteLLMAdapter]:
    adapter = LiteLLMAdapter()
    yield adapter
    jp_asyncio_loop.run_until_complete(adapter.aclose())


@pytest.fixture(scope="module")
def hasty(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[LiteLLMAdapter]:
    """An adapter that soon loses patience."""
    adapter = LiteLLMAdapter(Deadlines(connect=0.7, first_token=2.5, idle=1.0, total=4.0))
    yield adapter
    jp_asyncio_loop.run_until_complete(adapter.aclose())


def target(base_url: str, prefix: str = "openai", key: str | None = KEY) -> Target:
    return target_for(base_url, key, adapter="litellm", litellm_prefix=prefix, needs_key=False)


def question(text: str = "hi", *, model: str = "m", temperature: float | None = None) -> LLMRequest:
    messages = [ChatMessage("system", "Be brief."), ChatMessage("user", text)]
    return LLMRequest("fake", model, messages, temperature)


async def ask(
    adapter: LiteLLMAdapter, target: Target, request: LLMRequest | None = None
) -> list[AnyDelta]:
    return [delta async for delta in adapter.stream(target, request or question())]


async def failure(
    adapter: LiteLLMAdapter, target: Target, request: LLMRequest | None = None
) -> errors.GatewayError:
    with pytest.raises(errors.GatewayError) as caught:
        await ask(adapter, target, request)
    return caught.value


# Anthropic's and Google's own formats, from their API references.


def anthropic_event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + event({"type": kind, **fields})


def anthropic_start() -> bytes:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-fake",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    }
    return anthropic_event("message_start", message=message)


def anthropic_block(index: int, kind: str, *pieces: str) -> Iterator[bytes]:
    block = {"type": kind, kind: ""}
    yield anthropic_event("content_block_start", index=index, content_block=block)
    for piece in pieces:
        delta = {"type": f"{kind}_delta", kind: piece}
        yield anthropic_event("content_block_delta", index=index, delta=delta)
    yield anthropic_event("content_block_stop", index=index)


def anthropic_end(stop_reason: str = "end_turn") -> Iterator[bytes]:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    yield anthropic_event("message_delta", delta=delta, usage={"output_tokens": 15})
    yield anthropic_event("message_stop")


def speak_anthropic(provider: FakeProvider, *parts: Part) -> Target:
    provider.route("POST", "/v1/messages", parts, content_type="text/event-stream")
    return target(provider.origin, "anthropic")


def gemini_chunk(*parts: dict[str, Any], finish: str | None = None) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}
    return event({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-fake"})


def speak_gemini(provider: FakeProvider, *parts: Part) -> Target:
    path = "/v1beta/models/m:streamGenerateContent"
    provider.route("POST", path, parts, content_type="text/event-stream")
    return target(provider.origin, "gemini")


# Answers


async def test_an_answer_streams_with_its_reasoning_usage_and_the_model_that_gave_it(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply(Reasoning("hm"), "Grüße, ", "Welt")
    deltas = await ask(adapter, target(provider.base_url), question(temperature=0.3))
    assert text_of(deltas) == "Grüße, Welt"
    assert deltas[0] == ReasoningDelta("hm")
    assert deltas[-2:] == [UsageDelta(7, 11), FinishDelta("stop", "fake/m")]
    (request,) = provider.chats
    assert request.key == KEY
    assert request.json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]
    assert request.json["temperature"] == 0.3


async def test_anthropics_own_format_is_understood(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    asked = speak_anthropic(
        provider,
        anthropic_start(),
        *anthropic_block(0, "thinking", "let me ", "see"),
        anthropic_event("ping"),
        *anthropic_block(1, "text", "Hello ", "there"),
        *anthropic_end(),
    )
    deltas = await ask(adapter, asked)
    assert text_of(deltas) == "Hello there"
    reasoning = "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    assert reasoning == "let me see"
    assert UsageDelta(25, 15) in deltas
    assert deltas[-1] == FinishDelta("stop", "fake/m")
    (request,) = provider.requests
    assert request.headers["x-api-key"] == KEY
    assert request.json["messages"][0]["role"] == "user"
    assert "Be brief." in str(request.json["system"])


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/messages", "/"])
async def test_a_base_url_of_anthropics_may_carry_its_version(
    adapter: LiteLLMAdapter, provider: FakeProvider, path: str
) -> None:
    speak_anthropic(
        provider, anthropic_start(), *anthropic_block(0, "text", "ok"), *anthropic_end()
    )
    assert text_of(await ask(adapter, target(provider.origin + path, "anthropic"))) == "ok"


async def test_googles_own_format_is_understood(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    asked = speak_gemini(
        provider,
        gemini_chunk({"text": "hm", "thought": True}),
        gemini_chunk({"text": "Hello "}),
        gemini_chunk({"text": "there"}, finish="STOP"),
    )
    deltas = await ask(adapter, asked)
    assert text_of(deltas) == "Hello there"
    assert ReasoningDelta("hm") in deltas
    assert UsageDelta(9, 4) in deltas
    assert deltas[-1] == FinishDelta("stop", "fake/m")
    (request,) = provider.requests
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.path + request.query


@pytest.mark.parametrize(("said", "reason"), [("length", "length"), ("tool_calls", "tool_calls")])
async def test_why_an_answer_ended_is_told(
    adapter: LiteLLMAdapter, provider: FakeProvider, said: str, reason: str
) -> None:
    provider.reply("cut short", finish=said)
    deltas = await ask(adapter, target(provider.base_url))
    assert deltas[-1] == FinishDelta(reason, "fake/m")  # type: ignore[arg-type]


async def test_text_is_there_as_soon_as_the_provider_sends_it(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("first", HOLD, "second")
    async with aclosing(adapter.stream(target(provider.base_url), question())) as stream:
        assert await asyncio.wait_for(anext(stream), 10) == TextDelta("first")
        provider.release()
        assert await asyncio.wait_for(anext(stream), 10) == TextDelta("second")


async def test_usage_is_never_made_up(adapter: LiteLLMAdapter, provider: FakeProvider) -> None:
    provider.reply("ok", usage=None)
    deltas = await ask(adapter, target(provider.base_url))
    assert not any(isinstance(delta, UsageDelta) for delta in deltas)


async def test_many_answers_at_a_time_do_not_mix(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    for _ in range(20):
        provider.reply("a", HOLD, "b")
    asking = [asyncio.create_task(ask(adapter, target(provider.base_url))) for _ in range(20)]
    await asyncio.to_thread(provider.wait_for_requests, 20)
    for _ in range(20):
        provider.release()
    assert [text_of(await task) for task in asking] == ["ab"] * 20


async def test_a_fast_answer_comes_in_frames(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    pieces = [f"{n} " for n in range(500)]
    provider.reply(*pieces)
    arrivals, deltas = [], []
    async for delta in adapter.stream(target(provider.base_url), question()):
        arrivals.append(time.monotonic())
        deltas.append(delta)
    frames = (arrivals[-1] - arrivals[0]) / 0.02
    assert text_of(deltas) == "".join(pieces)
    assert sum(isinstance(d, TextDelta) for d in deltas) <= frames + 2


async def test_a_line_of_dashes_is_not_taken_for_a_loop(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply(*["----"] * 300)
    assert text_of(await ask(adapter, target(provider.base_url))) == "----" * 300


async def test_a_model_without_a_temperature_is_asked_without(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("ok")
    asked = question(model="o3-mini", temperature=0.3)
    assert text_of(await ask(adapter, target(provider.base_url), asked)) == "ok"
    assert "temperature" not in provider.chats[0].json


async def test_a_reader_who_waits_holds_the_provider_back(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    piece = "€" * 16_000
    provider.reply(*[piece] * 500)  # 24 MB
    async with aclosing(adapter.stream(target(provider.base_url), question())) as stream:
        first = await anext(stream)
        assert not await asyncio.to_thread(provider.chats[0].answered.wait, 4)
        rest = [delta async for delta in stream]
    assert len(text_of([first, *rest])) == 500 * len(piece)
    # What waited was merged, and no more of it than the window lets through.
    assert isinstance(rest[0], TextDelta)
    assert len(rest[0].text.encode()) < WINDOW + 2 * len(piece.encode())


# Stop


def _openai(provider: FakeProvider, *parts: Part) -> Target:
    provider.reply(*parts)
    return target(provider.base_url)


def _anthropic(provider: FakeProvider, *parts: Part) -> Target:
    blocks = [
        part if not isinstance(part, str) else b"".join(anthropic_block(0, "text", part))
        for part in parts
    ]
    return speak_anthropic(provider, anthropic_start(), *blocks, *anthropic_end())


def _gemini(provider: FakeProvider, *parts: Part) -> Target:
    chunks = [part if not isinstance(part, str) else gemini_chunk({"text": part}) for part in parts]
    return speak_gemini(provider, *chunks, gemini_chunk({"text": ""}, finish="STOP"))


FORMATS = pytest.mark.parametrize("speak", [_openai, _anthropic, _gemini])


@FORMATS
async def test_closing_the_stream_closes_the_upstream_connection(
    adapter: LiteLLMAdapter, provider: FakeProvider, speak: Any
) -> None:
    stream = adapter.stream(speak(provider, "first", HOLD, "second"), question())
    assert await anext(stream) == TextDelta("first")
    begin = time.monotonic()
    await stream.aclose()
    (request,) = provider.requests
    assert await asyncio.to_thread(request.wait_left)
    assert request.left_at is not None
    assert request.left_at - begin < 0.5


@FORMATS
async def test_giving_up_before_the_first_word_closes_it_too(
    adapter: LiteLLMAdapter, provider: FakeProvider, speak: Any
) -> None:
    asking = asyncio.create_task(ask(adapter, speak(provider, HOLD, "never")))
    assert await asyncio.to_thread(_arrived, provider)
    begin = time.monotonic()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(provider.requests[0].wait_left)
    left_at = provider.requests[0].left_at
    assert left_at is not None
    assert left_at - begin < 0.5


def _arrived(provider: FakeProvider) -> bool:
    deadline = time.monotonic() + 10
    while not provider.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(provider.requests)


async def test_stop_reaches_a_provider_that_was_held_back(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply(*["€" * 16_000] * 500)
    async with aclosing(adapter.stream(target(provider.base_url), question())) as stream:
        await anext(stream)
        assert not await asyncio.to_thread(provider.chats[0].answered.wait, 1)
    assert await asyncio.to_thread(provider.chats[0].wait_left, 2)


# Failures


REFUSALS = [
    (401, {"message": f"Incorrect API key provided: {KEY}."}, errors.AuthenticationError),
    (401, {"message": "no", "type": "invalid_request_error"}, errors.AuthenticationError),
    (402, {"message": "pay first"}, errors.QuotaError),
    (403, {"message": "not from there"}, errors.PermissionDeniedError),
    (404, {"message": "no such model", "code": "model_not_found"}, errors.ModelNotFoundError),
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


@pytest.mark.parametrize(("status", "error", "kind"), REFUSALS)
async def test_a_refusal_is_classed_by_status_and_code(
    adapter: LiteLLMAdapter,
    provider: FakeProvider,
    status: int,
    error: dict[str, Any],
    kind: type[errors.GatewayError],
) -> None:
    provider.refuse(status, error, retry_after=7)
    caught = await failure(adapter, target(provider.base_url))
    assert type(caught) is kind
    assert (caught.status, caught.retry_after) == (status, 7)
    assert "Fakes Inc" in caught.message or kind is errors.ContextTooLongError
    assert caught.hint
    assert KEY not in caught.message + caught.hint


async def test_a_request_that_cannot_be_processed_is_refused(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    for _ in range(2):  # litellm drops the parameters named, and asks once more
        provider.refuse(422, {"message": "what?"})
    caught = await failure(adapter, target(provider.base_url))
    assert (type(caught), caught.status) == (errors.RequestRefusedError, 422)


def anthropic_error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


TOO_LONG = "prompt is too long: 208310 tokens > 200000 maximum"
ANTHROPICS = [
    (401, anthropic_error("authentication_error", "invalid x-api-key"), "authentication"),
    (403, anthropic_error("permission_error", "not allowed"), "permission"),
    (404, anthropic_error("not_found_error", "model: m"), "model_not_found"),
    (429, anthropic_error("rate_limit_error", "slow down"), "rate_limit"),
    (400, anthropic_error("invalid_request_error", TOO_LONG), "context_too_long"),
    (400, anthropic_error("invalid_request_error", "max_tokens: 0"), "request_refused"),
    (500, anthropic_error("api_error", "oops"), "overloaded"),
    (529, anthropic_error("overloaded_error", "Overloaded"), "overloaded"),
]


@pytest.mark.parametrize(("status", "body", "code"), ANTHROPICS)
async def test_anthropics_refusals_are_told_apart(
    adapter: LiteLLMAdapter, provider: FakeProvider, status: int, body: dict[str, Any], code: str
) -> None:
    provider.route("POST", "/v1/messages", body, status=status, headers={"retry-after": "9"})
    caught = await failure(adapter, target(provider.origin, "anthropic"))
    assert (caught.code, caught.status, caught.retry_after) == (code, status, 9)


def gemini_error(code: int, status: str, message: str, **detail: str) -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.rpc", **detail}]
    return {"error": {"code": code, "message": message, "status": status, "details": details}}


TOO_MANY = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
INVALID = "INVALID_ARGUMENT"
GEMINIS = [
    (400, gemini_error(400, INVALID, "no", reason="API_KEY_INVALID"), "authentication", None),
    (400, gemini_error(400, INVALID, TOO_MANY), "context_too_long", None),
    (403, gemini_error(403, "PERMISSION_DENIED", "no"), "permission", None),
    (404, gemini_error(404, "NOT_FOUND", "models/m"), "model_not_found", None),
    (429, gemini_error(429, "RESOURCE_EXHAUSTED", "q", retryDelay="17s"), "rate_limit", 17),
    (503, gemini_error(503, "UNAVAILABLE", "overloaded"), "overloaded", None),
]


@pytest.mark.parametrize(("status", "body", "code", "wait"), GEMINIS)
async def test_googles_refusals_are_told_apart(
    adapter: LiteLLMAdapter,
    provider: FakeProvider,
    status: int,
    body: dict[str, Any],
    code: str,
    wait: float | None,
) -> None:
    provider.route("POST", "/v1beta/models/m:streamGenerateContent", body, status=status)
    caught = await failure(adapter, target(provider.origin, "gemini"))
    assert (caught.code, caught.status, caught.retry_after) == (code, status, wait)


@pytest.mark.parametrize("prefix", ["openai", "anthropic", "gemini"])
async def test_a_server_that_is_not_there_is_said_to_be_unreachable(
    adapter: LiteLLMAdapter, prefix: str
) -> None:
    caught = await failure(adapter, target(f"http://127.0.0.1:{free_port()}/v1", prefix))
    assert type(caught) is errors.UnreachableError
    assert "Fakes Inc" in caught.message


async def test_a_host_that_is_not_found_is_said_to_be_unreachable(adapter: LiteLLMAdapter) -> None:
    caught = await failure(adapter, target("http://nosuch.invalid/v1"))
    assert type(caught) is errors.UnreachableError


@FORMATS
async def test_what_came_before_the_connection_dropped_is_kept(
    adapter: LiteLLMAdapter, provider: FakeProvider, speak: Any
) -> None:
    stream = adapter.stream(speak(provider, "half", 0.2, CUT), question())
    assert await anext(stream) == TextDelta("half")
    with pytest.raises(errors.UnreachableError):
        await anext(stream)


async def test_an_answer_that_just_ends_is_not_complete(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("half", finish=None, done=False)
    assert type(await failure(adapter, target(provider.base_url))) is errors.UnreachableError
    asked = speak_anthropic(provider, anthropic_start(), *anthropic_block(0, "text", "half"))
    assert type(await failure(adapter, asked)) is errors.UnreachableError


async def test_an_error_in_mid_reply_is_an_error(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("half", event({"error": {"message": "boom", "code": "server_error"}}))
    assert type(await failure(adapter, target(provider.base_url))) is errors.OverloadedError
    asked = speak_anthropic(
        provider,
        anthropic_start(),
        anthropic_event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    )
    assert type(await failure(adapter, asked)) is errors.OverloadedError


async def test_nonsense_is_a_malformed_reply(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("half", b"data: {oops\n\n")
    assert type(await failure(adapter, target(provider.base_url))) is errors.MalformedReplyError


async def test_a_provider_that_needs_a_key_is_not_asked_without(
    adapter: LiteLLMAdapter, provider: FakeProvider
) -> None:
    asked = target_for(provider.base_url, None, adapter="litellm", litellm_prefix="openai")
    caught = await failure(adapter, asked)
    assert type(caught) is errors.AuthenticationError
    assert provider.requests == []


# Deadlines


async def test_no_first_word_in_time_is_a_timeout(
    hasty: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply(HOLD, "never")
    caught = await failure(hasty, target(provider.base_url))
    assert type(caught) is errors.ModelTimeoutError
    assert "2.5 s" in caught.message
    assert await asyncio.to_thread(provider.chats[0].wait_left)


async def test_silence_in_mid_reply_is_a_timeout(
    hasty: LiteLLMAdapter, provider: FakeProvider
) -> None:
    provider.reply("half", HOLD, "never")
    caught = await failure(hasty, target(provider.base_url))
    assert type(caught) is errors.ModelTimeoutError
    assert "silent" in caught.message
    assert await asyncio.to_thread(provider.chats[0].wait_left)


async def test_an_answer_without_end_is_a_timeout(
    hasty: LiteLLMAdapter, provider: FakeProvider
) -> None:
    drip: list[Part] = ["drip ", 0.1]
    provider.reply(*drip * 200)
    caught = await failure(hasty, target(provider.base_url))
    assert type(caught) is errors.ModelTimeoutError
    assert "longer than 4 s" in caught.message
    assert await asyncio.to_thread(provider.chats[0].wait_left)


@pytest.mark.parametrize("prefix", ["openai", "anthropic", "gemini"])
async def test_a_host_that_takes_no_connection_is_a_timeout(
    hasty: LiteLLMAdapter, full_server: str, prefix: str
) -> None:
    caught = await failure(hasty, target(f"{full_server}/v1", prefix))
    assert type(caught) is errors.ModelTimeoutError
    assert "0.7 s" in caught.message


@pytest.fixture
def full_server() -> Iterator[str]:
    """A server whose backlog is full: the system drops further connections without a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        waiting = []
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            waiting.append(client)
        yield f"http://127.0.0.1:{address[1]}"
        for client in waiting:
            client.close()


# The real thing


@pytest.fixture(scope="module")
def smollm() -> Iterator[str]:
    with serve_smollm() as base_url:
        yield base_url


async def test_a_real_small_model_answers(adapter: LiteLLMAdapter, smollm: str) -> None:
    asked = LLMRequest("fake", MODEL, [ChatMessage("user", "Count from one to five.")], 0.0)
    deltas = await ask(adapter, target(smollm, key=None), asked)
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 5
    (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert min(usage.input_tokens, usage.output_tokens) > 5
    assert deltas[-1] == FinishDelta("stop", f"fake/{MODEL}")


async def test_a_real_small_model_can_be_stopped(adapter: LiteLLMAdapter, smollm: str) -> None:
    """Left alone, this reply goes on for 2,000 tokens and more: half a minute of work."""
    asked = LLMRequest("fake", MODEL, [ChatMessage("user", "List all prime numbers.")], 0.0)
    async with aclosing(adapter.stream(target(smollm, key=None), asked)) as stream:
        assert isinstance(await anext(stream), TextDelta)
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(150):
            slots = (await client.get(f"{smollm.removesuffix('/v1')}/slots")).json()
            if not any(slot["is_processing"] for slot in slots):
                return
            await asyncio.sleep(0.02)
    raise AssertionError("the server still works on the stopped reply after 3 s")
