"""A real small model, asked through litellm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import httpx
import pytest

from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import (
    ChatMessage,
    FinishDelta,
    LLMRequest,
    TextDelta,
    UsageDelta,
)
from tests.smollm import MODEL, serve_smollm

from .asking import ask, target_at


@pytest.fixture(scope="module")
def smollm() -> Iterator[str]:
    with serve_smollm() as base_url:
        yield base_url


async def test_a_real_small_model_answers(adapter: LiteLLMAdapter, smollm: str) -> None:
    asked = LLMRequest("fake", MODEL, [ChatMessage("user", "Count from one to five.")], 0.0)
    deltas = await ask(adapter, target_at(smollm, key=None), asked)
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 5
    (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert min(usage.input_tokens, usage.output_tokens) > 5
    assert deltas[-1] == FinishDelta("stop", f"fake/{MODEL}")


async def test_a_real_small_model_ends_at_its_limit(adapter: LiteLLMAdapter, smollm: str) -> None:
    messages = [ChatMessage("user", "List all prime numbers.")]
    asked = LLMRequest("fake", MODEL, messages, 0.0, max_tokens=10)
    deltas = await ask(adapter, target_at(smollm, key=None), asked)
    assert deltas[-1] == FinishDelta("length", f"fake/{MODEL}")


async def test_a_real_small_model_can_be_stopped(adapter: LiteLLMAdapter, smollm: str) -> None:
    """Left alone, this reply goes on for 2,000 tokens and more: half a minute of work."""
    asked = LLMRequest("fake", MODEL, [ChatMessage("user", "List all prime numbers.")], 0.0)
    async with aclosing(adapter.stream(target_at(smollm, key=None), asked)) as stream:
        assert isinstance(await anext(stream), TextDelta)
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(150):
            slots = (await client.get(f"{smollm.removesuffix('/v1')}/slots")).json()
            if not any(slot["is_processing"] for slot in slots):
                return
            await asyncio.sleep(0.02)
    raise AssertionError("the server still works on the stopped reply after 3 s")
