"""What the administrator forbids is asked on no path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_chatide.gateway import (
    FinishDelta,
    Gateway,
    KeyStore,
    ProviderConfiguration,
)
from jupyter_chatide.gateway.errors import PolicyError, QuotaError
from jupyter_chatide.gateway.preferences import CustomProvider
from jupyter_chatide.gateway.settings import GatewaySettings
from tests.fakes import FakeProvider

from .asking import KEY, question

DEMO = ProviderConfiguration(
    id="demo",
    label="Demo",
    icon="",
    adapter="demo",
    group="demo",
    needs_key=False,
    default_model="demo",
    models="demo",
)


@asynccontextmanager
async def gateway_in(
    folder: Path, provider: FakeProvider, **settings: Any
) -> AsyncIterator[Gateway]:
    common: dict[str, Any] = {"adapter": "direct", "icon": "", "base_url": provider.base_url}
    known = (
        ProviderConfiguration(id="one", label="One", default_model="small", **common),
        ProviderConfiguration(id="two", label="Two", default_model="small", **common),
        ProviderConfiguration(id="path", label="Path", key_check="/key", **common),
        ProviderConfiguration(id="near", label="Near", needs_key=False, local=True, **common),
        DEMO,
    )
    provider.models = ["large", "small"]
    keys = KeyStore(folder / "chatide", known, environ={})
    async with Gateway(keys=keys, settings=GatewaySettings(**settings)) as gateway:
        yield gateway


async def test_a_forbidden_model_is_not_asked(provider: FakeProvider, tmp_path: Path) -> None:
    provider.otherwise("hello")
    async with gateway_in(tmp_path, provider, blocked=("near/large", "one")) as gateway:
        gateway.keys.set("one", KEY)
        for request in (question("near", "large"), question("near", "LARGE"), question("one")):
            with pytest.raises(PolicyError) as caught:
                await anext(gateway.stream(request))
            assert request.provider in caught.value.message and caught.value.hint
        assert provider.requests == []
        deltas = [delta async for delta in gateway.stream(question("near", "small"))]
    assert deltas[-1] == FinishDelta("stop", "near/small")


async def test_what_is_not_allowed_is_not_asked_but_the_demo(
    provider: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_in(tmp_path, provider, allowed=("one",)) as gateway:
        with pytest.raises(PolicyError):
            await anext(gateway.stream(question("near", "small")))
        assert [delta async for delta in gateway.stream(question("demo", "demo"))]
    assert provider.requests == []


async def test_a_forbidden_model_of_a_chain_is_passed_by_and_said(
    provider: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_in(
        tmp_path, provider, blocked=("one", "near/large"), fallback=("near/large",)
    ) as gateway:
        for chain in (["one/x", "near/large"], None):
            provider.refuse(402)
            request = msgspec.structs.replace(question("near", "small"), fallback=chain)
            with pytest.raises(QuotaError) as caught:
                async for _ in gateway.stream(request):
                    pass
            assert "near/large (The administrator has blocked near/large)" in caught.value.hint
    assert [request.json["model"] for request in provider.chats] == ["small", "small"]


async def test_a_further_model_that_would_change_the_address_is_passed_by(
    provider: FakeProvider, tmp_path: Path
) -> None:
    settings = GatewaySettings(fallback=("google/x/../gemini-pro",))
    provider.refuse(402)
    async with Gateway(data_dir=tmp_path / "chatide", settings=settings) as gateway:
        gateway.keys.set("google", KEY)
        gateway.registry.put_custom("mine", CustomProvider("Mine", provider.base_url))
        with pytest.raises(QuotaError) as caught:
            await anext(gateway.stream(question("mine")))
    assert "google/x/../gemini-pro (it names no model: " in caught.value.hint


async def test_forbidden_models_are_not_listed(provider: FakeProvider, tmp_path: Path) -> None:
    async with gateway_in(tmp_path, provider, blocked=("near/LARGE", "one")) as gateway:
        gateway.keys.set("one", KEY)
        assert [model.id for model in await gateway.models("near")] == ["small"]
        asked = len(provider.requests)
        with pytest.raises(PolicyError):
            await gateway.models("one")
        assert len(provider.requests) == asked


async def test_forbidden_providers_say_so_and_are_not_asked(
    provider: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_in(tmp_path, provider, allowed=("one/small",)) as gateway:
        gateway.keys.set("one", KEY)
        gateway.keys.set("two", KEY)
        statuses = {status.id: status for status in await gateway.providers()}
    assert statuses["one"].ready and not statuses["one"].blocked
    for id in ("two", "near"):
        assert not statuses[id].ready and id in statuses[id].blocked
    assert statuses["demo"].ready
    assert provider.requests == []


async def test_a_forbidden_provider_has_no_key_tested(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.otherwise("hello")
    async with gateway_in(tmp_path, provider, blocked=("one", "two/small", "path")) as gateway:
        for id in ("one", "path"):
            gateway.keys.set(id, KEY)
            check = await gateway.check_key(id)
            assert (check.ok, check.code) == (False, "policy") and provider.requests == []
        # Where only its default model is forbidden, another one proves the key.
        gateway.keys.set("two", KEY)
        assert (await gateway.check_key("two")).ok
    assert [request.json["model"] for request in provider.chats] == ["large"]


async def test_a_forbidden_model_is_no_default(provider: FakeProvider, tmp_path: Path) -> None:
    async with gateway_in(
        tmp_path, provider, default_model="one/large", blocked=("one/large", "two", "near/large")
    ) as gateway:
        gateway.keys.set("two", KEY)
        assert await gateway.resolve_default_model() == "near/small"
        gateway.keys.set("one", KEY)
        assert await gateway.resolve_default_model() == "one/small"
        gateway.preferences.change(default_model="two/small")
        assert await gateway.resolve_default_model() == "one/small"
        gateway.preferences.change(default_model="near/small")
        assert await gateway.resolve_default_model() == "near/small"
    async with gateway_in(tmp_path, provider, blocked=("one/small",)) as gateway:
        gateway.preferences.change(default_model="")
        assert await gateway.resolve_default_model() == "one/large"
    async with gateway_in(tmp_path, provider, allowed=("nobody",)) as gateway:
        assert await gateway.resolve_default_model() == "demo/demo"


async def test_a_provider_of_the_users_own_is_held_to_the_policy_too(
    provider: FakeProvider, tmp_path: Path
) -> None:
    settings = GatewaySettings(allowed=("openai",))
    async with Gateway(data_dir=tmp_path / "chatide", settings=settings) as gateway:
        gateway.registry.put_custom("mine", CustomProvider("Mine", provider.base_url))
        with pytest.raises(PolicyError):
            await anext(gateway.stream(question("mine")))
        (status,) = [status for status in await gateway.providers() if status.id == "mine"]
        assert status.blocked and status.removable
    assert provider.requests == []


@pytest.mark.parametrize("elsewhere", ["", "localhost"])
async def test_a_blocked_provider_is_not_reached_as_one_of_the_users_own(
    provider: FakeProvider, tmp_path: Path, elsewhere: str
) -> None:
    url = provider.base_url.replace("127.0.0.1", elsewhere or "127.0.0.1")
    admin = ProviderConfiguration(
        id="lab", label="Lab", icon="", adapter="direct", base_url=provider.base_url
    )
    settings = GatewaySettings(providers=(admin,), blocked=("lab/large*",))
    provider.otherwise("hello")
    async with Gateway(data_dir=tmp_path / "chatide", settings=settings) as gateway:
        gateway.registry.put_custom("mine", CustomProvider("Mine", url))
        gateway.keys.set("openai-compatible", KEY, url, "memory")
        for id in ("mine", "openai-compatible"):
            with pytest.raises(PolicyError, match=f"{id} is the same server"):
                await anext(gateway.stream(question(id, "LARGE")))
        assert provider.chats == []
        assert [delta async for delta in gateway.stream(question("mine", "small"))]


async def test_an_administrators_second_name_of_a_server_is_as_it_is_configured(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.otherwise("hello")
    async with gateway_in(tmp_path, provider, blocked=("one",)) as gateway:
        assert [delta async for delta in gateway.stream(question("near", "small"))]
