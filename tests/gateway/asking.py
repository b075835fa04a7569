"""How the gateway's tests ask: one target, one question, all deltas."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from jupyter_chatide.gateway import ChatMessage, LLMRequest, ProviderConfiguration
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.messages import AnyDelta, TextDelta
from jupyter_chatide.gateway.wire.direct import DirectAdapter

KEY = "sk-canary-7f3a9b2c5d8e1f40"
"""Hunted for in everything that a person or a log may see."""


SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "some-project",
    "private_key_id": "9f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6",
    "private_key": "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n"
    "-----END PRIVATE KEY-----\n",
    "client_email": "notebooks@some-project.iam.gserviceaccount.com",
    "client_id": "100000000000000000001",
    "token_uri": "https://oauth2.googleapis.com/token",
}
"""A credentials document as Google gives it, with a private key that is none."""


def question(provider: str = "fake", model: str = "m", text: str = "hi") -> LLMRequest:
    return LLMRequest(provider, model, [ChatMessage("user", text)])


def target_for(base_url: str, key: str | None = KEY, **changes: Any) -> Target:
    settings = {"id": "fake", "label": "Fakes Inc", "icon": "", "adapter": "direct", **changes}
    return Target(ProviderConfiguration(base_url=base_url, **settings), base_url, key)


def text_of(deltas: list[AnyDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def ask(base_url: str, request: LLMRequest | None = None, **limits: Any) -> list[AnyDelta]:
    """The whole answer of an adapter made for this one question."""
    adapter = DirectAdapter(**limits)
    try:
        async with aclosing(adapter.stream(target_for(base_url), request or question())) as deltas:
            return [delta async for delta in deltas]
    finally:
        await adapter.aclose()
