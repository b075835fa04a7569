"""What breaks, stalls or floods ends in time, and is called by its name."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from jupyter_chatide.gateway import (
    MalformedReplyError,
    ModelTimeoutError,
    UnreachableError,
)
from jupyter_chatide.gateway.settings import Deadlines
from jupyter_chatide.gateway.wire.direct import DirectAdapter
from tests.fakes import CUT, EMPTY, FLOOD, HOLD, MALFORMED, FakeProvider, free_port, huge

from ..asking import ask, question, target_for, text_of


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


async def test_a_host_that_takes_no_connection_is_a_timeout_of_its_own(full_server: str) -> None:
    with pytest.raises(ModelTimeoutError, match=r"did not take a connection within 0\.5 s"):
        await ask(f"{full_server}/v1", deadlines=Deadlines(connect=0.5))


async def test_events_that_say_nothing_are_passed_over(provider: FakeProvider) -> None:
    provider.reply("a", EMPTY, "b", EMPTY)
    assert text_of(await ask(provider.base_url)) == "ab"


@pytest.mark.parametrize("part", [MALFORMED, huge(5_000_000)], ids=["malformed", "huge"])
async def test_an_event_that_is_none_ends_a_reply(provider: FakeProvider, part: bytes) -> None:
    provider.reply("so far", part, "never")
    with pytest.raises(MalformedReplyError) as caught:
        await ask(provider.base_url)
    assert caught.value.hint


async def test_a_flood_without_end_is_cut_off_and_its_connection_closed(
    provider: FakeProvider,
) -> None:
    provider.reply("x" * 10_000, FLOOD)
    with pytest.raises(MalformedReplyError):
        await ask(provider.base_url, reply_limit=100_000)
    assert await asyncio.to_thread(provider.chats[0].wait_left)


async def test_many_answers_at_a_time_all_arrive_whole(provider: FakeProvider) -> None:
    """So many that their packets are taken together."""
    for _ in range(30):
        provider.reply(*(("word ", 0.01) * 20))
    adapter = DirectAdapter()

    async def one() -> str:
        stream = adapter.stream(target_for(provider.base_url), question())
        return text_of([delta async for delta in stream])

    assert await asyncio.gather(*(one() for _ in range(30))) == ["word " * 20] * 30
    await adapter.aclose()
