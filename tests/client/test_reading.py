"""A turn is read in order: code, its outputs, what follows."""

from __future__ import annotations

from jupyter_chatide.chat import events as ev
from jupyter_chatide.client.reading import TurnReading


def opening(mode: ev.Mode = "build") -> list[ev.AnyEvent]:
    return [
        ev.TurnStarted(turn="t1", prompt="Go", model="p/m", mode=mode),
        ev.ReplyStarted(turn="t1", reply="r1", model="p/m"),
    ]


def code(action: str, kind: ev.ActionKind = "cell", complete: bool = True) -> list[ev.AnyEvent]:
    return [
        ev.ActionOpened(reply="r1", action=action, kind=kind),
        ev.ActionDelta(action=action, text="x\n"),
        ev.ActionClosed(action=action, kind=kind, complete=complete),
    ]


def run(action: str, status: str = "ok") -> list[ev.AnyEvent]:
    return [
        ev.RunStarted(run=f"x-{action}", action=action, turn="t1"),
        ev.RunOutput(run=f"x-{action}", op="append", output={"output_type": "stream"}),
        ev.RunFinished(run=f"x-{action}", status=status),
    ]


END = ev.TurnFinished(turn="t1", status="finished")


def text(words: str) -> ev.ReplyText:
    return ev.ReplyText(reply="r1", text=words)


def read(*parts: ev.AnyEvent | list[ev.AnyEvent]) -> tuple[list[str], TurnReading]:
    """The order in which events are read, as words; and the reading."""
    reading = TurnReading("t1")
    shown: list[str] = []
    for part in parts:
        for event in part if isinstance(part, list) else [part]:
            for ready in reading.feed(event):
                name = getattr(ready, "text", "") or getattr(ready, "action", "")
                shown.append(f"{type(ready).__name__} {name}".strip())
    return shown, reading


def test_what_follows_code_waits_for_its_outputs() -> None:
    reply = [*code("a1"), text("then "), text("more"), *code("a2"), text("end")]
    shown, reading = read(opening(), reply, run("a1"), run("a2"), END)
    assert shown[2:] == [
        *("ActionOpened a1", "ActionDelta x", "ActionClosed a1"),
        *("RunStarted a1", "RunOutput", "RunFinished"),
        "ReplyText then more",
        *("ActionOpened a2", "ActionDelta x", "ActionClosed a2"),
        *("RunStarted a2", "RunOutput", "RunFinished"),
        "ReplyText end",
        "TurnFinished",
    ]
    assert reading.went_well


def test_what_will_not_run_is_not_waited_for() -> None:
    reply = [*code("a1", "example"), *code("a2", complete=False), text("end")]
    shown, _ = read(opening(), reply)
    assert shown[-1] == "ReplyText end"
    shown, _ = read(opening("ask"), code("a1"), text("end"))
    assert shown[-1] == "ReplyText end"


def test_nothing_is_held_back_when_the_turn_ends() -> None:
    stopped = ev.TurnFinished(turn="t1", status="stopped")
    shown, reading = read(opening(), code("a1"), text("end"), stopped)
    assert shown[-2:] == ["ReplyText end", "TurnFinished"]
    assert reading.end == stopped
    assert not reading.went_well


def test_an_action_that_is_skipped_releases_what_follows() -> None:
    skipped = ev.ActionFinished(action="a2", status="skipped")
    events = [*code("a1"), *code("a2"), text("end"), *run("a1", "error"), skipped]
    shown, reading = read(opening(), events, END)
    assert shown[-3:] == ["ActionFinished a2", "ReplyText end", "TurnFinished"]
    assert not reading.went_well


def test_a_mended_turn_went_well() -> None:
    mending = ev.RepairStarted(turn="t1", attempt=1, limit=2, reason="")
    events = [*code("a1"), *run("a1", "error"), mending, *code("a2"), *run("a2"), END]
    _, reading = read(opening(), events)
    assert reading.went_well


def test_other_turns_and_runs_of_other_clients_are_not_read() -> None:
    before = [
        ev.TurnStarted(turn="t0", prompt="", model="p/m", mode="build"),
        ev.TurnFinished(turn="t0", status="failed"),
    ]
    again = [
        ev.RunStarted(run="x9", action="a0"),
        ev.RunOutput(run="x9", op="clear"),
        ev.Notice(level="info", code="c", message="m", run="x9"),
        ev.RunFinished(run="x9", status="error"),
    ]
    shown, reading = read(before, opening(), again, code("a1"), again, run("a1"), END, text("late"))
    assert len(shown) == 9
    assert reading.went_well
