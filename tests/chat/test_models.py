"""Which model answers a chat, what for, what it takes, and that each detour is told."""

from __future__ import annotations

import pytest

from jupyter_chatide.chat import Chat, Chats
from jupyter_chatide.chat import events as ev
from jupyter_chatide.errors import InvalidRequestError
from tests.fakes.provider import FakeProvider

from .conftest import MODEL, ask, of

OTHER = "openai-compatible/other-model"


async def test_a_request_is_recorded_for_its_chat_and_turn(
    chats: Chats, chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("Hello.", usage=(12, 3))
    await ask(chat)
    provider.reply("Hello.", usage=(5, 2))
    await ask(chats.create())
    report = await chats.gateway.usage.report(chat=chat.id)
    assert (report.totals.requests, report.totals.input_tokens) == (1, 12)
    everything = await chats.gateway.usage.report()
    assert (everything.totals.requests, everything.totals.output_tokens) == (2, 5)


async def test_the_chats_own_chain_answers_and_the_switch_is_told(
    chat: Chat, provider: FakeProvider
) -> None:
    chat.set_fallback([OTHER])
    assert chat.info().fallback == [OTHER]
    provider.refuse(402, {"message": "no credit", "code": "insufficient_quota"})
    provider.reply("Here.")
    events = await ask(chat)
    (switched,) = of(events, ev.ModelSwitched)
    assert (switched.reply, switched.from_model, switched.to_model) == ("r1", MODEL, OTHER)
    assert switched.code == "quota"
    assert switched.reason
    (finished,) = of(events, ev.ReplyFinished)
    assert finished.model == OTHER
    assert chat.state.replies["r1"].model == OTHER


async def test_a_retry_is_told_while_it_is_waited_for(chat: Chat, provider: FakeProvider) -> None:
    chat.set_fallback([])
    provider.refuse(429, {"message": "later"}, retry_after=0)
    provider.reply("Here.")
    events = await ask(chat)
    (retried,) = of(events, ev.ModelRetried)
    assert (retried.reply, retried.model, retried.code) == ("r1", MODEL, "rate_limit")
    assert retried.attempt == 1
    assert chat.state.replies["r1"].raw == "Here."


async def test_the_model_that_answered_goes_on_at_its_length_limit(
    chat: Chat, provider: FakeProvider
) -> None:
    chat.set_fallback([OTHER])
    provider.refuse(402, {"message": "no credit", "code": "insufficient_quota"})
    provider.reply("One", finish="length")
    provider.reply(" two.")
    events = await ask(chat)
    assert [request.json["model"] for request in provider.chats] == [
        "fake-model",
        "other-model",
        "other-model",
    ]
    assert of(events, ev.ReplyContinued)[0].model == OTHER
    assert chat.state.replies["r1"].raw == "One two."


async def test_a_chain_stays_with_its_chat(chats: Chats, chat: Chat) -> None:
    assert chat.info().fallback is None
    chat.set_fallback([])
    assert chat.info().fallback == []
    chat.set_fallback([OTHER, "a/b"])
    await chat.aclose()
    (listed,) = await chats.list()
    assert listed.fallback == [OTHER, "a/b"]
    chat = await chats.get(chat.id)
    assert chat.info().fallback == [OTHER, "a/b"]
    chat.set_fallback(None)
    assert chat.info().fallback is None


@pytest.mark.parametrize(
    ("chain", "field"),
    [
        (["nameless"], r"fallback\[0\]"),
        ([OTHER, "a/"], r"fallback\[1\]"),
        ([OTHER, OTHER], r"fallback\[1\].*twice"),
        ([f"a/{number}" for number in range(100)], "fallback"),
    ],
)
async def test_a_chain_that_cannot_be_is_refused(chat: Chat, chain: list[str], field: str) -> None:
    with pytest.raises(InvalidRequestError, match=field):
        chat.set_fallback(chain)
    assert chat.info().fallback is None
    assert chat.read() == []
