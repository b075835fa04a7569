"""A reply streams as the provider sends it, in whatever shape."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chatide.gateway import (
    FinishDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from jupyter_chatide.gateway.messages import ToolCallDelta
from jupyter_chatide.gateway.settings import Deadlines
from tests.fakes import HOLD, Call, FakeProvider, Reasoning, event

from ..asking import ask, text_of


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


async def test_calls_of_tools_stream_in_pieces(provider: FakeProvider) -> None:
    provider.reply(
        "Let me see.", Call("plot", '{"x":', " 1}", id="call_a"), Call("sum", "{}", id="call_b")
    )
    deltas = await ask(provider.base_url)
    assert deltas[:-2] == [
        TextDelta("Let me see."),
        ToolCallDelta(0, "call_a", "plot"),
        ToolCallDelta(0, arguments='{"x":'),
        ToolCallDelta(0, arguments=" 1}"),
        ToolCallDelta(1, "call_b", "sum"),
        ToolCallDelta(1, arguments="{}"),
    ]
    assert deltas[-1] == FinishDelta("tool_calls", "fake/m")


def calls(*pieces: dict[str, Any]) -> bytes:
    return event({"choices": [{"delta": {"tool_calls": list(pieces)}}]})


def function(name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    "body",
    [
        calls({"id": "1", **function("f", "{}")}, {"id": "2", **function("g", '{"a": 1}')}),
        calls({"index": 0, "id": "1", **function("f", "{}")})
        + calls({"index": 0, "id": "2", **function("g", {"a": 1})}),
        calls({"index": 0, "id": "1", **function("f", "{}")})
        + calls({"index": 1, "id": "2", **function("g", '{"a"')})
        + calls({"index": 1, "id": "2", **function("g", ": 1}")}),
        calls({"index": 5, "id": "1", **function("f", "{}")})
        + calls({"index": 7, "id": "2", **function("g")})
        + calls({"index": 7, **function(arguments='{"a": 1}')}),
        calls({"id": "1", **function("f", "{}")})
        + calls({"id": "2", **function("g", '{"a": ')})
        + calls(function(arguments="1}")),
    ],
    ids=["no index", "all numbered 0", "named again", "any number", "no number after the first"],
)
async def test_calls_are_told_apart_however_they_are_numbered(
    provider: FakeProvider, body: bytes
) -> None:
    provider.respond(
        200,
        body,
        event({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        content_type="text/event-stream",
    )
    *deltas, end = await ask(provider.base_url)
    found: dict[int, list[str]] = {}
    for delta in deltas:
        assert isinstance(delta, ToolCallDelta)
        if delta.index not in found:
            found[delta.index] = [delta.id, delta.name, ""]
        else:
            assert (delta.id, delta.name) == ("", "")  # they come once
        found[delta.index][2] += delta.arguments.replace(" ", "")
    assert found == {0: ["1", "f", "{}"], 1: ["2", "g", '{"a":1}']}
    assert end == FinishDelta("tool_calls", "fake/m")


async def test_a_call_without_an_id_gets_one(provider: FakeProvider) -> None:
    provider.respond(
        200,
        calls(function("f", "{}"), "odd", {"function": 7}, {"index": 3}),  # type: ignore[arg-type]
        event({"choices": [{"delta": {"tool_calls": "odd"}, "finish_reason": "tool_calls"}]}),
        content_type="text/event-stream",
    )
    (call, end) = await ask(provider.base_url)
    assert isinstance(call, ToolCallDelta) and isinstance(end, FinishDelta)
    assert call.id.startswith("call_") and (call.name, call.arguments) == ("f", "{}")


async def test_a_call_in_a_whole_answer_is_understood(provider: FakeProvider) -> None:
    message = {"content": None, "tool_calls": [{"id": "1", **function("f", '{"x": 2}')}]}
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    provider.respond(200, event(body).removeprefix(b"data: "))
    assert await ask(provider.base_url) == [
        ToolCallDelta(0, "1", "f", '{"x": 2}'),
        FinishDelta("tool_calls", "fake/m"),
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            {
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            UsageDelta(7, 11, 4, 3),
        ),
        ({"prompt_cache_hit_tokens": 5}, UsageDelta(7, 11, 5)),  # DeepSeek
        ({"cached_tokens": 6}, UsageDelta(7, 11, 6)),  # Moonshot
        (  # xAI
            {"total_tokens": 38, "completion_tokens_details": {"reasoning_tokens": 20}},
            UsageDelta(7, 31, 0, 20),
        ),
        ({"prompt_tokens_details": {"cached_tokens": 99}}, UsageDelta(7, 11, 7)),
        ({"prompt_tokens_details": {"cached_tokens": "many"}}, UsageDelta(7, 11)),
        ({"prompt_tokens_details": None, "cached_tokens": -1}, UsageDelta(7, 11)),
    ],
)
async def test_cached_and_reasoning_tokens_are_counted(
    provider: FakeProvider, counts: dict[str, Any], expected: UsageDelta
) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 11, **counts}
    provider.reply("x", event({"choices": [], "usage": usage}), usage=None)
    assert expected in await ask(provider.base_url)
