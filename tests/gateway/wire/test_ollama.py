"""Ollama is asked in its own format, with a context that the user knows."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway import (
    AuthenticationError,
    ChatMessage,
    ContextTooLongError,
    FinishDelta,
    GatewayError,
    LLMRequest,
    MalformedReplyError,
    ModelInfo,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    RateLimitError,
    ReasoningDelta,
    RequestRefusedError,
    TextDelta,
    UnreachableError,
    UsageDelta,
)
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.messages import (
    AnyDelta,
    ImagePart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
)
from jupyter_chatide.gateway.settings import Deadlines
from jupyter_chatide.gateway.wire.ollama import OllamaAdapter
from tests.fakes import CUT, HOLD, Reasoning, free_port
from tests.fakes.ollama import Call, FakeOllama, shown

from ..asking import KEY, target_for, text_of

TOOL = Tool("sum", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        yield fake


def target_at(url: str, key: str | None = None, **options: str) -> Target:
    target = target_for(url, key, id="ollama", label="Ollama", adapter="ollama", models="ollama")
    return Target(target.provider, target.base_url, key, options)


def request_for(model: str = "tiny", text: str = "hi", **fields: Any) -> LLMRequest:
    return LLMRequest("ollama", model, [ChatMessage("user", text)], **fields)


async def ask(target: Target, request: LLMRequest | None = None, **limits: Any) -> list[AnyDelta]:
    adapter = OllamaAdapter(**limits)
    try:
        async with aclosing(adapter.stream(target, request or request_for())) as deltas:
            return [delta async for delta in deltas]
    finally:
        await adapter.aclose()


async def body_of(ollama: FakeOllama, request: LLMRequest, **options: str) -> dict[str, Any]:
    ollama.reply("ok")
    await ask(target_at(ollama.origin, **options), request)
    body: dict[str, Any] = ollama.chats[-1].json
    return body


async def test_a_reply_streams_with_thoughts_apart_and_the_tokens_counted(
    ollama: FakeOllama,
) -> None:
    ollama.reply(Reasoning("hm"), "4", "2")
    assert await ask(target_at(ollama.origin)) == [
        ReasoningDelta("hm"),
        TextDelta("4"),
        TextDelta("2"),
        UsageDelta(7, 11),
        FinishDelta("stop", "ollama/tiny"),
    ]


@pytest.mark.parametrize("packet", [1, 2, 3, 7, 64])
async def test_packets_cut_anywhere_change_nothing(ollama: FakeOllama, packet: int) -> None:
    ollama.reply(Reasoning("überlegt 🤔"), "Größe: ", "日本語 🎉\n\n", "ende", packet=packet)
    deltas = await ask(target_at(ollama.origin))
    assert text_of(deltas) == "Größe: 日本語 🎉\n\nende"
    assert deltas[0] == ReasoningDelta("überlegt 🤔")


async def test_the_request_says_all_that_was_asked(ollama: FakeOllama) -> None:
    request = request_for(
        temperature=0.25, max_tokens=100, top_p=0.9, stop=["END"], seed=7, tools=[TOOL]
    )
    assert await body_of(ollama, request) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {
            "num_ctx": 8192,
            "temperature": 0.25,
            "top_p": 0.9,
            "seed": 7,
            "num_predict": 100,
            "stop": ["END"],
        },
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "sum",
                    "parameters": TOOL.parameters,
                    "description": "Adds.",
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("limit", "wished", "context"),
    [
        (32768, "", 8192),
        (2048, "", 2048),
        (None, "", 8192),
        (32768, "16384", 16384),
        (32768, "100000", 32768),
    ],
)
async def test_the_context_is_what_the_user_set_or_what_the_model_has(
    ollama: FakeOllama, limit: int | None, wished: str, context: int
) -> None:
    ollama.shows["tiny"] = shown(context=limit)
    options = {"context": wished} if wished else {}
    body = await body_of(ollama, request_for(), **options)
    assert body["options"]["num_ctx"] == context


async def test_a_model_is_described_once_for_many_questions(ollama: FakeOllama) -> None:
    adapter = OllamaAdapter()
    for _ in range(3):
        ollama.reply("ok")
        async with aclosing(adapter.stream(target_at(ollama.origin), request_for())) as deltas:
            assert text_of([delta async for delta in deltas]) == "ok"
    await adapter.aclose()
    assert [request.path for request in ollama.requests].count("/api/show") == 1


async def test_a_model_that_ollama_does_not_describe_is_asked_all_the_same(
    ollama: FakeOllama,
) -> None:
    ollama.route("POST", "/api/show", {"error": "no"}, status=500)
    body = await body_of(ollama, request_for())
    assert body["options"] == {"num_ctx": 8192} and "think" not in body


@pytest.mark.parametrize(
    ("model", "abilities", "effort", "think"),
    [
        ("qwen3", ("completion", "thinking"), "", True),
        ("qwen3", ("completion", "thinking"), "none", False),
        ("qwen3", ("completion", "thinking"), "high", True),
        ("gpt-oss:20b", ("completion", "thinking"), "low", "low"),
        ("gpt-oss:20b", ("completion", "thinking"), "", True),
        ("llama3", ("completion",), "high", None),
        ("llama3", ("completion",), "", None),
    ],
)
async def test_a_model_that_can_think_is_told_whether_to(
    ollama: FakeOllama, model: str, abilities: tuple[str, ...], effort: Any, think: object
) -> None:
    ollama.shows[model] = shown(abilities=abilities)
    body = await body_of(ollama, request_for(model, reasoning_effort=effort))
    assert body.get("think") == think


async def test_images_go_along_as_base64(ollama: FakeOllama) -> None:
    ollama.shows["tiny"] = shown(abilities=("completion", "vision"))
    parts = [TextPart("What is "), ImagePart("image/png", b"\x89PNG"), TextPart("this?")]
    body = await body_of(ollama, LLMRequest("ollama", "tiny", [ChatMessage("user", parts)]))
    (message,) = body["messages"]
    assert message["content"] == "What is this?"
    assert [base64.b64decode(image) for image in message["images"]] == [b"\x89PNG"]


async def test_images_are_refused_where_the_model_sees_none(ollama: FakeOllama) -> None:
    messages = [ChatMessage("system", "x"), ChatMessage("user", [ImagePart("image/png", b"x")])]
    with pytest.raises(InvalidRequestError, match=r"^messages\[1\]\.content: ollama/tiny does not"):
        await ask(target_at(ollama.origin), LLMRequest("ollama", "tiny", messages))
    assert not ollama.chats


async def test_tools_are_called_and_their_answers_told(ollama: FakeOllama) -> None:
    ollama.reply(Call("sum", {"a": 1}), Call("sum", {"a": 2}))
    deltas = await ask(target_at(ollama.origin), request_for(tools=[TOOL]))
    first, second, _, finish = deltas
    assert isinstance(first, ToolCallDelta) and isinstance(second, ToolCallDelta)
    assert (first.index, first.name, first.arguments) == (0, "sum", '{"a":1}')
    assert (second.index, second.name, second.arguments) == (1, "sum", '{"a":2}')
    assert first.id and second.id and first.id != second.id
    assert finish == FinishDelta("tool_calls", "ollama/tiny")

    messages = [
        ChatMessage("user", "add"),
        ChatMessage("assistant", tool_calls=[ToolCall(first.id, "sum", '{"a": 1}')]),
        ChatMessage("tool", "3", tool_call_id=first.id),
    ]
    body = await body_of(ollama, LLMRequest("ollama", "tiny", messages, tools=[TOOL]))
    _, call, answer = body["messages"]
    assert call["tool_calls"][0]["function"] == {"name": "sum", "arguments": {"a": 1}}
    assert answer == {
        "role": "tool",
        "content": "3",
        "tool_call_id": first.id,
        "tool_name": "sum",
    }


async def test_what_ollama_does_not_offer_is_refused_by_name(ollama: FakeOllama) -> None:
    for choice in ("required", "sum"):
        with pytest.raises(RequestRefusedError, match="tool_choice"):
            await ask(target_at(ollama.origin), request_for(tools=[TOOL], tool_choice=choice))
    assert "tools" not in await body_of(ollama, request_for(tools=[TOOL], tool_choice="none"))
    broken = ChatMessage("assistant", tool_calls=[ToolCall("1", "sum", "{oops")])
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]\.tool_calls"):
        await ask(target_at(ollama.origin), LLMRequest("ollama", "tiny", [broken]))


async def test_the_answer_s_form_is_asked_for(ollama: FakeOllama) -> None:
    body = await body_of(ollama, request_for(response_format=ResponseFormat("json_object")))
    assert body["format"] == "json"
    wanted = ResponseFormat("json_schema", "x", {"type": "array"})
    assert (await body_of(ollama, request_for(response_format=wanted)))["format"] == {
        "type": "array"
    }


async def test_a_cut_answer_says_that_it_is_cut(ollama: FakeOllama) -> None:
    ollama.reply("and so", reason="length")
    assert (await ask(target_at(ollama.origin)))[-1] == FinishDelta("length", "ollama/tiny")
    ollama.reply(reason="load")
    assert (await ask(target_at(ollama.origin)))[-1] == FinishDelta("other", "ollama/tiny")


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/api"])
async def test_the_base_url_may_be_given_as_people_know_it(ollama: FakeOllama, suffix: str) -> None:
    ollama.reply("ok")
    assert text_of(await ask(target_at(ollama.origin + suffix))) == "ok"
    assert {request.path for request in ollama.requests} == {"/api/show", "/api/chat"}


async def test_a_key_goes_along_where_one_is_set(ollama: FakeOllama) -> None:
    ollama.key = KEY
    ollama.reply("ok")
    assert text_of(await ask(target_at(ollama.origin, KEY))) == "ok"
    with pytest.raises(AuthenticationError) as caught:
        await ask(target_at(ollama.origin, "wrong-key-wrong-key"))
    assert "wrong-key" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefusedError),
        (401, AuthenticationError),
        (404, ModelNotFoundError),
        (429, RateLimitError),
        (500, OverloadedError),
        (502, OverloadedError),
    ],
)
async def test_a_refusal_is_called_by_its_name(
    ollama: FakeOllama, status: int, error: type[GatewayError]
) -> None:
    ollama.refuse(status, "no such luck")
    with pytest.raises(error) as caught:
        await ask(target_at(ollama.origin))
    assert caught.value.status == status and caught.value.hint
    if error is not AuthenticationError:
        assert "no such luck" in str(caught.value)


async def test_a_missing_model_comes_with_the_way_to_get_it(ollama: FakeOllama) -> None:
    ollama.refuse(404, "model 'qwen3 x' not found")
    with pytest.raises(ModelNotFoundError) as caught:
        await ask(target_at(ollama.origin), request_for("qwen3 x"))
    assert caught.value.hint == "Run: ollama pull 'qwen3 x'"


async def test_a_conversation_that_does_not_fit_is_said_to_be_too_long(
    ollama: FakeOllama,
) -> None:
    ollama.refuse(400, "the input length exceeds the context length")  # until 0.33
    with pytest.raises(ContextTooLongError, match="8192 tokens") as caught:
        await ask(target_at(ollama.origin), request_for(text="x" * 40_000))
    assert "context window" in caught.value.hint
    said = {"code": 400, "message": "too many tokens", "type": "exceed_context_size_error"}
    ollama.refuse(400, json.dumps({"error": said}))  # since 0.34
    with pytest.raises(ContextTooLongError, match="8192 tokens") as caught:
        await ask(target_at(ollama.origin))
    assert "context window" in caught.value.hint


async def test_a_refusal_that_only_looks_like_json_is_quoted(ollama: FakeOllama) -> None:
    for text in ("{oops", "{}", '{"error": ""}'):
        ollama.refuse(400, text)
        with pytest.raises(RequestRefusedError, match="refuses the request"):
            await ask(target_at(ollama.origin))


async def test_an_error_in_mid_reply_ends_it_as_an_error(ollama: FakeOllama) -> None:
    ollama.reply("Half", b'{"error": "the model runner has stopped"}\n', reason=None)
    seen: list[AnyDelta] = []
    adapter = OllamaAdapter()
    with pytest.raises(OverloadedError, match="runner has stopped"):
        async with aclosing(adapter.stream(target_at(ollama.origin), request_for())) as deltas:
            async for delta in deltas:
                seen.append(delta)
    await adapter.aclose()
    assert seen == [TextDelta("Half")]


async def test_a_reply_that_breaks_off_is_not_taken_for_whole(ollama: FakeOllama) -> None:
    ollama.reply("Half an ans", CUT)
    with pytest.raises(UnreachableError):
        await ask(target_at(ollama.origin))
    ollama.reply("Half an ans", reason=None)
    with pytest.raises(UnreachableError):
        await ask(target_at(ollama.origin))
    ollama.respond(200, "")
    with pytest.raises(MalformedReplyError):
        await ask(target_at(ollama.origin))


@pytest.mark.parametrize(
    "body",
    ["<html>Sign in</html>", "nonsense", "[1, 2]\n", '{"message": \n', "7\n", "[" * 100_000],
)
async def test_what_is_not_ollama_s_format_is_called_malformed(
    ollama: FakeOllama, body: str
) -> None:
    ollama.respond(200, body)
    with pytest.raises(MalformedReplyError):
        await ask(target_at(ollama.origin))


async def test_odd_fields_are_passed_over(ollama: FakeOllama) -> None:
    odd = (
        b'{"message": "text"}\n\n'
        b'{"message": {"content": 7, "thinking": [], "tool_calls": [1, {"function": {}}]}}\n'
        b'{"message": {"content": "ok"}, "model": "a\\nb"}\n'
        b'{"done": true, "done_reason": 7, "prompt_eval_count": "x", "eval_count": -1}'
    )
    ollama.respond(200, odd)
    assert await ask(target_at(ollama.origin)) == [
        TextDelta("ok"),
        FinishDelta("other", "ollama/tiny"),
    ]


async def test_a_flood_is_stopped(ollama: FakeOllama) -> None:
    ollama.respond(200, *["x" * 100_000] * 20)
    with pytest.raises(MalformedReplyError, match="more than a reply"):
        await ask(target_at(ollama.origin), line_limit=1_000_000)
    ollama.reply(*["y" * 1000] * 50)
    with pytest.raises(MalformedReplyError, match="more than a reply"):
        await ask(target_at(ollama.origin), reply_limit=10_000)


async def test_silence_before_and_in_mid_reply_has_its_deadline(ollama: FakeOllama) -> None:
    ollama.reply(HOLD)
    with pytest.raises(ModelTimeoutError, match=r"begin to answer within 0\.2 s"):
        await ask(target_at(ollama.origin), deadlines=Deadlines(first_token=0.2))
    ollama.reply("Once", HOLD)
    with pytest.raises(ModelTimeoutError, match=r"silent for 0\.2 s"):
        await ask(target_at(ollama.origin), deadlines=Deadlines(idle=0.2))
    ollama.reply(*["on ", 0.05] * 100)
    with pytest.raises(ModelTimeoutError, match=r"longer than 0\.5 s"):
        await ask(target_at(ollama.origin), deadlines=Deadlines(total=0.5))


async def test_a_description_that_does_not_come_does_not_keep_the_question_back(
    ollama: FakeOllama,
) -> None:
    ollama.route("POST", "/api/show", (HOLD,))
    ollama.reply("ok")
    assert text_of(await ask(target_at(ollama.origin), patience=0.2)) == "ok"


async def test_no_ollama_is_said_so() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match="takes no connection") as caught:
        await ask(target_at(url))
    assert caught.value.hint


async def test_stop_closes_the_connection_at_once(ollama: FakeOllama) -> None:
    ollama.reply("Once", HOLD)
    adapter = OllamaAdapter()
    stream = adapter.stream(target_at(ollama.origin), request_for())
    assert await anext(stream) == TextDelta("Once")
    await stream.aclose()
    assert await asyncio.to_thread(ollama.chats[0].wait_left, 2.0)
    await adapter.aclose()


async def test_a_cancelled_question_closes_the_connection(ollama: FakeOllama) -> None:
    ollama.reply(HOLD)
    task = asyncio.create_task(ask(target_at(ollama.origin)))
    await asyncio.to_thread(ollama.wait_for_requests, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ollama.chats[0].wait_left, 2.0)


async def test_its_models_are_listed_with_what_they_can_do(ollama: FakeOllama) -> None:
    ollama.shows = {
        "seer": shown(4096, ("completion", "vision")),
        "embedder": shown(2048, ("embedding",)),
    }
    adapter = OllamaAdapter()
    models = await adapter.models(target_at(ollama.origin))
    await adapter.aclose()
    seer = ModelInfo("seer", context_window=4096, vision=True, reasoning=False, tools=False)
    assert models == [seer]
