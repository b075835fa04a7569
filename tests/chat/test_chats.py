"""Chats stay: listed, found, reopened as they were, and never run again by being opened."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from jupyter_chatide.chat import Chat, Chats
from jupyter_chatide.chat import events as ev
from jupyter_chatide.errors import InvalidRequestError, NotFoundError
from tests.fakes.provider import FakeProvider

from .conftest import ask, of


async def _reopened(chats: Chats, chat: Chat) -> Chat:
    await chat.aclose()
    again = await chats.get(chat.id)
    assert again is not chat
    return again


async def test_a_reopened_chat_is_as_it_was_and_nothing_runs_again(
    chats: Chats, chat: Chat, provider: FakeProvider
) -> None:
    code = "open('count.txt', 'a').write('x')\nprint('ran')"
    provider.reply(f"See\n\n```python\n{code}\n```\n")
    await ask(chat, "Count")
    before = chat.read()
    again = await _reopened(chats, chat)
    assert again.read() == before
    assert not again.running
    assert (again.workspace_path / "count.txt").read_text() == "x"
    assert again.info().title == "Count"


async def test_a_turn_that_a_dead_server_left_open_is_said_to_be_interrupted(
    chats: Chats, chat: Chat
) -> None:
    for event in (
        ev.TurnStarted(turn="t1", prompt="Go", model="a/b", mode="build"),
        ev.ReplyStarted(turn="t1", reply="r1", model="a/b"),
        ev.ReplyText(reply="r1", text="As far as I g"),
        ev.ActionOpened(reply="r1", action="a1", kind="cell", fence="```python\n"),
        ev.ActionDelta(action="a1", text="1\n"),
        ev.ActionClosed(action="a1", kind="cell", complete=True, fence="```\n"),
        ev.RunStarted(run="x1", action="a1", turn="t1"),
    ):
        chat.emit(event)
    chat.log.close()
    chats.forget(chat)
    with (chat.log.path).open("ab") as file:
        file.write(b'{"type":"run_output","n":8,"t":1,"ru')

    again = await chats.get(chat.id)
    events = again.read()
    assert [type(event).__name__ for event in events[7:]] == [
        "Notice",
        "RunFinished",
        "ReplyFinished",
        "TurnFinished",
    ]
    assert of(events, ev.RunFinished)[0].status == "lost"
    assert of(events, ev.TurnFinished)[0].status == "interrupted"
    assert not again.running
    assert (await _reopened(chats, again)).read() == events


async def test_the_list_shows_the_last_used_first_and_finds_titles(chats: Chats) -> None:
    for title in ("Penguins", "Prices", "penguin weights"):
        chats.create(title)
        await asyncio.sleep(0.01)
    assert [info.title for info in await chats.list()] == ["penguin weights", "Prices", "Penguins"]
    assert {info.title for info in await chats.list("PENGUIN")} == {"penguin weights", "Penguins"}


async def test_a_chat_is_a_folder_that_can_be_moved(
    chats: Chats, chat: Chat, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Hello.")
    await ask(chat, "Greet")
    await chat.aclose()
    folder = tmp_path / "chats" / chat.id
    shutil.copytree(folder, tmp_path / "chats" / "moved-here")
    (tmp_path / "chats" / "moved-here" / "meta.json").unlink()
    (tmp_path / "chats" / "not a chat!").mkdir()
    assert {info.id: info.title for info in await chats.list()} == {
        chat.id: "Greet",
        "moved-here": "Greet",
    }


async def test_a_deleted_chat_is_gone_with_its_workspace(
    chats: Chats, chat: Chat, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("```txt path=a.txt\nhi\n```\n")
    await ask(chat)
    await chats.delete(chat.id)
    assert list((tmp_path / "chats").iterdir()) == []
    assert await chats.list() == []
    with pytest.raises(NotFoundError):
        await chats.get(chat.id)
    with pytest.raises(NotFoundError):
        await chats.delete(chat.id)


async def test_a_workspace_of_ones_own_outlives_the_chat(
    chats: Chats, provider: FakeProvider, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "data.txt").write_text("kept")
    chat = chats.create(workspace=mine)
    provider.reply("```python\nprint(open('data.txt').read())\n```\n")
    events = await ask(chat)
    assert of(events, ev.RunFinished)[0].status == "ok"
    await chats.delete(chat.id)
    assert (mine / "data.txt").read_text() == "kept"


@pytest.mark.parametrize("id", ["../x", "", "a/b", ".", "x" * 65, "…"])
async def test_an_id_that_is_no_id_is_not_found(chats: Chats, id: str) -> None:
    with pytest.raises(NotFoundError):
        await chats.get(id)


def test_a_title_is_one_line_of_sane_length(chats: Chats, chat: Chat) -> None:
    chat.rename("  two\nlines ")
    assert chat.info().title == "two lines"
    for title in ("", " \n", "x" * 201):
        with pytest.raises(InvalidRequestError):
            chat.rename(title)


async def test_a_chat_with_a_bad_title_is_not_made(chats: Chats) -> None:
    with pytest.raises(InvalidRequestError):
        chats.create("x" * 201)
    assert await chats.list() == []


def test_folders_and_files_are_private(chats: Chats, chat: Chat, tmp_path: Path) -> None:
    chat.save_info()
    folder = tmp_path / "chats" / chat.id
    assert folder.stat().st_mode & 0o077 == 0
    assert json.loads((folder / "meta.json").read_text())["id"] == chat.id
