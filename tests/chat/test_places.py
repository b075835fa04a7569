"""Many chats at once: so many turns go on, some more wait, and the rest is told so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jupyter_chatide.chat import Chats
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.places import TurnPlaces
from jupyter_chatide.errors import TooBusyError
from jupyter_chatide.gateway import Gateway
from jupyter_chatide.runtime import Runtime
from tests.fakes.provider import HOLD, FakeProvider

from .conftest import MODEL, of, until
from .test_resuming import resume


@pytest.fixture
def busy(chats: Chats, tmp_path: Path) -> Chats:
    """Chats of which one is answered at a time."""
    return Chats(chats.gateway, chats.runtime, tmp_path, max_turns=1)


async def test_a_turn_too_many_waits_says_so_and_goes_on_by_itself(
    busy: Chats, provider: FakeProvider
) -> None:
    first, second, third = busy.create(), busy.create(), busy.create()
    provider.reply("One", HOLD)
    await first.start_turn("Go", model=MODEL)
    await until(first, ev.ReplyText)
    for chat in (second, third):
        await chat.start_turn("Go", model=MODEL)
        notice = await until(chat, ev.Notice)
        assert (notice.level, notice.code, notice.turn) == ("info", "turn-waiting", "t1")
        assert chat.running
    assert len(provider.chats) == 1

    provider.reply("Two", HOLD)
    provider.release()
    await until(second, ev.ReplyText)
    assert not of(third.read(), ev.ReplyStarted)
    provider.reply("Three")
    provider.release()
    await third.wait_idle()
    assert [chat.state.replies["r1"].raw for chat in (first, second, third)] == [
        "One",
        "Two",
        "Three",
    ]
    await busy.aclose()


async def test_a_turn_that_waits_can_be_stopped_and_resumed(
    busy: Chats, provider: FakeProvider
) -> None:
    first, second = busy.create(), busy.create()
    provider.reply("One", HOLD)
    await first.start_turn("Go", model=MODEL)
    await until(first, ev.ReplyText)
    await second.start_turn("Go", model=MODEL)
    await until(second, ev.Notice)
    await second.stop()
    assert of(second.read(), ev.TurnFinished)[0].status == "stopped"
    assert not of(second.read(), ev.ReplyStarted)
    provider.release()
    await first.wait_idle()
    provider.reply("Two")
    await resume(second)
    assert second.state.replies["r1"].raw == "Two"
    await busy.aclose()


async def test_a_full_queue_refuses_and_nothing_is_written(
    busy: Chats, provider: FakeProvider
) -> None:
    provider.otherwise("Wait", HOLD)
    opened = [busy.create() for _ in range(6)]
    for chat in opened[:5]:
        await chat.start_turn("Go", model=MODEL)
    with pytest.raises(TooBusyError) as refused:
        await opened[5].start_turn("Go", model=MODEL)
    assert refused.value.code == "too_busy"
    assert refused.value.hint
    assert opened[5].read() == []
    assert not opened[5].running
    await asyncio.gather(*(chat.stop() for chat in opened))
    provider.reply("Now.")
    await opened[5].start_turn("Go", model=MODEL)
    await opened[5].wait_idle()
    assert opened[5].state.replies["r1"].raw == "Now."
    await busy.aclose()


async def test_a_turn_that_fails_leaves_its_place(busy: Chats, provider: FakeProvider) -> None:
    chat = busy.create()
    for _ in range(3):
        provider.refuse(401, {"message": "bad key", "code": "invalid_api_key"})
        await chat.start_turn("Go", model=MODEL)
        await chat.wait_idle()
    assert not of(chat.read(), ev.Notice)
    await busy.aclose()


async def test_places_go_on_in_the_order_in_which_they_were_claimed() -> None:
    places = TurnPlaces(1, 3)
    first, second, third, fourth = (places.claim() for _ in range(4))
    with pytest.raises(TooBusyError):
        places.claim()
    third.give_back()
    first.give_back()
    first.give_back()
    assert [place.ready.is_set() for place in (second, fourth)] == [True, False]
    second.give_back()
    assert fourth.ready.is_set()
    fourth.give_back()
    assert places.claim().ready.is_set()


async def test_eight_turns_go_on_at_once_unless_told_otherwise(
    tmp_path: Path, provider: FakeProvider
) -> None:
    provider.otherwise("Wait", HOLD)
    async with Gateway(data_dir=tmp_path) as gateway, Runtime(data_dir=tmp_path) as runtime:
        gateway.keys.set("openai-compatible", None, base_url=provider.base_url)
        chats = Chats(gateway, runtime, tmp_path)
        opened = [chats.create() for _ in range(9)]
        for chat in opened:
            await chat.start_turn("Go", model=MODEL)
        for chat in opened[:8]:
            await until(chat, ev.ReplyText)
        await until(opened[8], ev.Notice)
        await chats.aclose()
