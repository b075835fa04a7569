"""An answer streams the same, whichever format its provider speaks."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.litellm.protocol import WINDOW
from jupyter_chatide.gateway.messages import (
    AnyDelta,
    FinishDelta,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from tests.fakes import HOLD, Call, Reasoning
from tests.gateway.asking import text_of

from .asking import Format, ask, question


def reasoning_of(deltas: list[AnyDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


def calls_of(deltas: list[AnyDelta]) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call of a tool."""
    calls: list[tuple[str, str, str]] = []
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            if delta.index == len(calls):
                calls.append((delta.id, delta.name, ""))
            id, name, arguments = calls[delta.index]
            calls[delta.index] = (id, name, arguments + delta.arguments)
    return calls


async def test_an_answer_streams_with_its_reasoning_usage_and_the_model_that_gave_it(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(Reasoning("let me "), Reasoning("see"), "Grüße, ", "Welt", usage=(25, 15))
    deltas = await ask(adapter, spoken.target)
    assert text_of(deltas) == "Grüße, Welt"
    assert reasoning_of(deltas) == "let me see"
    kinds = [type(delta) for delta in deltas]
    assert kinds.index(ReasoningDelta) < kinds.index(TextDelta)
    (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert (usage.input_tokens, usage.output_tokens) == (25, 15)
    assert deltas[-1] == FinishDelta("stop", "fake/m")


@pytest.mark.parametrize("packet", [1, 7])
async def test_packets_cut_anywhere_change_nothing(
    adapter: LiteLLMAdapter, spoken: Format, packet: int
) -> None:
    spoken.provider.reply("Größe: ", "日本語 🎉\n\n", "ende", packet=packet)
    assert text_of(await ask(adapter, spoken.target)) == "Größe: 日本語 🎉\n\nende"


async def test_calls_of_tools_stream_with_the_text_before_them(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(
        "Let me see.",
        Call("plot", '{"x":', '"long ', 'text"}', id="call_a"),
        Call("sum", '{"y":1}', id="call_b"),
    )
    deltas = await ask(adapter, spoken.target)
    assert text_of(deltas) == "Let me see."
    (plot, plot_name, plot_arguments), (add, *rest) = calls_of(deltas)
    if spoken.name != "gemini":  # Google gives calls no id
        assert (plot, add) == ("call_a", "call_b")
    assert plot and add and plot != add
    assert (plot_name, plot_arguments.replace(" ", "")) == ("plot", '{"x":"longtext"}')
    assert [part.replace(" ", "") for part in rest] == ["sum", '{"y":1}']
    assert deltas[-1] == FinishDelta("tool_calls", "fake/m")


async def test_long_arguments_of_a_call_arrive_whole(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    code = '{"code":"' + "x = 1;" * 20_000 + '"}'
    pieces = [code[start : start + 1000] for start in range(0, len(code), 1000)]
    spoken.provider.reply(Call("run", *pieces))
    ((_, name, arguments),) = calls_of(await ask(adapter, spoken.target))
    assert name == "run"
    assert arguments.replace(" ", "") == code.replace(" ", "")


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_why_an_answer_ended_is_told(
    adapter: LiteLLMAdapter, spoken: Format, reason: FinishReason
) -> None:
    spoken.provider.reply("cut short", finish=reason)
    deltas = await ask(adapter, spoken.target)
    assert text_of(deltas) == "cut short"
    assert deltas[-1] == FinishDelta(reason, "fake/m")


async def test_tokens_out_of_a_cache_are_counted(adapter: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply("ok", usage=(100, 20, 40))
    (usage,) = [d for d in await ask(adapter, spoken.target) if isinstance(d, UsageDelta)]
    assert usage == UsageDelta(100, 20, 40)


@pytest.mark.parametrize("name", ["openai", "gemini"])
async def test_tokens_of_reasoning_are_counted(
    adapter: LiteLLMAdapter, name: str, request: pytest.FixtureRequest
) -> None:
    spoken: Format = request.getfixturevalue(name)
    spoken.provider.reply(Reasoning("hm"), "ok", usage=(100, 20, 0, 5))
    (usage,) = [d for d in await ask(adapter, spoken.target) if isinstance(d, UsageDelta)]
    assert usage == UsageDelta(100, 20, 0, 5)


async def test_usage_is_never_made_up(adapter: LiteLLMAdapter, openai: Format) -> None:
    openai.provider.reply("ok", usage=None)
    deltas = await ask(adapter, openai.target)
    assert not any(isinstance(delta, UsageDelta) for delta in deltas)


async def test_text_is_there_as_soon_as_the_provider_sends_it(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply("first", HOLD, "second")
    async with aclosing(adapter.stream(spoken.target, question())) as stream:
        assert await asyncio.wait_for(anext(stream), 10) == TextDelta("first")
        spoken.provider.release()
        assert await asyncio.wait_for(anext(stream), 10) == TextDelta("second")


async def test_many_answers_at_a_time_do_not_mix(adapter: LiteLLMAdapter, openai: Format) -> None:
    for _ in range(20):
        openai.provider.reply("a", HOLD, "b")
    asking = [asyncio.create_task(ask(adapter, openai.target)) for _ in range(20)]
    await asyncio.to_thread(openai.provider.wait_for_requests, 20)
    for _ in range(20):
        openai.provider.release()
    assert [text_of(await task) for task in asking] == ["ab"] * 20


async def test_a_fast_answer_comes_in_frames(adapter: LiteLLMAdapter, spoken: Format) -> None:
    pieces = [f"{n} " for n in range(500)]
    spoken.provider.reply(*pieces)
    begun = time.monotonic()
    deltas = [delta async for delta in adapter.stream(spoken.target, question())]
    frames = (time.monotonic() - begun) / 0.02
    assert text_of(deltas) == "".join(pieces)
    # Frames are timed where they leave; they may arrive closer together than they left.
    assert sum(isinstance(d, TextDelta) for d in deltas) <= min(frames + 20, 250)


async def test_a_line_of_dashes_is_not_taken_for_a_loop(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(*["----"] * 300)
    assert text_of(await ask(adapter, spoken.target)) == "----" * 300


async def test_a_reader_who_waits_holds_the_provider_back(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    piece = "€" * 16_000
    openai.provider.reply(*[piece] * 500)  # 24 MB
    async with aclosing(adapter.stream(openai.target, question())) as stream:
        first = await anext(stream)
        assert not await asyncio.to_thread(openai.provider.chats[0].answered.wait, 4)
        rest = [delta async for delta in stream]
    assert len(text_of([first, *rest])) == 500 * len(piece)
    # What waited was merged, and no more of it than the window lets through.
    assert isinstance(rest[0], TextDelta)
    assert len(rest[0].text.encode()) < WINDOW + 2 * len(piece.encode())
