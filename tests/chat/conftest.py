"""Chats on a scripted provider and real kernels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from jupyter_chatide.chat import Chat, Chats
from jupyter_chatide.chat import events as ev
from jupyter_chatide.gateway import Gateway
from jupyter_chatide.runtime import Runtime
from tests.fakes.provider import FakeProvider

E = TypeVar("E", bound=ev.Event)
MODEL = "openai-compatible/fake-model"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def chats(
    tmp_path: Path, provider: FakeProvider, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Chats]:
    gateway, runtime = Gateway(data_dir=tmp_path), Runtime(data_dir=tmp_path)
    gateway.keys.set("openai-compatible", None, base_url=provider.base_url)
    chats = Chats(gateway, runtime, tmp_path)
    yield chats
    for part in (chats, runtime, gateway):
        jp_asyncio_loop.run_until_complete(part.aclose())


@pytest.fixture
def chat(chats: Chats) -> Chat:
    return chats.create()


async def ask(chat: Chat, prompt: str = "Go", mode: ev.Mode = "build") -> list[ev.AnyEvent]:
    """Ask the scripted provider, wait for the turn's end, and give its events."""
    before = chat.log.last
    await chat.start_turn(prompt, model=MODEL, mode=mode)
    await chat.wait_idle()
    return chat.read(before)


async def until(chat: Chat, kind: type[ev.Event], after: int = 0) -> ev.AnyEvent:
    """Wait for an event of this kind."""
    async for batch in chat.events(after):
        for event in batch:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the chat closed without {kind.__name__}")


def of(events: list[ev.AnyEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]
