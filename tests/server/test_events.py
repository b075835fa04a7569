"""The log over a WebSocket: each reader sees everything, in order, exactly once."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

from tests.fakes.provider import HOLD, FakeProvider

from .conftest import Api, reply_text


def numbers_are_ascending(events: list[dict[str, Any]]) -> bool:
    numbers = [event["n"] for event in events]
    return all(a < b for a, b in pairwise(numbers))


async def test_a_reload_in_mid_reply_misses_and_doubles_nothing(
    api: Api, provider: FakeProvider
) -> None:
    model = await api.use(provider)
    words = [f"w{n} " for n in range(60)]
    parts: list[Any] = []
    for n, word in enumerate(words):
        parts += [word, HOLD] if n % 20 == 19 else [word, 0.005]
    provider.reply(*parts)
    chat = await api.new_chat()
    await api.ask(chat, "Count", model)

    seen: list[dict[str, Any]] = []
    for _ in range(3):  # three page loads, each in the middle of the reply
        stream = await api.events(chat, after=seen[-1]["n"] if seen else 0)
        await stream.until("reply_text")
        stream.close()
        provider.release()
        seen += stream.events
    last = await api.events(chat, after=seen[-1]["n"])
    await last.until("turn_finished")
    seen += last.events

    assert reply_text(seen) == "".join(words)
    assert numbers_are_ascending(seen)
    assert [e["type"] for e in seen].count("turn_started") == 1
    fresh = await api.events(chat)
    await fresh.until("turn_finished")
    assert reply_text(fresh.events) == "".join(words)


async def test_two_readers_see_the_same(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("one ", 0.05, "two ", 0.05, "three")
    chat = await api.new_chat()
    early = await api.events(chat)
    await api.ask(chat, "Count", model)
    await early.until("reply_text")
    late = await api.events(chat)
    await asyncio.gather(early.until("turn_finished"), late.until("turn_finished"))
    assert reply_text(early.events) == reply_text(late.events) == "one two three"
    assert early.last == late.last


async def test_opening_a_chat_again_runs_nothing(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("```python\nprint('ran')\n```\n")
    chat = await api.new_chat()
    await api.ask(chat, "Run", model)
    first = await api.events(chat)
    await first.until("turn_finished")
    again = await api.events(chat)
    await again.until("turn_finished")
    assert again.last == first.last
    await asyncio.sleep(0.2)
    assert (await api.log(chat))[-1]["n"] == first.last
    assert len(provider.chats) == 1


async def test_a_plain_get_gives_the_log_as_lines(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("Hello")
    chat = await api.new_chat()
    assert await api.log(chat) == []
    await api.ask(chat, "Hi", model)
    await (await api.events(chat)).until("turn_finished")
    log = await api.log(chat)
    assert [event["n"] for event in log] == list(range(1, len(log) + 1))
    assert reply_text(log) == "Hello"
    assert await api.log(chat, after=3) == log[3:]
    assert await api.log(chat, after=10**9) == []


async def test_a_reader_that_does_not_read_costs_the_others_nothing(
    api: Api, provider: FakeProvider
) -> None:
    model = await api.use(provider)
    line = "x" * 100_000
    provider.reply(*([line] * 90))  # 9 MB: more than sockets hold
    chat = await api.new_chat()
    asleep = await api.events(chat)
    awake = await api.events(chat)
    await api.ask(chat, "Flood", model)
    await awake.until("turn_finished")
    assert len(reply_text(awake.events)) == 90 * len(line)
    await asleep.until("turn_finished")
    assert reply_text(asleep.events) == reply_text(awake.events)
    asleep.close()


async def test_what_a_reader_says_is_ignored(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("Hello")
    chat = await api.new_chat()
    stream = await api.events(chat)
    await stream.socket.write_message(json.dumps({"type": "turn_finished"}))
    await stream.socket.write_message(b"\x00" * 1000, binary=True)
    await api.ask(chat, "Hi", model)
    await stream.until("turn_finished")
    assert reply_text(stream.events) == "Hello"


async def test_the_stream_ends_when_the_chat_is_deleted(api: Api) -> None:
    chat = await api.new_chat("Short-lived")
    stream = await api.events(chat)
    await stream.until("chat_renamed")
    await api("DELETE", f"/chats/{chat}")
    assert await stream.batch() is None
    assert stream.socket.close_code == 1000


async def test_the_stream_ends_when_the_server_does(api: Api, jp_serverapp: Any) -> None:
    chat = await api.new_chat("Long-lived")
    stream = await api.events(chat)
    await stream.until("chat_renamed")
    await jp_serverapp.cleanup_extensions()
    assert await stream.batch() is None
    assert stream.socket.close_code == 1001
