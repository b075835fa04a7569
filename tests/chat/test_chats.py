"""Chats stay: listed, found, reopened as they were, and never run again by being opened."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_chatide.chat import Chat, Chats, LogError
from jupyter_chatide.chat import events as ev
from jupyter_chatide.errors import ConflictError, InvalidRequestError, NotFoundError
from jupyter_chatide.gateway import Gateway
from jupyter_chatide.runtime import Limits, Runtime
from tests.fakes.provider import HOLD, FakeProvider

from .conftest import MODEL, ask, of, until


@contextmanager
def full_disk(log: Path) -> Iterator[None]:
    """Let no file grow larger than this one is."""
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


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


_EVENTS = (
    ev.TurnStarted(turn="t1", prompt="Go", model="a/b", mode="build"),
    ev.ReplyStarted(turn="t1", reply="r1", model="a/b"),
    ev.ReplyText(reply="r1", text="See\n"),
    ev.ActionOpened(reply="r1", action="a1", kind="cell", fence="```python\n"),
    ev.ActionDelta(action="a1", text="1\n"),
    ev.ActionClosed(action="a1", kind="cell", complete=True, fence="```\n"),
    ev.RunStarted(run="x1", action="a1", turn="t1"),
    ev.RunFinished(run="x1", status="ok"),
    ev.ReplyFinished(reply="r1", reason="stop"),
    ev.TurnFinished(turn="t1", status="finished"),
    ev.TurnStarted(turn="t2", prompt="More", model="a/b", mode="build"),
    ev.TurnFinished(turn="t2", status="stopped"),
)


@pytest.mark.parametrize("damaged", range(1, len(_EVENTS) + 1))
async def test_a_chat_with_any_line_damaged_opens_and_goes_on(
    chats: Chats, chat: Chat, provider: FakeProvider, damaged: int
) -> None:
    for event in _EVENTS:
        chat.emit(event)
    await chat.aclose()
    lines = chat.log.path.read_bytes().splitlines(keepends=True)
    lines[damaged] = b"\0" * 20 + b"\n"
    chat.log.path.write_bytes(b"".join(lines))
    (chat.log.path.parent / "meta.json").unlink()
    assert [info.id for info in await chats.list()] == [chat.id]
    again = await chats.get(chat.id)
    known = {event.turn for event in of(again.read(), ev.TurnStarted)}
    provider.reply("Hello.")
    events = await ask(again)
    assert of(events, ev.TurnFinished)[0].status == "finished"
    assert of(events, ev.TurnStarted)[0].turn not in known


async def test_a_chat_that_cannot_be_opened_now_can_be_later(chats: Chats, chat: Chat) -> None:
    chat.emit(_EVENTS[0])
    chat.log.close()
    chats.forget(chat)
    with full_disk(chat.log.path), pytest.raises(LogError, match="could not be saved"):
        await chats.get(chat.id)  # it is to be said there that the turn was interrupted
    assert (await chats.get(chat.id)).state.turns[0].status == "interrupted"


async def test_a_chat_deleted_twice_at_once_is_deleted_once(
    chats: Chats, chat: Chat, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Wait", HOLD)
    await chat.start_turn("Go", model=MODEL)
    await until(chat, ev.ReplyText)
    twice = (chats.delete(chat.id) for _ in range(2))
    ends = await asyncio.gather(*twice, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "NotFoundError"]
    assert list((tmp_path / "chats").iterdir()) == []


async def test_what_begins_during_a_stop_is_not_stopped_unseen(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("Hello.")
    stop = asyncio.create_task(chat.stop())
    await asyncio.sleep(0)
    await chat.start_turn("Go", model=MODEL)
    await stop
    await chat.wait_idle()
    assert of(chat.read(), ev.TurnFinished)[0].status == "finished"


async def test_nothing_begins_in_a_chat_that_closes(chat: Chat) -> None:
    closing = asyncio.create_task(chat.aclose())
    await asyncio.sleep(0)
    with pytest.raises(ConflictError):
        await chat.start_turn("Go", model=MODEL)
    await closing
    await chat.aclose()


async def test_a_stop_before_the_model_is_chosen_stops_the_turn(
    chat: Chat, provider: FakeProvider
) -> None:
    start = asyncio.create_task(chat.start_turn("Go"))
    await asyncio.sleep(0)
    await chat.stop()
    with pytest.raises(ConflictError, match="before it began"):
        await start
    assert of(chat.read(), ev.TurnStarted) == []


async def test_a_list_that_cannot_be_kept_ends_no_turn(
    chats: Chats, chat: Chat, provider: FakeProvider
) -> None:
    (chat.log.path.parent / "meta.new").mkdir()  # where the file would be written
    provider.reply("Hello.")
    events = await ask(chat)
    assert of(events, ev.TurnFinished)[0].status == "finished"
    await chat.aclose()
    assert [info.title for info in await chats.list()] == ["Go"]


async def test_a_folder_that_takes_no_chats_is_said(chats: Chats, tmp_path: Path) -> None:
    (tmp_path / "chats").write_text("in the way")
    with pytest.raises(LogError, match="No chat could be made"):
        chats.create()


async def test_an_example_leaves_a_file_of_its_name_alone_in_a_folder_too_large_to_list(
    tmp_path: Path, provider: FakeProvider
) -> None:
    from jupyter_chatide.gateway.demo import EXAMPLES

    example = next(example for example in EXAMPLES if example.files)
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("a.txt", *example.files):
        (mine / name).write_text("mine")
    limits = Limits(listed_files=1)
    async with Gateway(data_dir=tmp_path) as gateway, Runtime(limits=limits) as runtime:
        gateway.keys.set("openai-compatible", None, base_url=provider.base_url)
        chats = Chats(gateway, runtime, tmp_path)
        provider.reply("Hello.")
        await ask(chats.create(workspace=mine), example.prompt)
        await chats.aclose()
    assert all((mine / name).read_text() == "mine" for name in example.files)


async def test_text_that_came_while_the_disk_was_full_is_there_when_it_no_longer_is(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("One ", HOLD, "two ", HOLD, "three")
    await chat.start_turn("Go", model=MODEL)
    await until(chat, ev.ReplyText)
    with full_disk(chat.log.path):
        provider.release()
        await asyncio.sleep(0.2)
    provider.release()
    await chat.wait_idle()
    assert "".join(event.text for event in of(chat.read(), ev.ReplyText)) == "One two three"
    assert of(chat.read(), ev.TurnFinished)[0].status == "finished"


async def test_a_run_that_fails_by_our_fault_says_so(chat: Chat, provider: FakeProvider) -> None:
    provider.reply("```python\n1\n```\n")
    await ask(chat, mode="ask")
    chat.workspace_path.write_text("in the way")
    await chat.run_action("a1")
    await chat.wait_idle()
    events = chat.read()
    assert of(events, ev.RunFinished)[0].status == "died"
    assert of(events, ev.Notice)[0].code == "internal"


async def test_chats_that_cannot_be_read_are_listed_with_a_word(
    chats: Chats, chat: Chat, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Hello.")
    await ask(chat, "Readable")
    newer, damaged = chats.create("Newer"), chats.create("Damaged")
    for other in (newer, damaged):
        await other.aclose()
    head, _, rest = newer.log.path.read_bytes().partition(b"\n")
    newer.log.path.write_bytes(head.replace(b'"chatide":1', b'"chatide":99') + b"\n" + rest)
    damaged.log.path.write_bytes(b"\x00" * 100)
    (damaged.log.path.parent / "meta.json").unlink()
    bare = tmp_path / "chats" / "empty"
    bare.mkdir()
    (bare / "log.jsonl").touch()

    listed = {info.id: info for info in await chats.list()}
    assert len(listed) == 4
    assert listed[chat.id].unreadable == ""
    assert listed[newer.id].title == "Newer"
    assert "newer version" in listed[newer.id].unreadable
    assert listed[damaged.id].unreadable == "This is not a chat's log."
    assert listed["empty"].unreadable
    assert listed["empty"].modified > 0
    for id in (newer.id, damaged.id, "empty"):
        with pytest.raises(LogError):
            await chats.get(id)
        await chats.delete(id)
    assert [info.id for info in await chats.list()] == [chat.id]


async def test_a_copied_chat_is_one_of_its_own(
    chats: Chats, chat: Chat, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Hello.")
    await ask(chat, "Greet")
    await chat.aclose()
    shutil.copytree(tmp_path / "chats" / chat.id, tmp_path / "chats" / "copy")
    assert {info.id: info.title for info in await chats.list()} == {
        chat.id: "Greet",
        "copy": "Greet",
    }
