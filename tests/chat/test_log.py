"""A chat's log: nothing lost, nothing doubled, whatever happens to the file."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.chat import EventLog, LogError
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.log import merge
from jupyter_chatide.errors import ConflictError

_texts = st.text(max_size=40)
_streams = st.builds(
    lambda name, text: {"output_type": "stream", "name": name, "text": text},
    st.sampled_from(["stdout", "stderr"]),
    _texts,
)
_events = st.one_of(
    st.builds(ev.ReplyText, reply=st.sampled_from(["r1", "r2"]), text=_texts),
    st.builds(ev.ReplyReasoning, reply=st.just("r1"), text=_texts),
    st.builds(
        ev.ActionDelta,
        action=st.sampled_from(["a1", "a2"]),
        text=_texts,
        raw=st.none() | _texts,
    ),
    st.builds(ev.RunOutput, run=st.just("x1"), op=st.just("append"), output=_streams),
    st.builds(ev.ChatRenamed, title=_texts),
)


def _log(folder: Path) -> EventLog:
    return EventLog.create(folder / "log.jsonl", "c1")


def _said(events: list[ev.AnyEvent]) -> list[str]:
    """What a reader of the events has been told, however they were split or merged."""
    told: dict[str, str] = {}
    for event in events:
        match event:
            case ev.ReplyText() | ev.ReplyReasoning():
                key, text = f"{type(event).__name__} {event.reply}", event.text
            case ev.ActionDelta():
                raw = event.text if event.raw is None else event.raw
                told[f"raw {event.action}"] = told.get(f"raw {event.action}", "") + raw
                key, text = f"action {event.action}", event.text
            case ev.RunOutput():
                assert event.output
                key, text = f"{event.run} {event.output['name']}", event.output["text"]
            case _:
                key, text = "titles", f"{event.title}\0"
        told[key] = told.get(key, "") + text
    return sorted(f"{key}: {text}" for key, text in told.items())


@given(st.lists(_events, max_size=30))
def test_merged_deltas_say_the_same_as_the_single_ones(events: list[ev.AnyEvent]) -> None:
    for number, event in enumerate(events, 1):
        event.n = number
    merged = merge(list(events))
    assert _said(merged) == _said(events)
    assert [event.n for event in merged] == sorted({event.n for event in merged})
    assert not events or merged[-1].n == len(events)


def test_merged_deltas_keep_the_time_at_which_the_first_came() -> None:
    events = [
        ev.ReplyReasoning(n=1, t=1.0, reply="r1", text="Hm"),
        ev.ReplyReasoning(n=2, t=9.0, reply="r1", text=", well"),
        ev.ReplyText(n=3, t=10.0, reply="r1", text="So"),
        ev.ReplyText(n=4, t=60.0, reply="r1", text=" it is"),
    ]
    assert [(event.n, event.t) for event in merge(list(events))] == [(2, 1.0), (4, 10.0)]


@given(st.lists(_events, max_size=12), st.integers(min_value=0))
def test_a_log_cut_at_any_byte_opens_with_all_whole_events_before_it(
    tmp_path_factory: pytest.TempPathFactory, events: list[ev.AnyEvent], cut: int
) -> None:
    log = _log(tmp_path_factory.mktemp("chat"))
    header = log.path.stat().st_size
    for event in events:
        log.append(event)
    log.close()
    whole = log.path.read_bytes()
    cut = header + cut % (len(whole) - header + 1)
    log.path.write_bytes(whole[:cut])

    again = EventLog(log.path)
    kept = whole[:cut].count(b"\n") - 1
    assert [event.n for event in again.read_all()] == list(range(1, kept + 1))
    assert _said(again.read_all()) == _said(events[:kept])
    assert again.torn == (not whole[:cut].endswith(b"\n"))
    assert again.append(ev.ChatRenamed(title="on")).n == kept + 1
    again.close()
    assert EventLog(log.path).torn is False


def test_a_damaged_line_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    log = _log(tmp_path)
    for title in ("one", "two", "three"):
        log.append(ev.ChatRenamed(title=title))
    log.close()
    lines = log.path.read_bytes().splitlines(keepends=True)
    lines[2] = b"\x00" * (len(lines[2]) - 1) + b"\n"
    log.path.write_bytes(b"".join(lines))

    again = EventLog(log.path)
    assert again.damaged == 1
    assert [event.title for event in again.read_all()] == ["one", "three"]
    assert again.append(ev.ChatRenamed(title="four")).n == 4
    assert [event.n for event in again.read(after=1)] == [3, 4]
    again.close()


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b'{"chatide": 1', b"[]\n", b'{"type":"notice"}\n']
)
def test_a_file_that_is_no_log_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError, match="not a chat's log"):
        EventLog(path)
    assert path.read_bytes() == content


def test_a_log_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"chatide":99,"chat":"c1","created":0}\n')
    with pytest.raises(LogError, match="newer version"):
        EventLog(path)


def test_a_log_is_open_in_one_process_only(tmp_path: Path) -> None:
    log = _log(tmp_path)
    open_it = (
        "import sys, pathlib\n"
        "from jupyter_chatide.chat import EventLog\n"
        "from jupyter_chatide.errors import ConflictError\n"
        "try: EventLog(pathlib.Path(sys.argv[1]))\n"
        "except ConflictError as error: print(error.message)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", open_it, log.path], capture_output=True, text=True, check=True
    )
    assert told.stdout == "This chat is open in another process.\n"
    with pytest.raises(ConflictError):
        EventLog(log.path)
    log.close()
    EventLog(log.path).close()


def test_a_log_is_readable_by_its_user_only(tmp_path: Path) -> None:
    log = _log(tmp_path)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    log.close()


def test_a_full_disk_is_told_and_the_log_stays_whole(tmp_path: Path) -> None:
    import resource
    import signal

    log = _log(tmp_path)
    log.append(ev.ChatRenamed(title="kept"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 50, limits[1]))
    try:
        with pytest.raises(LogError, match="could not be saved"):
            log.append(ev.ChatRenamed(title="x" * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert log.append(ev.ChatRenamed(title="after")).n == 2
    log.close()
    assert [event.title for event in EventLog(log.path).read_all()] == ["kept", "after"]


def test_half_a_character_becomes_a_question_mark(tmp_path: Path) -> None:
    log = _log(tmp_path)
    output = {"output_type": "stream", "name": "stdout", "text": "x\ud83dy"}
    logged = log.append(ev.RunOutput(run="x1", op="append", output=output))
    assert [logged] == log.read_all()
    assert isinstance(logged, ev.RunOutput) and logged.output
    assert logged.output["text"] == "x?y"
    log.close()


async def test_followers_get_each_event_once_from_where_they_were(tmp_path: Path) -> None:
    log = _log(tmp_path)
    for number in range(3):
        log.append(ev.ChatRenamed(title=str(number)))

    async def titles(after: int) -> list[str]:
        return [event.title async for batch in log.follow(after) for event in batch]

    readers = [asyncio.create_task(titles(after)) for after in (0, 2, 3)]
    await asyncio.sleep(0)
    for number in range(3, 6):
        log.append(ev.ChatRenamed(title=str(number)))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.close()
    assert await asyncio.gather(*readers) == [list("012345"), list("2345"), list("345")]


async def test_a_slow_follower_gets_a_few_merged_events_not_a_queue(tmp_path: Path) -> None:
    log = _log(tmp_path)
    log.append(ev.ReplyText(reply="r1", text="begin "))
    batches = log.follow()
    await anext(batches)
    for _ in range(5_000):
        log.append(ev.ReplyText(reply="r1", text="word "))
    (event,) = await anext(batches)
    assert isinstance(event, ev.ReplyText)
    assert event.text == "word " * 5_000
    assert event.n == 5_001
    log.close()


def test_a_read_is_bounded_and_read_all_gives_everything(tmp_path: Path) -> None:
    log = _log(tmp_path)
    for number in range(40):
        log.append(ev.ReplyText(reply="r1", text=f"{number:05}" * 20_000))
    assert 5 <= len(log.read()) <= 15
    assert [event.n for event in log.read_all()] == list(range(1, 41))
    log.close()


def test_appending_costs_the_event_not_the_log(tmp_path: Path) -> None:
    log = _log(tmp_path)
    before = log.path.stat().st_size
    log.append(ev.ReplyText(reply="r1", text="x" * 1_000_000))
    grown = log.path.stat().st_size
    log.append(ev.ReplyText(reply="r1", text="word"))
    assert grown - before > 1_000_000
    assert log.path.stat().st_size - grown < 100
    log.close()


def test_numbers_out_of_order_are_left_out(tmp_path: Path) -> None:
    log = _log(tmp_path)
    for title in ("one", "two"):
        log.append(ev.ChatRenamed(title=title))
    log.close()
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join([*lines, lines[1]]))
    again = EventLog(log.path)
    assert again.damaged == 1
    assert [event.title for event in again.read_all()] == ["one", "two"]
    assert again.append(ev.ChatRenamed(title="three")).n == 3
    assert [event.n for event in again.read_all()] == [1, 2, 3]
    again.close()


def test_a_closed_log_is_not_read_from_whatever_took_its_descriptor(tmp_path: Path) -> None:
    log = _log(tmp_path)
    log.append(ev.ChatRenamed(title="mine"))
    log.close()
    with (tmp_path / "other").open("wb+"), pytest.raises(LogError, match="closed"):
        log.read_all()
