"""How these tests ask through litellm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.errors import GatewayError
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import AnyDelta, ChatMessage, LLMRequest
from tests.fakes import FakeAnthropic, FakeGemini, FakeProvider
from tests.gateway.asking import KEY, target_for

FORMATS = ("openai", "anthropic", "gemini")


@dataclass
class Format:
    """A provider that speaks one of the formats, and how to reach it."""

    name: str
    provider: FakeProvider | FakeAnthropic | FakeGemini
    target: Target


@contextmanager
def serve(name: str) -> Iterator[Format]:
    kinds = {"openai": FakeProvider, "anthropic": FakeAnthropic, "gemini": FakeGemini}
    with kinds[name]() as provider:
        url = provider.base_url if isinstance(provider, FakeProvider) else provider.origin
        yield Format(name, provider, target_at(url, name))


def target_at(base_url: str, prefix: str = "openai", key: str | None = KEY) -> Target:
    return target_for(base_url, key, adapter="litellm", litellm_prefix=prefix, needs_key=False)


def question(text: str = "hi", *, model: str = "m", temperature: float | None = None) -> LLMRequest:
    messages = [ChatMessage("system", "Be brief."), ChatMessage("user", text)]
    return LLMRequest("fake", model, messages, temperature)


async def ask(
    adapter: LiteLLMAdapter, target: Target, request: LLMRequest | None = None
) -> list[AnyDelta]:
    return [delta async for delta in adapter.stream(target, request or question())]


async def failure(
    adapter: LiteLLMAdapter, target: Target, request: LLMRequest | None = None
) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await ask(adapter, target, request)
    return caught.value
