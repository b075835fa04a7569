"""One gateway, every provider: who is ready, who answers by default, what a key's check says."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from jupyter_chatide.errors import NotFoundError
from jupyter_chatide.gateway import (
    DEFAULT_PROVIDERS,
    AuthenticationError,
    FinishDelta,
    Gateway,
    GatewayError,
    InvalidRequestError,
    KeyStatus,
    KeyStore,
    LLMRequest,
    ModelInfo,
    ProviderConfiguration,
    ProviderStatus,
    TextDelta,
    UnreachableError,
)
from jupyter_chatide.gateway.messages import AnyDelta, RetryDelta
from tests.fakes import HOLD, FakeProvider, free_port
from tests.fakes.keyring_backend import FolderKeyring

from .asking import KEY, question, text_of
from .keyrings import a_keyring_in, this_computer_has
from .test_litellm_worker import workers


def configured(fake: FakeProvider | str, **changes: Any) -> ProviderConfiguration:
    url = fake if isinstance(fake, str) else fake.base_url
    settings = {"id": "fake", "label": "Fakes Inc", "icon": "", "adapter": "direct", **changes}
    return ProviderConfiguration(base_url=url, **settings)


def gateway_for(
    folder: Path, *providers: ProviderConfiguration, environ: dict[str, str] | None = None
) -> Gateway:
    return Gateway(keys=KeyStore(folder / "chatide", providers or None, environ=environ or {}))


async def said_by(gateway: Gateway, request: LLMRequest, **more: Any) -> list[AnyDelta]:
    return [delta async for delta in gateway.stream(request, **more)]


async def by_id(gateway: Gateway) -> dict[str, ProviderStatus]:
    return {status.id: status for status in await gateway.providers()}


@pytest.fixture
def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/v1"


async def test_a_person_sets_a_server_and_asks_it(provider: FakeProvider, tmp_path: Path) -> None:
    provider.reply("hello")
    async with gateway_for(tmp_path) as gateway:
        gateway.keys.set("openai-compatible", KEY, base_url=provider.origin)
        deltas = [delta async for delta in gateway.stream(question("openai-compatible", "m"))]
    assert text_of(deltas) == "hello"
    assert deltas[-1] == FinishDelta("stop", "openai-compatible/m")
    assert provider.requests[0].key == KEY


async def test_what_cannot_be_asked_is_said_before_anyone_is_asked(
    provider: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_for(tmp_path, configured(provider)) as gateway:
        for request, kind in (
            (question("nobody"), InvalidRequestError),
            (question(model=" "), InvalidRequestError),
            (question(), AuthenticationError),
        ):
            with pytest.raises(kind) as caught:
                await anext(gateway.stream(request))
            assert caught.value.hint
    async with gateway_for(tmp_path) as gateway:
        with pytest.raises(UnreachableError, match="no address"):
            await anext(gateway.stream(question("openai-compatible")))
    assert provider.requests == []


async def test_the_gateway_closes_twice_and_then_answers_nobody(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.otherwise("hi", HOLD)
    gateway = gateway_for(tmp_path, configured(provider, needs_key=False))
    stream = gateway.stream(question())
    assert await anext(stream) == TextDelta("hi")
    await gateway.aclose()
    await gateway.aclose()
    with pytest.raises(GatewayError):
        await anext(stream)
    assert await asyncio.to_thread(provider.requests[0].wait_left)
    with pytest.raises(GatewayError, match="closed"):
        await anext(gateway.stream(question()))
    with pytest.raises(GatewayError, match="closed"):
        await gateway.models("fake")


async def test_stop_reaches_the_provider_at_once(provider: FakeProvider, tmp_path: Path) -> None:
    provider.otherwise("hi", HOLD)
    async with gateway_for(tmp_path, configured(provider, needs_key=False)) as gateway:
        async with aclosing(gateway.stream(question())) as deltas:
            await anext(deltas)
            left = time.monotonic()
        assert await asyncio.to_thread(provider.requests[0].wait_left)
        left_at = provider.requests[0].left_at
        assert left_at is not None and left_at - left < 0.25


async def test_every_provider_is_listed_with_an_icon_and_without_a_key(tmp_path: Path) -> None:
    environ = {"GROQ_API_KEY": KEY}
    async with gateway_for(tmp_path, environ=environ) as gateway:
        gateway.keys.set("openai", KEY)
        statuses = await gateway.providers()
    assert [status.id for status in statuses] == [provider.id for provider in DEFAULT_PROVIDERS]
    assert all(status.icon.startswith("<svg ") for status in statuses)
    assert len({status.icon for status in statuses}) == len(statuses)
    assert KEY not in repr(statuses)
    status = {status.id: status for status in statuses}
    assert status["openai"].key == KeyStatus(True, "file", f"…{KEY[-4:]}")
    assert status["groq"].key == KeyStatus(True, "environment", "GROQ_API_KEY")
    assert status["openai"].ready and status["groq"].ready
    assert not status["anthropic"].ready and not status["openai-compatible"].ready
    assert status["demo"].ready and status["demo"].examples
    assert status["anthropic"].key_url and status["anthropic"].key_variable == "ANTHROPIC_API_KEY"


async def test_a_local_server_is_ready_when_it_answers(
    provider: FakeProvider, tmp_path: Path, nowhere: str
) -> None:
    provider.route("GET", "/api/tags", {"models": [{"name": "tiny"}]})
    environ = {"OLLAMA_HOST": provider.origin}
    async with gateway_for(tmp_path, environ=environ) as gateway:
        gateway.keys.set("lmstudio", None, base_url=nowhere)
        status = await by_id(gateway)
        assert status["ollama"].ready and status["ollama"].base_url == provider.origin
        assert not status["lmstudio"].ready
        asked = len(provider.requests)
        await gateway.providers()
        assert len(provider.requests) == asked  # believed for a few seconds


async def test_a_local_server_that_does_not_take_the_key_is_running_and_says_so(
    tmp_path: Path,
) -> None:
    for status in (401, 403):
        with FakeProvider() as server:
            server.route("GET", "/v1/models", {"error": {"message": "no"}}, status=status)
            keyed = configured(server, id="here", label="Here", needs_key=False, local=True)
            async with gateway_for(tmp_path, keyed) as gateway:
                gateway.keys.set("here", KEY)
                found = (await by_id(gateway))["here"]
                assert (found.running, found.ready) == (True, False)
                assert "Here" in found.refusal and KEY not in found.refusal
                assert await gateway.resolve_default_model() == "demo/demo"


async def test_local_servers_that_hang_cost_half_a_second_together(tmp_path: Path) -> None:
    with FakeProvider() as one, FakeProvider() as two:
        for hanging in (one, two):
            hanging.route("GET", "/v1/models", (HOLD,))
        slow = (
            configured(one, id="one", needs_key=False, local=True),
            configured(two, id="two", needs_key=False, local=True),
        )
        async with gateway_for(tmp_path, *slow) as gateway:
            await gateway.resolve_default_model()  # imports what it takes
            gateway._probes.forget()
            began = time.monotonic()
            statuses = await by_id(gateway)
            assert time.monotonic() - began < 0.95
            assert not statuses["one"].ready and not statuses["two"].ready


async def test_asking_for_providers_does_not_block_the_loop(tmp_path: Path) -> None:
    async with gateway_for(tmp_path) as gateway:
        worst, asking = 0.0, asyncio.create_task(gateway.providers())
        while not asking.done():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            worst = max(worst, time.monotonic() - before - 0.005)
        assert len(await asking) == len(DEFAULT_PROVIDERS)
    assert worst < 0.4


async def test_a_key_file_that_is_refused_shows_where_the_key_would(
    provider: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_for(tmp_path, configured(provider)) as gateway:
        gateway.keys.set("fake", KEY)
        gateway.keys.path.chmod(0o644)
        status = (await by_id(gateway))["fake"]
        assert not status.key.set and not status.ready
        assert "other users" in status.key.hint
        assert await gateway.resolve_default_model() == "demo/demo"


async def test_models_are_listed_by_the_provider(provider: FakeProvider, tmp_path: Path) -> None:
    provider.models = ["a", {"id": "b", "context_window": 8}]
    fake = configured(provider, needs_key=False)
    unlisted = configured(
        provider, id="unlisted", models="none", default_model="x", needs_key=False
    )
    async with gateway_for(tmp_path, fake, unlisted) as gateway:
        assert await gateway.models("fake") == [ModelInfo("a"), ModelInfo("b", context_window=8)]
        assert await gateway.models("unlisted") == [ModelInfo("x")]
        with pytest.raises(NotFoundError):
            await gateway.models("nobody")
    async with gateway_for(tmp_path) as gateway:
        with pytest.raises(AuthenticationError, match="Anthropic needs a key"):
            await gateway.models("anthropic")
        assert await gateway.models("demo")


async def test_the_default_is_configured_else_keyed_else_local_else_the_demo(
    provider: FakeProvider, tmp_path: Path, nowhere: str
) -> None:
    keyed = configured(nowhere, id="keyed", default_model="best")
    local = configured(nowhere, id="local", needs_key=False, local=True, base_url_editable=True)
    async with gateway_for(tmp_path, keyed, local) as gateway:
        assert await gateway.resolve_default_model() == "demo/demo"
        gateway.keys.set("local", None, base_url=provider.base_url)
        assert await gateway.resolve_default_model() == "local/fake-model"
        gateway.keys.set("keyed", KEY)
        assert await gateway.resolve_default_model() == "keyed/best"
    async with Gateway(data_dir=tmp_path, default_model="ollama/mine") as gateway:
        assert await gateway.resolve_default_model() == "ollama/mine"


async def test_a_keyed_server_without_a_default_gives_its_first_model(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.models = ["first", "second"]
    async with gateway_for(tmp_path) as gateway:
        gateway.keys.set("openai-compatible", KEY, base_url=provider.base_url)
        assert await gateway.resolve_default_model() == "openai-compatible/first"


@pytest.mark.parametrize("check", ["models", "completion", "/key"])
async def test_a_check_makes_a_real_call_with_the_key(
    provider: FakeProvider, tmp_path: Path, check: str
) -> None:
    provider.key = KEY
    provider.route("GET", "/v1/key", {"data": {}})
    provider.otherwise("OK", HOLD)
    async with gateway_for(tmp_path, configured(provider, key_check=check)) as gateway:
        missing = await gateway.check_key("fake")
        assert (missing.ok, missing.code) == (False, "authentication")
        assert provider.requests == []
        gateway.keys.set("fake", KEY)
        right = await gateway.check_key("fake")
        assert right.ok and "Fakes Inc" in right.message and provider.requests[-1].key == KEY
        gateway.keys.set("fake", "sk-wrong-00000000000000")
        wrong = await gateway.check_key("fake")
        assert (wrong.ok, wrong.code) == (False, "authentication")
        assert wrong.hint and "0000" not in wrong.message
        with pytest.raises(NotFoundError):
            await gateway.check_key("nobody")
    for request in provider.chats:
        assert request.answered.is_set() or await asyncio.to_thread(request.wait_left)


async def test_a_check_says_when_a_server_is_not_there_or_has_no_model(
    provider: FakeProvider, tmp_path: Path, nowhere: str
) -> None:
    provider.models = []
    gone = configured(nowhere, id="gone", needs_key=False, local=True, key_check="models")
    async with gateway_for(tmp_path, configured(provider, needs_key=False), gone) as gateway:
        assert (await gateway.check_key("gone")).code == "unreachable"
        assert (await gateway.check_key("fake")).code == "model_not_found"
    async with gateway_for(tmp_path) as gateway:
        assert (await gateway.check_key("demo")).ok
        assert (await gateway.check_key("openai-compatible")).code == "unreachable"


async def test_the_key_is_in_no_error_no_log_and_no_status(
    provider: FakeProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.key = "another"  # every 401 quotes the key it got
    shown: list[str] = []

    async def errors() -> AsyncIterator[GatewayError]:
        async with gateway_for(tmp_path, configured(provider)) as gateway:
            gateway.keys.set("fake", KEY)
            for call in (lambda: gateway.models("fake"), lambda: anext(gateway.stream(question()))):
                with pytest.raises(GatewayError) as caught:
                    await call()
                yield caught.value
            provider.refuse(400, {"message": f"bad {KEY}"})
            provider.key = None
            with pytest.raises(GatewayError) as caught:
                await anext(gateway.stream(question()))
            yield caught.value
            shown.append(repr(await gateway.providers()) + repr(await gateway.check_key("fake")))
            shown.append(repr(vars(gateway)) + repr(gateway.keys))

    async for error in errors():
        failure: BaseException | None = error
        while failure is not None:
            shown.append(f"{failure!r} {failure} {getattr(failure, 'hint', '')}")
            failure = failure.__cause__ or failure.__context__
    shown.append(caplog.text)
    assert len(shown) > 5
    for text in shown:
        assert KEY not in text and KEY[:10] not in text


async def test_a_loopback_server_is_asked_directly_and_others_through_the_proxy(
    provider: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeProvider() as proxy:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        provider.otherwise("direct")
        proxy.otherwise("by proxy")
        remote = configured("http://models.example/v1", id="remote", needs_key=False)
        local = configured(provider, id="local", needs_key=False)
        async with gateway_for(tmp_path, remote, local) as gateway:
            for name, said in (("local", "direct"), ("remote", "by proxy")):
                deltas = [delta async for delta in gateway.stream(question(name))]
                assert text_of(deltas) == said
        assert proxy.requests[0].path == "http://models.example/v1/chat/completions"


async def test_a_proxy_that_cannot_be_used_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    remote = configured("http://models.example/v1", needs_key=False)
    async with gateway_for(tmp_path, remote) as gateway:
        with pytest.raises(UnreachableError, match="proxy"):
            await said_by(gateway, question())


async def test_what_is_not_spoken_directly_is_asked_through_the_worker_and_the_demo_at_once(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("by ", "litellm")
    other = configured(provider, adapter="litellm", litellm_prefix="openai", key_check="models")
    demo = next(p for p in DEFAULT_PROVIDERS if p.id == "demo")
    async with gateway_for(tmp_path, other, demo) as gateway:
        gateway.keys.set("fake", KEY)
        assert (await gateway.check_key("fake")).ok
        deltas = [delta async for delta in gateway.stream(question())]
        assert text_of(deltas) == "by litellm"
        assert deltas[-1] == FinishDelta("stop", "fake/m")
        assert [request.key for request in provider.requests] == [KEY, KEY]
        assert text_of([delta async for delta in gateway.stream(question("demo", "demo"))])


async def test_a_slow_keyring_holds_up_nobody_else(provider: FakeProvider, tmp_path: Path) -> None:
    class Slow(FolderKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            time.sleep(0.5)
            return super().get_password(service, username)

    provider.otherwise("hello")
    with a_keyring_in(tmp_path / "ring"):
        async with gateway_for(tmp_path, configured(provider)) as gateway:
            gateway.keys.set("fake", KEY, place="keyring")
        with this_computer_has(Slow()):
            async with gateway_for(tmp_path, configured(provider)) as gateway:
                asking = asyncio.create_task(said_by(gateway, question()))
                worst, before = 0.0, time.monotonic()
                while not asking.done():
                    await asyncio.sleep(0.005)
                    worst, before = max(worst, time.monotonic() - before), time.monotonic()
                assert text_of(await asking) == "hello"
    assert provider.requests[-1].key == KEY
    assert worst < 0.4


async def test_a_worker_that_dies_before_the_first_word_is_replaced_and_the_answer_comes(
    provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply(HOLD, "never")
    provider.reply("anew")
    other = configured(provider, adapter="litellm", litellm_prefix="openai")
    async with gateway_for(tmp_path, other) as gateway:
        gateway.keys.set("fake", KEY)
        asking = asyncio.create_task(said_by(gateway, question()))
        await asyncio.to_thread(provider.wait_for_requests, 1, 60)
        workers()[0].kill()
        deltas = await asking
    assert isinstance(deltas[0], RetryDelta) and deltas[0].code == "overloaded"
    assert text_of(deltas) == "anew" and deltas[-1] == FinishDelta("stop", "fake/m")
