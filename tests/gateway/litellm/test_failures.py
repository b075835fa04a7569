"""What breaks, stalls or floods ends in time, and is called by its name."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_chatide.gateway import errors
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import TextDelta
from tests.fakes import CUT, EMPTY, FLOOD, HOLD, MALFORMED, free_port
from tests.gateway.asking import text_of

from .asking import FORMATS, Format, ask, failure, question, target_at


@pytest.mark.parametrize("prefix", FORMATS)
async def test_a_server_that_is_not_there_is_said_to_be_unreachable(
    adapter: LiteLLMAdapter, prefix: str
) -> None:
    caught = await failure(adapter, target_at(f"http://127.0.0.1:{free_port()}/v1", prefix))
    assert type(caught) is errors.UnreachableError
    assert "Fakes Inc" in caught.message


async def test_a_host_that_is_not_found_is_said_to_be_unreachable(adapter: LiteLLMAdapter) -> None:
    caught = await failure(adapter, target_at("http://nosuch.invalid/v1"))
    assert type(caught) is errors.UnreachableError


async def test_what_came_before_the_connection_dropped_is_kept(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply("half", 0.2, CUT)
    stream = adapter.stream(spoken.target, question())
    assert await anext(stream) == TextDelta("half")
    with pytest.raises(errors.UnreachableError):
        await anext(stream)


async def test_an_answer_that_just_ends_is_not_complete(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply("half", finish=None, usage=None, done=False)
    assert type(await failure(adapter, spoken.target)) is errors.UnreachableError


async def test_events_that_say_nothing_are_passed_over(
    adapter: LiteLLMAdapter, anthropic: Format
) -> None:
    anthropic.provider.reply("a", EMPTY, "b", EMPTY)
    assert text_of(await ask(adapter, anthropic.target)) == "ab"


async def test_an_event_nested_without_end_is_a_malformed_reply(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    deep = b"data: " + b'{"a":' * 100_000 + b"\n\n"
    spoken.provider.respond(200, deep, content_type="text/event-stream")
    caught = await failure(adapter, spoken.target)
    assert type(caught) is errors.MalformedReplyError


async def test_nonsense_is_a_malformed_reply(adapter: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply("half", MALFORMED, finish=None, usage=None, done=False)
    caught = await failure(adapter, spoken.target)
    assert type(caught) in (errors.MalformedReplyError, errors.UnreachableError)
    assert caught.hint


async def test_a_page_instead_of_a_reply_is_no_reply(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.respond(200, "<html>Sign in</html>", content_type="text/html")
    caught = await failure(adapter, spoken.target)
    assert type(caught) in (errors.MalformedReplyError, errors.UnreachableError)


async def test_a_flood_is_cut_off(adapter: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply("x" * 100_000, FLOOD)
    caught = await failure(adapter, spoken.target)
    assert type(caught) is errors.MalformedReplyError
    assert await asyncio.to_thread(spoken.provider.chats[0].wait_left)


async def test_no_first_word_in_time_is_a_timeout(hasty: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply(HOLD, "never")
    caught = await failure(hasty, spoken.target)
    assert type(caught) is errors.ModelTimeoutError
    assert "did not begin to answer within 2.5 s" in caught.message
    assert await asyncio.to_thread(spoken.provider.chats[0].wait_left)


async def test_silence_in_mid_reply_is_a_timeout(hasty: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply("half", HOLD, "never")
    caught = await failure(hasty, spoken.target)
    assert type(caught) is errors.ModelTimeoutError
    assert "fell silent for 1 s" in caught.message
    assert await asyncio.to_thread(spoken.provider.chats[0].wait_left)


async def test_an_answer_without_end_is_a_timeout(hasty: LiteLLMAdapter, spoken: Format) -> None:
    spoken.provider.reply(*(("drip ", 0.1) * 200))
    caught = await failure(hasty, spoken.target)
    assert type(caught) is errors.ModelTimeoutError
    assert "longer than 4 s" in caught.message
    assert await asyncio.to_thread(spoken.provider.chats[0].wait_left)


@pytest.mark.parametrize("prefix", FORMATS)
async def test_a_host_that_takes_no_connection_is_a_timeout(
    hasty: LiteLLMAdapter, full_server: str, prefix: str
) -> None:
    caught = await failure(hasty, target_at(f"{full_server}/v1", prefix))
    assert type(caught) is errors.ModelTimeoutError
    assert "did not take a connection within 0.7 s" in caught.message
