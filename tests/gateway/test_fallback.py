"""When a model cannot answer: asked again, or the next one asks, or it is said. Over real HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_chatide.errors import ChatIDEError, InvalidRequestError
from jupyter_chatide.gateway import (
    ChatMessage,
    FallbackDelta,
    FinishDelta,
    Gateway,
    GatewayError,
    KeyStore,
    LLMRequest,
    ProviderConfiguration,
    TextDelta,
    errors,
)
from jupyter_chatide.gateway.breaker import Breaker
from jupyter_chatide.gateway.fallback import (
    FURTHER,
    POLICY,
    Candidate,
    Skipped,
    Step,
    answer,
    reason_for,
    step_after,
)
from jupyter_chatide.gateway.messages import AnyDelta, ImagePart, RetryDelta
from jupyter_chatide.gateway.settings import Deadlines, GatewaySettings
from jupyter_chatide.gateway.wire.direct import DirectAdapter
from tests.fakes import CUT, HOLD, FakeProvider, Reasoning, free_port

from .asking import KEY, question, target_for, text_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "fallback.md"


def fake(
    url: str, id: str = "fake", label: str = "Fakes Inc", **more: Any
) -> ProviderConfiguration:
    settings = {"adapter": "direct", "icon": "", "needs_key": False, **more}
    return ProviderConfiguration(id=id, label=label, base_url=url, **settings)


@pytest.fixture
def other() -> Iterator[FakeProvider]:
    with FakeProvider() as second:
        second.otherwise("from the other")
        yield second


@pytest.fixture
def gateway_to(tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def make(*providers: ProviderConfiguration, **settings: Any) -> AsyncIterator[Gateway]:
        keys = KeyStore(tmp_path / "chatide", providers, environ={})
        async with Gateway(keys=keys, settings=GatewaySettings(**settings)) as gateway:
            yield gateway

    return make


def asking(*chain: str, **fields: Any) -> LLMRequest:
    return msgspec.structs.replace(question(), fallback=list(chain), **fields)


async def deltas_of(gateway: Gateway, request: LLMRequest) -> list[AnyDelta]:
    return [delta async for delta in gateway.stream(request)]


async def failure_of(gateway: Gateway, request: LLMRequest) -> tuple[list[AnyDelta], ChatIDEError]:
    deltas: list[AnyDelta] = []
    with pytest.raises(ChatIDEError) as caught:
        async for delta in gateway.stream(request):
            deltas.append(delta)
    return deltas, caught.value


def tree(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS: list[type[ChatIDEError]] = sorted(
    {*tree(GatewayError), InvalidRequestError}, key=lambda kind: kind.code
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_of_error_has_its_line_in_the_policy(kind: type[ChatIDEError]) -> None:
    assert kind in POLICY
    assert step_after(kind("Oh.")) is POLICY[kind]
    assert step_after(kind("Oh."), first=False) is FURTHER.get(kind, POLICY[kind])
    assert len(reason_for(kind("Fakes Inc did not do it."), "Fakes Inc")) < 80


def test_the_policy_names_no_class_twice_or_unknown() -> None:
    assert set(POLICY) == set(KINDS) and set(FURTHER) <= set(POLICY)


def test_the_documented_table_is_the_policy() -> None:
    rows = []
    for kind, step in POLICY.items():
        said = (kind.__doc__ or "").splitlines()[0]
        further = FURTHER[kind].value if kind in FURTHER else "the same"
        rows.append(f"| {said} | `{kind.code}` | {step.value} | {further} |")
    lines = DOCUMENT.read_text().splitlines()
    begin = lines.index("|---|---|---|---|") + 1
    assert lines[begin : begin + len(rows)] == rows
    assert not lines[begin + len(rows)].startswith("|")


# What a provider does → the class of the error, a word of its message and of its hint.
REFUSALS: list[tuple[int, dict[str, Any], type[GatewayError], str, str]] = [
    (401, {"code": "invalid_api_key"}, errors.AuthenticationError, "key", "key"),
    (402, {}, errors.QuotaError, "credit", "Add credit"),
    (403, {}, errors.PermissionDeniedError, "not allow", "allowed"),
    (404, {"code": "model_not_found"}, errors.ModelNotFoundError, "no model", "list"),
    (400, {"code": "context_length_exceeded"}, errors.ContextTooLongError, "longer", "new chat"),
    (400, {"code": "content_filter"}, errors.ContentRefusedError, "filter", "other words"),
    (422, {}, errors.RequestRefusedError, "refuses", "another model"),
    (429, {}, errors.RateLimitError, "no more requests", "Wait"),
    (429, {"code": "insufficient_quota"}, errors.QuotaError, "credit", "Add credit"),
    (503, {}, errors.OverloadedError, "overloaded", "moment"),
    (500, {}, errors.OverloadedError, "overloaded", "moment"),
]


@pytest.mark.parametrize(("status", "error", "kind", "said", "hint"), REFUSALS)
async def test_each_refusal_is_said_in_words_and_followed_by_its_step(
    provider: FakeProvider,
    other: FakeProvider,
    gateway_to: Any,
    status: int,
    error: dict[str, Any],
    kind: type[GatewayError],
    said: str,
    hint: str,
) -> None:
    for _ in range(3):
        provider.refuse(status, {"message": "because", **error}, retry_after=0)
    one, two = fake(provider.base_url), fake(other.base_url, "other", "Others Ltd")
    async with gateway_to(one, two) as gateway:
        if POLICY[kind] is Step.STOP:
            deltas, failure = await failure_of(gateway, asking("other/n"))
            assert type(failure) is kind and deltas == []
            assert said in failure.message and hint in failure.hint
            assert len(provider.chats) == 1 and other.chats == []
            return
        deltas = await deltas_of(gateway, asking("other/n"))
        retries = [delta for delta in deltas if isinstance(delta, RetryDelta)]
        (switch,) = [delta for delta in deltas if isinstance(delta, FallbackDelta)]
        assert len(retries) == len(provider.chats) - 1 == (2 if POLICY[kind] is Step.RETRY else 0)
        assert (switch.from_model, switch.to_model) == ("fake/m", "other/n")
        assert switch.code == kind.code and switch.reason.startswith(f"{status} from Fakes Inc: ")
        assert text_of(deltas) == "from the other"
        assert deltas[-1] == FinishDelta("stop", "other/n")
        assert [request.json["model"] for request in other.chats] == ["n"]


async def test_the_same_model_answers_when_it_is_asked_again(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(429, retry_after=1)
    provider.refuse(503)
    provider.reply("at last")
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two) as gateway:
        began = time.monotonic()
        deltas = await deltas_of(gateway, asking("other/n"))
        took = time.monotonic() - began
    first, second = deltas[:2]
    assert isinstance(first, RetryDelta) and isinstance(second, RetryDelta)
    assert (first.model, first.code, first.attempt) == ("fake/m", "rate_limit", 1)
    assert first.reason == "429 from Fakes Inc: takes no more requests for now"
    assert 1 <= first.seconds < 1.5 and (second.code, second.attempt) == ("overloaded", 2)
    assert took >= first.seconds + second.seconds
    assert text_of(deltas) == "at last" and deltas[-1] == FinishDelta("stop", "fake/m")
    assert other.chats == []


async def test_who_wants_a_long_wait_is_not_waited_for(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(429, retry_after=60)
    provider.refuse(429, retry_after=60)
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two) as gateway:
        began = time.monotonic()
        assert text_of(await deltas_of(gateway, asking("other/n"))) == "from the other"
        deltas, failure = await failure_of(gateway, asking())
        assert time.monotonic() - began < 10
    assert deltas == [] and "60 s" in failure.hint
    assert len(provider.chats) == 2


async def test_a_server_of_this_machine_that_is_not_there_is_not_asked_twice(
    other: FakeProvider, gateway_to: Any
) -> None:
    gone = fake(f"http://127.0.0.1:{free_port()}/v1")
    async with gateway_to(gone, fake(other.base_url, "other")) as gateway:
        deltas = await deltas_of(gateway, asking("other/n"))
    assert deltas[0] == FallbackDelta(
        "fake/m", "other/n", "Fakes Inc cannot be reached", "unreachable"
    )
    assert text_of(deltas) == "from the other"


async def test_a_server_elsewhere_that_is_not_there_is_asked_once_more(
    other: FakeProvider, gateway_to: Any
) -> None:
    elsewhere = fake("http://nobody.invalid/v1")
    async with gateway_to(elsewhere, fake(other.base_url, "other")) as gateway:
        deltas = await deltas_of(gateway, asking("other/n"))
    retry, switch = deltas[:2]
    assert isinstance(retry, RetryDelta) and retry.seconds < 1
    assert isinstance(switch, FallbackDelta) and switch.code == "unreachable"


async def test_a_model_that_says_nothing_in_time_or_nonsense_is_switched_from_at_once(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.reply(HOLD)
    provider.respond(200, "<html>", content_type="text/html")
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two, deadlines=Deadlines(first_token=0.3)) as gateway:
        for code in ("timeout", "malformed_reply"):
            deltas = await deltas_of(gateway, asking("other/n"))
            assert isinstance(deltas[0], FallbackDelta) and deltas[0].code == code
            assert text_of(deltas) == "from the other"


@pytest.mark.parametrize("begun", ["half an ans", Reasoning("hm")])
async def test_after_the_first_piece_no_other_model_takes_over(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any, begun: Any
) -> None:
    provider.reply(begun, CUT)
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two) as gateway:
        deltas, failure = await failure_of(gateway, asking("other/n"))
    assert len(deltas) == 1 and isinstance(failure, errors.UnreachableError)
    assert len(provider.chats) == 1 and other.chats == []
    assert "other/n" not in failure.hint


async def test_when_none_answers_the_first_ones_error_tells_of_the_others(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(402)
    gone = fake(f"http://127.0.0.1:{free_port()}/v1", "gone", "Gone GmbH")
    keyless = fake(other.base_url, "keyless", "Keyed AG", needs_key=True)
    shut = fake(other.base_url, "shut")
    chain = ["gone/a", "keyless/b", "shut/c", "nobody/d", "fake/m", "gone/a"]
    async with gateway_to(
        fake(provider.base_url), gone, keyless, shut, blocked=("shut",)
    ) as gateway:
        deltas, failure = await failure_of(gateway, asking(*chain))
    assert isinstance(failure, errors.QuotaError) and "Fakes Inc" in failure.message
    assert [delta for delta in deltas if isinstance(delta, FallbackDelta)] == deltas
    assert [delta.to_model for delta in deltas if isinstance(delta, FallbackDelta)] == ["gone/a"]
    for said in (
        "gone/a (Gone GmbH cannot be reached)",
        "keyless/b (Keyed AG needs a key)",
        "shut/c (The administrator has blocked shut/c)",
        "nobody/d (There is no provider 'nobody')",
    ):
        assert failure.hint.count(said) == 1
    assert "fake/m" not in failure.hint
    assert len(provider.chats) == 1 and other.chats == []


async def test_a_wrong_key_stops_the_asked_model_but_not_the_chain(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    with FakeProvider(key="right") as locked:
        chain = fake(locked.base_url, "locked"), fake(other.base_url, "other")
        async with gateway_to(fake(provider.base_url), *chain) as gateway:
            gateway.keys.set("locked", KEY)
            _, failure = await failure_of(gateway, asking("other/n", provider="locked"))
            assert isinstance(failure, errors.AuthenticationError) and other.chats == []
            provider.refuse(402)
            deltas = await deltas_of(gateway, asking("locked/l", "other/n"))
    switches = [delta for delta in deltas if isinstance(delta, FallbackDelta)]
    assert [switch.to_model for switch in switches] == ["locked/l", "other/n"]
    assert switches[1].code == "authentication" and KEY not in repr(deltas)


async def test_a_further_model_that_turns_out_not_to_see_images_is_passed_by(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(402)
    blind = fake("", "blind", adapter="local")
    look = ChatMessage("user", [ImagePart("image/png", b"\x89PNG\r\n\x1a\n")])
    request = asking("blind/b", "other/n", messages=[look])
    async with gateway_to(fake(provider.base_url), blind, fake(other.base_url, "other")) as gateway:
        deltas = await deltas_of(gateway, request)
    switches = [delta for delta in deltas if isinstance(delta, FallbackDelta)]
    assert [switch.to_model for switch in switches] == ["blind/b", "other/n"]
    assert "does not see images" in switches[1].reason and text_of(deltas) == "from the other"


async def test_a_further_model_that_refuses_the_content_ends_the_chain(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(402)
    with FakeProvider() as strict:
        strict.refuse(400, {"code": "content_filter", "message": "no"})
        chain = fake(strict.base_url, "strict"), fake(other.base_url, "other")
        async with gateway_to(fake(provider.base_url), *chain) as gateway:
            _, failure = await failure_of(gateway, asking("strict/s", "other/n"))
    assert isinstance(failure, errors.QuotaError) and "strict/s (" in failure.hint
    assert other.chats == []


async def test_the_default_chain_is_the_users_else_the_configured_one(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two, fallback=("other/configured",)) as gateway:
        for chain, asked in ((None, "configured"), (["other/mine"], "mine")):
            if chain is not None:
                gateway.preferences.change(fallback=chain)
            provider.refuse(402)
            request = msgspec.structs.replace(question(), fallback=None)
            assert text_of(await deltas_of(gateway, request)) == "from the other"
            assert other.chats[-1].json["model"] == asked
        gateway.preferences.change(fallback=[])  # the user wants none
        provider.refuse(402)
        _, failure = await failure_of(gateway, question())
        assert isinstance(failure, errors.QuotaError)


async def test_a_temperature_is_no_higher_than_each_model_takes(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(402)
    cool = fake(other.base_url, "other", hottest=1.0)
    async with gateway_to(fake(provider.base_url), cool) as gateway:
        await deltas_of(gateway, asking("other/n", temperature=1.8))
    assert provider.chats[0].json["temperature"] == 1.8
    assert other.chats[0].json["temperature"] == 1.0


async def test_a_model_that_keeps_failing_rests_while_another_answers(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two) as gateway:
        for chain in ([], ["nobody/x"]):
            asked = len(provider.chats)
            for _ in range(3):
                provider.refuse(402)
                await deltas_of(gateway, asking("other/n"))
            provider.reply("back again")
            deltas = await deltas_of(gateway, asking("other/n"))
            (switch,) = [delta for delta in deltas if isinstance(delta, FallbackDelta)]
            assert switch.code == "resting" and "rests for" in switch.reason
            assert text_of(deltas) == "from the other" and len(provider.chats) == asked + 3
            # Without another that can be asked, it is asked all the same.
            deltas = await deltas_of(gateway, asking(*chain))
            assert text_of(deltas) == "back again"
            assert not any(isinstance(delta, FallbackDelta) for delta in deltas)
            # And that answer ends its rest.
            provider.reply("as ever")
            assert text_of(await deltas_of(gateway, asking("other/n"))) == "as ever"


async def test_a_resting_model_is_the_last_resort_of_its_chain(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    for _ in range(3):
        provider.refuse(402)
    gone = fake(f"http://127.0.0.1:{free_port()}/v1", "gone")
    async with gateway_to(fake(provider.base_url), gone) as gateway:
        for _ in range(3):
            await failure_of(gateway, asking())
        provider.reply("after all")
        deltas = await deltas_of(gateway, asking("gone/g"))
    switches = [delta for delta in deltas if isinstance(delta, FallbackDelta)]
    assert [(s.from_model, s.to_model) for s in switches] == [
        ("fake/m", "gone/g"),
        ("gone/g", "fake/m"),
    ]
    assert text_of(deltas) == "after all"


async def test_a_stop_ends_a_pause_at_once_and_asks_nobody_else(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    for _ in range(3):
        provider.refuse(429, retry_after=15)
    one, two = fake(provider.base_url), fake(other.base_url, "other")
    async with gateway_to(one, two) as gateway:
        waiting = asyncio.Event()

        async def read() -> None:
            async with aclosing(gateway.stream(asking("other/n"))) as deltas:
                async for delta in deltas:
                    assert isinstance(delta, RetryDelta) and delta.seconds >= 15
                    waiting.set()

        reading = asyncio.create_task(read())
        await waiting.wait()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert time.monotonic() - began < 0.5
        async with aclosing(gateway.stream(asking("other/n"))) as deltas:
            assert isinstance(await anext(deltas), RetryDelta)  # and then it is closed
    assert len(provider.chats) == 2 and other.chats == []


async def test_a_stop_reaches_the_model_that_was_switched_to(
    provider: FakeProvider, gateway_to: Any
) -> None:
    provider.refuse(402)
    with FakeProvider() as second:
        second.reply("begun", HOLD)
        async with gateway_to(fake(provider.base_url), fake(second.base_url, "other")) as gateway:
            async with aclosing(gateway.stream(asking("other/n"))) as deltas:
                async for delta in deltas:
                    if isinstance(delta, TextDelta):
                        break
                left = time.monotonic()
            assert await asyncio.to_thread(second.chats[0].wait_left)
            left_at = second.chats[0].left_at
            assert left_at is not None and left_at - left < 0.25


async def test_a_key_that_was_tested_ends_the_rest_of_its_models(
    provider: FakeProvider, other: FakeProvider, gateway_to: Any
) -> None:
    one = fake(provider.base_url, needs_key=True, key_check="models")
    async with gateway_to(one, fake(other.base_url, "other")) as gateway:
        gateway.keys.set("fake", KEY)
        for _ in range(3):
            provider.refuse(402)
            await deltas_of(gateway, asking("other/n"))
        assert (await gateway.check_key("fake")).ok
        provider.reply("paid")
        assert text_of(await deltas_of(gateway, asking("other/n"))) == "paid"


async def test_after_a_rest_one_request_tries_and_when_it_is_stopped_the_next_one(
    provider: FakeProvider, other: FakeProvider
) -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    adapter = DirectAdapter()

    def candidate(fake: FakeProvider, model: str) -> Candidate:
        asked = partial(adapter.stream, target_for(fake.base_url), question())
        return Candidate(model, "Fakes Inc", True, asked)

    async def others() -> list[Candidate | Skipped]:
        return [candidate(other, "other/n")]

    def ask() -> AsyncGenerator[AnyDelta, None]:
        return answer(candidate(provider, "fake/m"), others, breaker)

    try:
        for _ in range(3):
            provider.refuse(402)
            assert text_of([delta async for delta in ask()]) == "from the other"
        now += 30
        provider.reply("trying", HOLD)
        async with aclosing(ask()) as trying:
            assert await anext(trying) == TextDelta("trying")
            assert text_of([delta async for delta in ask()]) == "from the other"
            assert len(provider.chats) == 4
        provider.reply("as ever")
        provider.reply("as ever")
        for _ in range(2):
            assert text_of([delta async for delta in ask()]) == "as ever"
    finally:
        await adapter.aclose()
