"""What each answer takes is written down, whatever became of it, and budgets hold."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_chatide.gateway import (
    Gateway,
    GatewayError,
    InvalidRequestError,
    KeyStore,
    LLMRequest,
    ProviderConfiguration,
    TextDelta,
    UsageDelta,
)
from jupyter_chatide.gateway.errors import BudgetError, MalformedReplyError, QuotaError
from jupyter_chatide.gateway.messages import AnyDelta, ChatMessage, ImagePart, Purpose, TextPart
from jupyter_chatide.gateway.settings import Budget, GatewaySettings
from tests.fakes import CUT, HOLD, FakeProvider

from .asking import question, text_of

PRICED = {"id": "priced", "pricing": {"prompt": "0.002", "completion": "0.01"}}  # $ per token
BLIND = {"id": "blind", "architecture": {"input_modalities": ["text"]}}
SEEING = {"id": "seeing", "architecture": {"input_modalities": ["text", "image"]}}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
COST = 7 * 0.002 + 11 * 0.01  # of the tokens that the fake provider counts


@pytest.fixture
def remote(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """The fake provider as one elsewhere, reached through a proxy: what is here costs nothing."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, provider.origin)
    provider.models = [PRICED, BLIND, SEEING]
    yield provider


@asynccontextmanager
async def gateway_in(
    folder: Path, provider: FakeProvider, **settings: Any
) -> AsyncIterator[Gateway]:
    common: dict[str, Any] = {"adapter": "direct", "icon": "", "needs_key": False}
    here = ProviderConfiguration(
        id="here", label="Here", base_url=provider.base_url, group="local", **common
    )
    there = ProviderConfiguration(
        id="fake", label="Fakes Inc", base_url="http://models.example/v1", **common
    )
    keys = KeyStore(folder / "chatide", (here, there), environ={})
    async with Gateway(keys=keys, settings=GatewaySettings(**settings)) as gateway:
        yield gateway


async def deltas_of(gateway: Gateway, request: LLMRequest, **more: Any) -> list[AnyDelta]:
    return [delta async for delta in gateway.stream(request, **more)]


def rows(gateway: Gateway) -> list[dict[str, Any]]:
    """What was written down, once it is on the disk."""
    with sqlite3.connect(gateway.usage.path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM requests ORDER BY rowid")]


async def test_an_answer_brings_its_cost_and_is_written_down(
    remote: FakeProvider, tmp_path: Path
) -> None:
    async with gateway_in(tmp_path, remote) as gateway:
        await gateway.models("fake")  # its list names the price
        remote.reply("hello")
        purpose = Purpose("chat", "c1", "t1", "k1")
        deltas = await deltas_of(gateway, question("fake", "priced"), purpose=purpose)
        (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
        assert usage.cost == pytest.approx(COST)
        report = await gateway.usage.report()
        assert report.totals.cost == pytest.approx(COST) and report.totals.unknown == 0
        (row,) = rows(gateway)
    assert (row["provider"], row["model"], row["finished"]) == ("fake", "priced", 1)
    assert (row["client"], row["chat"], row["turn"], row["token"]) == ("chat", "c1", "t1", "k1")
    assert (row["input_tokens"], row["output_tokens"]) == (7, 11)


async def test_an_unknown_cost_stays_unknown_and_a_local_one_is_nought(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("hello")
    async with gateway_in(tmp_path, remote) as gateway:
        for provider, cost in (("fake", None), ("here", 0.0)):
            deltas = await deltas_of(gateway, question(provider, "nameless"))
            (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
            assert usage.cost == cost
        totals = (await gateway.usage.report()).totals
    assert (totals.requests, totals.cost, totals.unknown) == (2, 0.0, 1)


async def test_a_stopped_answer_and_a_broken_one_are_written_down_as_unknown(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.reply("begun", HOLD)
    remote.reply("begun", CUT)
    remote.respond(200, "nonsense")
    async with gateway_in(tmp_path, remote) as gateway:
        async with aclosing(gateway.stream(question("fake", "priced"))) as deltas:
            assert await anext(deltas) == TextDelta("begun")
        assert await asyncio.to_thread(remote.chats[0].wait_left)
        for kind in (GatewayError, MalformedReplyError):
            with pytest.raises(kind):
                await deltas_of(gateway, question("fake", "priced"))
        totals = (await gateway.usage.report()).totals
        assert (totals.requests, totals.cost, totals.unknown) == (3, None, 3)
        assert (totals.input_tokens, totals.output_tokens, totals.uncounted) == (None, None, 3)
        assert [row["finished"] for row in rows(gateway)] == [0, 0, 0]


async def test_stopping_every_answer_does_not_pass_by_a_budget_of_tokens(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("x" * 400, HOLD)
    request = msgspec.structs.replace(
        question("fake", "m"), messages=[ChatMessage("user", "y" * 800)]
    )
    async with gateway_in(tmp_path, remote, budget=Budget(tokens=500)) as gateway:
        for _ in range(2):  # each of about 300 tokens
            async with aclosing(gateway.stream(request)) as deltas:
                assert isinstance(await anext(deltas), TextDelta)
        with pytest.raises(BudgetError, match="about 600 are used"):
            await deltas_of(gateway, request)
        spent = await gateway.usage.spent(Budget(tokens=500))
        assert (spent.tokens, spent.estimated) == (600, 600)
        totals = (await gateway.usage.report()).totals
        assert (totals.input_tokens, totals.output_tokens, totals.uncounted) == (None, None, 2)
        assert [(row["input_tokens"], row["estimate"]) for row in rows(gateway)] == [
            (None, 300)
        ] * 2


async def test_stopping_every_answer_does_not_pass_by_a_budget_of_money(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("x" * 4000, HOLD)
    async with gateway_in(tmp_path, remote, budget=Budget(cost=0.001)) as gateway:
        await gateway.models("fake")  # which tells its prices
        async with aclosing(gateway.stream(question("fake", "priced"))) as deltas:
            assert isinstance(await anext(deltas), TextDelta)
        with pytest.raises(BudgetError, match="about"):
            await deltas_of(gateway, question("fake", "priced"))
        assert (await gateway.usage.report()).totals.cost is None  # an estimate is no cost


async def test_a_stopped_answer_of_a_local_model_costs_nothing_and_its_tokens_are_unknown(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.reply("begun", HOLD)
    async with gateway_in(tmp_path, remote) as gateway:
        async with aclosing(gateway.stream(question("here", "m"))) as deltas:
            await anext(deltas)
        totals = (await gateway.usage.report()).totals
        assert (totals.cost, totals.unknown) == (0.0, 0)
        assert (totals.input_tokens, totals.uncounted) == (None, 1)


async def test_a_cancelled_answer_is_written_down(remote: FakeProvider, tmp_path: Path) -> None:
    remote.reply(HOLD)
    async with gateway_in(tmp_path, remote) as gateway:
        asking = asyncio.create_task(deltas_of(gateway, question("fake", "priced")))
        await asyncio.to_thread(remote.wait_for_requests, 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(remote.chats[0].wait_left)
        assert (await gateway.usage.report()).totals.unknown == 1


async def test_a_refused_request_took_nothing_and_each_model_of_a_chain_is_counted(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.refuse(402)
    remote.reply("hello")
    request = msgspec.structs.replace(question("fake", "priced"), fallback=["here/m"])
    async with gateway_in(tmp_path, remote) as gateway:
        assert text_of(await deltas_of(gateway, request)) == "hello"
        report = await gateway.usage.report()
    assert {(row.provider, row.input_tokens, row.cost) for row in report.rows} == {
        ("fake", 0, 0.0),
        ("here", 7, 0.0),
    }
    assert report.totals.unknown == 0


async def test_a_ledger_that_cannot_be_written_fails_no_request(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("hello")
    async with gateway_in(tmp_path, remote) as gateway:
        gateway.usage.path.mkdir(parents=True)  # no file can be there
        assert text_of(await deltas_of(gateway, question("fake", "m"))) == "hello"
    async with gateway_in(tmp_path, remote, budget=Budget(tokens=1000)) as gateway:
        with pytest.raises(BudgetError) as caught:
            await deltas_of(gateway, question("fake", "m"))
        assert caught.value.hint
    assert len(remote.chats) == 1


async def test_a_used_up_budget_of_money_stops_what_costs_and_not_what_is_free(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("hello")
    async with gateway_in(tmp_path, remote, budget=Budget(cost=0.1)) as gateway:
        await gateway.models("fake")
        await deltas_of(gateway, question("fake", "priced"))
        asked = len(remote.chats)
        for request in (
            question("fake", "priced"),
            question("fake", "nameless"),
            msgspec.structs.replace(question("fake", "priced"), fallback=["here/m"]),
        ):
            with pytest.raises(BudgetError) as caught:
                await deltas_of(gateway, request)
            assert "$0.10" in caught.value.message and caught.value.hint
        assert (await gateway.check_key("here")).ok
        assert text_of(await deltas_of(gateway, question("here", "m"))) == "hello"
        # A free model that cannot answer does not fall back on one that costs.
        remote._script.clear()
        remote.refuse(402)
        free = msgspec.structs.replace(question("here", "m"), fallback=["fake/priced"])
        with pytest.raises(QuotaError) as refused:
            await deltas_of(gateway, free)
        assert "fake/priced (The budget" in refused.value.hint
    assert all(r.json["model"] != "nameless" for r in remote.chats) and asked == 1


async def test_a_used_up_budget_of_tokens_stops_every_model(
    remote: FakeProvider, tmp_path: Path
) -> None:
    remote.otherwise("hello")
    async with gateway_in(tmp_path, remote, budget=Budget(tokens=18)) as gateway:
        await deltas_of(gateway, question("here", "m"))
        with pytest.raises(BudgetError, match="18"):
            await deltas_of(gateway, question("here", "m"))
        check = await gateway.check_key("here")
        assert (check.ok, check.code) == (False, "budget")
    assert len(remote.chats) == 1


async def test_images_go_to_models_that_see_or_may_see_and_to_no_others(
    remote: FakeProvider, tmp_path: Path
) -> None:
    look = ChatMessage("user", [TextPart("What is it?"), ImagePart("image/png", PNG)])
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "hello"), look]
    remote.otherwise("a penguin")
    async with gateway_in(tmp_path, remote) as gateway:
        await gateway.models("fake")
        for model in ("seeing", "nameless"):
            assert await deltas_of(gateway, LLMRequest("fake", model, messages))
        with pytest.raises(InvalidRequestError) as caught:
            await deltas_of(gateway, LLMRequest("fake", "blind", messages))
        assert caught.value.message == "messages[2].content: fake/blind does not see images."
        assert "images out" in caught.value.hint
        assert await deltas_of(gateway, LLMRequest("fake", "blind", messages[:1]))
        # In a chain it is passed by.
        remote._script.clear()
        remote.refuse(402)
        chained = LLMRequest("fake", "seeing", messages, fallback=["fake/blind", "here/m"])
        assert text_of(await deltas_of(gateway, chained)) == "a penguin"
    asked = [request.json["model"] for request in remote.chats]
    assert asked == ["seeing", "nameless", "blind", "seeing", "m"]
