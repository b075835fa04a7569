"""Many workers: as many as the load asks for, and the death of one is not that of the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from jupyter_chatide.gateway.errors import GatewayError, OverloadedError
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import AnyDelta, TextDelta
from jupyter_chatide.gateway.settings import Deadlines
from tests.fakes import HOLD, FakeProvider
from tests.gateway.asking import question, target_for, text_of
from tests.gateway.test_litellm_worker import workers


class Reader:
    """Somebody who reads one answer."""

    def __init__(self, adapter: LiteLLMAdapter, provider: FakeProvider) -> None:
        target = target_for(
            provider.base_url, adapter="litellm", litellm_prefix="openai", needs_key=False
        )
        self.said: list[AnyDelta] = []
        self.begun = asyncio.Event()
        self.reading = asyncio.create_task(self._read(adapter.stream(target, question())))

    async def _read(self, stream: AsyncIterator[AnyDelta]) -> str:
        async for delta in stream:
            self.said.append(delta)
            if isinstance(delta, TextDelta):
                self.begun.set()
        return text_of(self.said)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[LiteLLMAdapter]:
    adapter = LiteLLMAdapter(Deadlines(), **settings)
    try:
        yield adapter
    finally:
        await adapter.aclose()
        assert workers() == []


async def there_are(count: int, seconds: float = 60) -> list[psutil.Process]:
    """Wait until so many worker processes run."""
    deadline = time.monotonic() + seconds
    while len(found := workers()) != count:
        assert time.monotonic() < deadline, f"{len(found)} workers, not {count}"
        await asyncio.sleep(0.05)
    return found


async def begin(
    adapter: LiteLLMAdapter, provider: FakeProvider, count: int, *rest: Any
) -> list[Reader]:
    """Answers that have begun, and wait to be released."""
    readers = []
    for _ in range(count):
        provider.reply("half", HOLD, " and half", *rest)
        reader = Reader(adapter, provider)
        await asyncio.wait_for(reader.begun.wait(), 60)
        readers.append(reader)
    return readers


async def connections(process: psutil.Process, provider: FakeProvider) -> int:
    """How many answers a worker is reading."""
    found = await asyncio.to_thread(process.net_connections)
    return sum(bool(c.raddr) and c.raddr.port == provider.port for c in found)


async def two_workers(adapter: LiteLLMAdapter, provider: FakeProvider) -> list[Reader]:
    """Four answers, two in each of two workers."""
    readers = await begin(adapter, provider, 2)
    readers += await begin(adapter, provider, 1)  # the third asks for another worker
    await there_are(2)
    async with asyncio.timeout(60):
        while True:  # until the second one takes questions
            (more,) = await begin(adapter, provider, 1)
            spread = [await connections(process, provider) for process in workers()]
            readers.append(more)
            if all(spread):
                return readers


async def test_one_worker_is_enough_for_a_few_answers(provider: FakeProvider) -> None:
    async with running(each=4) as adapter:
        readers = await begin(adapter, provider, 4)
        assert len(workers()) == 1
        for _ in readers:
            provider.release()
        assert [await reader.reading for reader in readers] == ["half and half"] * 4


async def test_a_killed_worker_fails_its_answers_and_no_others(provider: FakeProvider) -> None:
    async with running(workers=2, each=2) as adapter:
        readers = await two_workers(adapter, provider)
        first, second = workers()
        theirs = await connections(first, provider)
        first.kill()
        await asyncio.sleep(0.5)
        failed = [reader for reader in readers if reader.reading.done()]
        assert len(failed) == theirs < len(readers)
        for reader in failed:
            with pytest.raises(OverloadedError, match="ended in mid-reply"):
                await reader.reading
            assert text_of(reader.said) == "half"
        # A new worker starts by itself, while the answers of the other one go on.
        replaced = await there_are(2)
        assert second in replaced and first not in replaced
        for _ in readers:
            provider.release()
        going_on = [reader for reader in readers if reader not in failed]
        assert [await reader.reading for reader in going_on] == ["half and half"] * len(going_on)


async def test_a_worker_killed_before_the_first_word_says_so(provider: FakeProvider) -> None:
    async with running() as adapter:
        provider.reply(HOLD, "never")
        reader = Reader(adapter, provider)
        await asyncio.to_thread(provider.wait_for_requests, 1, 60)
        workers()[0].kill()
        with pytest.raises(OverloadedError, match="ended before it answered") as caught:
            await reader.reading
        assert caught.value.hint and reader.said == []


async def test_a_worker_that_dies_idle_is_there_again_without_a_question(
    provider: FakeProvider,
) -> None:
    async with running() as adapter:
        provider.reply("a")
        assert await Reader(adapter, provider).reading == "a"
        (worker,) = workers()
        worker.kill()
        await there_are(0)
        (replaced,) = await there_are(1)
        assert replaced != worker
        provider.reply("b")
        assert await Reader(adapter, provider).reading == "b"
        assert workers() == [replaced]


async def test_there_are_never_more_workers_than_allowed(provider: FakeProvider) -> None:
    async with running(workers=1, each=1) as adapter:
        readers = await begin(adapter, provider, 4)
        assert len(workers()) == 1
        for _ in readers:
            provider.release()
        assert [await reader.reading for reader in readers] == ["half and half"] * 4


async def test_workers_that_nobody_needs_any_more_end(provider: FakeProvider) -> None:
    async with running(workers=2, each=1, idle=1.0) as adapter:
        readers = await begin(adapter, provider, 2)
        await there_are(2)
        for _ in readers:
            provider.release()
        assert [await reader.reading for reader in readers] == ["half and half"] * 2
        (left,) = await there_are(1)
        provider.reply("still there")
        assert await Reader(adapter, provider).reading == "still there"
        assert workers() == [left]


async def test_closing_ends_all_workers_even_one_that_starts(provider: FakeProvider) -> None:
    adapter = LiteLLMAdapter(workers=2, each=1)
    readers = await begin(adapter, provider, 2)
    await there_are(2)
    await adapter.aclose()
    assert workers() == []
    for reader in readers:
        with pytest.raises(GatewayError, match="closed"):
            await reader.reading
