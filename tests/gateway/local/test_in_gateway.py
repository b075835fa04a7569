"""Local models as the provider ``local`` of the gateway, like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from jupyter_chatide.gateway import ChatMessage, FinishDelta, Gateway, KeyStore, LLMRequest
from jupyter_chatide.gateway.errors import ModelNotFoundError, PolicyError
from jupyter_chatide.gateway.messages import FallbackDelta, UsageDelta
from jupyter_chatide.gateway.settings import GatewaySettings
from tests.gateway.asking import text_of
from tests.smollm import weights


@pytest.fixture
def gateway(data_dir: Path) -> Iterator[Gateway]:
    yield Gateway(keys=KeyStore(data_dir, environ={}))


def asked(model: str) -> LLMRequest:
    return LLMRequest("local", model, [ChatMessage("user", "Count.")], 0.0, 12, fallback=[])


async def test_a_file_from_disk_answers_at_no_cost(gateway: Gateway) -> None:
    async with gateway:
        model = await gateway.local.add(weights())
        async with aclosing(gateway.stream(asked(model.id))) as deltas:
            answer = [delta async for delta in deltas]
        assert text_of(answer)
        (usage,) = [delta for delta in answer if isinstance(delta, UsageDelta)]
        assert usage.cost == 0.0
        assert answer[-1] == FinishDelta("length", f"local/{model.id}")


async def test_it_is_ready_once_there_is_a_model(gateway: Gateway) -> None:
    async def status() -> bool:
        return {status.id: status.ready for status in await gateway.providers()}["local"]

    async with gateway:
        assert not await status()
        assert await gateway.models("local") == []
        model = await gateway.local.add(weights())
        assert await status()
        (listed,) = await gateway.models("local")
        assert (listed.id, listed.vision, listed.context_window) == (model.id, False, 8192)
        assert (await gateway.check_key("local")).ok


async def test_a_model_that_is_not_there_is_said(gateway: Gateway) -> None:
    async with gateway:
        with pytest.raises(ModelNotFoundError, match="not on this machine yet"):
            await anext(gateway.stream(asked("qwen2.5-coder-1.5b")))


async def test_policy_holds_for_it(data_dir: Path) -> None:
    async with Gateway(data_dir=data_dir, settings=GatewaySettings(blocked=("local/smol*",))) as g:
        model = await g.local.add(weights())
        with pytest.raises(PolicyError):
            await anext(g.stream(asked(model.id)))
        assert await g.models("local") == []


async def test_it_answers_when_a_server_elsewhere_cannot(gateway: Gateway) -> None:
    async with gateway:
        model = await gateway.local.add(weights())
        gateway.keys.set("openai-compatible", None, base_url="http://127.0.0.1:1/v1")
        question = LLMRequest(
            "openai-compatible",
            "away",
            [ChatMessage("user", "Count.")],
            0.0,
            12,
            fallback=[f"local/{model.id}"],
        )
        async with aclosing(gateway.stream(question)) as deltas:
            answer = [delta async for delta in deltas]
        (switch,) = [delta for delta in answer if isinstance(delta, FallbackDelta)]
        assert switch.to_model == f"local/{model.id}"
        assert text_of(answer)
