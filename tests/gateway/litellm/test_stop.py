"""Stop closes the connection to the provider, whatever it is doing."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import TextDelta
from tests.fakes import HOLD

from .asking import Format, ask, question


async def test_closing_the_stream_closes_the_upstream_connection(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply("first", HOLD, "second")
    stream = adapter.stream(spoken.target, question())
    assert await anext(stream) == TextDelta("first")
    begin = time.monotonic()
    await stream.aclose()
    (request,) = spoken.provider.requests
    assert await asyncio.to_thread(request.wait_left)
    assert request.left_at is not None
    assert request.left_at - begin < 0.25  # measured: a few ms


async def test_giving_up_before_the_first_word_closes_it_too(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(HOLD, "never")
    asking = asyncio.create_task(ask(adapter, spoken.target))
    (request,) = await asyncio.to_thread(spoken.provider.wait_for_requests, 1)
    begin = time.monotonic()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(request.wait_left)
    assert request.left_at is not None
    assert request.left_at - begin < 0.25


async def test_stop_reaches_a_provider_that_was_held_back(
    adapter: LiteLLMAdapter, spoken: Format
) -> None:
    spoken.provider.reply(*["€" * 16_000] * 500)
    async with aclosing(adapter.stream(spoken.target, question())) as stream:
        await anext(stream)
        assert not await asyncio.to_thread(spoken.provider.chats[0].answered.wait, 1)
    assert await asyncio.to_thread(spoken.provider.chats[0].wait_left, 2)
