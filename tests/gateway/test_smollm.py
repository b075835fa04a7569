"""A real model behind a real server: SmolLM2 in llama.cpp, through the direct adapter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from jupyter_chatide.gateway import (
    ChatMessage,
    ContextTooLongError,
    FinishDelta,
    Gateway,
    KeyStore,
    LLMRequest,
    TextDelta,
    UsageDelta,
)
from tests.smollm import MODEL, serve_smollm

PROVIDER = "openai-compatible"


@pytest.fixture(scope="module")
def smollm() -> Iterator[str]:
    with serve_smollm() as base_url:
        yield base_url


@pytest.fixture
def gateway(smollm: str, tmp_path: Path) -> Gateway:
    keys = KeyStore(tmp_path / "chatide", environ={})
    keys.set(PROVIDER, None, base_url=smollm)
    return Gateway(keys=keys)


def asked(text: str, temperature: float | None = 0.0) -> LLMRequest:
    return LLMRequest(PROVIDER, MODEL, [ChatMessage("user", text)], temperature)


async def test_it_is_found_with_its_context_window(gateway: Gateway) -> None:
    async with gateway:
        (model,) = await gateway.models(PROVIDER)
        assert (model.id, model.context_window) == (MODEL, 8192)
        assert (await gateway.check_key(PROVIDER)).ok
        assert await gateway.resolve_default_model() == f"{PROVIDER}/{MODEL}"


async def test_its_words_stream_one_by_one_with_usage(gateway: Gateway) -> None:
    async with gateway:
        arrivals, deltas = [], []
        async for delta in gateway.stream(asked("Count from one to five.")):
            arrivals.append(time.monotonic())
            deltas.append(delta)
    words = [delta for delta in deltas if isinstance(delta, TextDelta)]
    (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert len(words) > 5
    assert arrivals[-1] - arrivals[0] > 0.02  # not all in one piece
    assert usage.input_tokens > 5
    assert usage.output_tokens >= len(words)
    assert deltas[-1] == FinishDelta("stop", f"{PROVIDER}/{MODEL}")


async def test_stop_ends_the_work_of_the_server(gateway: Gateway, smollm: str) -> None:
    """Left alone, this reply goes on for 2,000 tokens and more: half a minute of work."""

    async def working() -> bool:
        slots = (await client.get(f"{smollm.removesuffix('/v1')}/slots")).json()
        return any(slot["is_processing"] for slot in slots)

    async with httpx.AsyncClient(trust_env=False) as client, gateway:
        async with aclosing(gateway.stream(asked("List all prime numbers."))) as deltas:
            await anext(deltas)
            assert await working()
        for _ in range(150):
            if not await working():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the server still works on the stopped reply after 3 s")


async def test_a_conversation_that_is_too_long_is_called_so(gateway: Gateway) -> None:
    async with gateway:
        with pytest.raises(ContextTooLongError):
            await anext(gateway.stream(asked("word " * 20_000)))
