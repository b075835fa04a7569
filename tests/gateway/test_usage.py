"""Tokens and cost are remembered for all processes, and a budget ends where it says."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_chatide.gateway.errors import BudgetError, GatewayError
from jupyter_chatide.gateway.messages import Purpose, UsageDelta
from jupyter_chatide.gateway.settings import Budget
from jupyter_chatide.gateway.usage import (
    Spent,
    UsageLedger,
    UsageReport,
    UsageRow,
    UsageTotals,
    period_end,
    period_start,
)

CHAT = Purpose("chat", "c1", "t1")
A_DAY = Budget(cost=1.0)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = at("2026-11-22T12:00:00")

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chatide"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(folder: Path, clock: Clock) -> Iterator[UsageLedger]:
    ledger = UsageLedger(folder, clock=clock)
    yield ledger
    asyncio.run(ledger.aclose())


async def used(
    ledger: UsageLedger,
    cost: float | None = 0.25,
    model: str = "openai/gpt",
    purpose: Purpose = CHAT,
    tokens: tuple[int, int] = (100, 50),
) -> None:
    await ledger.record(purpose, model, UsageDelta(*tokens, cost=cost), finished=True)


async def test_what_was_used_is_told_by_day_provider_and_model(
    ledger: UsageLedger, clock: Clock
) -> None:
    assert await ledger.report() == UsageReport(30, [], UsageTotals(0, 0, 0, None, 0))
    await used(ledger)
    await used(ledger)
    await used(ledger, model="openrouter/openai/gpt-oss")
    clock.now = at("2026-11-23T00:00:01")
    await used(ledger, model="openai/gpt", tokens=(1, 2))
    report = await ledger.report()
    assert report.rows == [
        UsageRow("2026-11-23", "openai", "gpt", 1, 1, 2, 0.25, 0),
        UsageRow("2026-11-22", "openai", "gpt", 2, 200, 100, 0.5, 0),
        UsageRow("2026-11-22", "openrouter", "openai/gpt-oss", 1, 100, 50, 0.25, 0),
    ]
    assert report.totals == UsageTotals(4, 301, 152, 1.0, 0)


async def test_a_cost_that_nobody_knows_is_never_nothing(ledger: UsageLedger) -> None:
    await used(ledger, cost=None, model="a/unknown")
    await ledger.record(CHAT, "a/silent", None, finished=False)
    await used(ledger, cost=0.0, model="ollama/free")
    await used(ledger, cost=0.5, model="b/both")
    await used(ledger, cost=None, model="b/both")
    rows = {
        row.model: (row.requests, row.cost, row.unknown) for row in (await ledger.report()).rows
    }
    assert rows == {
        "unknown": (1, None, 1),
        "silent": (1, None, 1),
        "free": (1, 0.0, 0),
        "both": (2, 0.5, 1),
    }
    assert (await ledger.report()).totals.unknown == 3
    assert await ledger.spent(A_DAY) == Spent(0.5, 600, 3)


async def test_tokens_that_nobody_counted_are_unknown_and_estimated_for_budgets_only(
    ledger: UsageLedger,
) -> None:
    await ledger.record(
        CHAT, "a/silent", None, finished=False, estimate=UsageDelta(30, 10, cost=0.5)
    )
    (row,) = (await ledger.report()).rows
    assert (row.input_tokens, row.output_tokens, row.uncounted) == (None, None, 1)
    await used(ledger, model="a/silent")
    report = await ledger.report()
    assert report.totals == UsageTotals(2, 100, 50, 0.25, 1, 1)
    assert row.cost is None
    assert await ledger.spent(A_DAY) == Spent(0.75, 190, 1, estimated=40)
    with pytest.raises(BudgetError, match="about 190 are used"):
        await ledger.check(Budget(tokens=190))
    with pytest.raises(BudgetError, match=r"about \$0.75 are spent"):
        await ledger.check(Budget(cost=0.7))


async def test_a_report_can_be_of_one_chat_and_of_some_days(
    ledger: UsageLedger, clock: Clock
) -> None:
    for day, chat in (("2026-11-01", "c1"), ("2026-11-21", "c2"), ("2026-11-22", "c1")):
        clock.now = at(f"{day}T23:59:59")
        await used(ledger, purpose=Purpose("chat", chat, "t"))
    assert [row.day for row in (await ledger.report(2)).rows] == ["2026-11-22", "2026-11-21"]
    assert [row.day for row in (await ledger.report(1)).rows] == ["2026-11-22"]
    assert [row.day for row in (await ledger.report(22, "c1")).rows] == ["2026-11-22", "2026-11-01"]
    assert (await ledger.report(chat="' OR 1=1 --")).rows == []


async def test_it_is_there_for_the_next_session_and_for_this_user_only(
    folder: Path, clock: Clock
) -> None:
    before = os.umask(0)
    try:
        ledger = UsageLedger(folder, clock=clock)
        await used(ledger)
        await ledger.spent(A_DAY)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}  # with what SQLite puts beside it
        await ledger.aclose()
        await ledger.aclose()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = UsageLedger(folder, clock=clock)
    assert (await again.spent(A_DAY)).cost == 0.25
    await again.aclose()


async def test_a_budget_of_money_ends_and_begins_anew_the_next_day(
    ledger: UsageLedger, clock: Clock
) -> None:
    await used(ledger, cost=0.75)
    await ledger.check(A_DAY)
    await used(ledger, cost=0.25)
    with pytest.raises(BudgetError) as caught:
        await ledger.check(A_DAY)
    assert caught.value.message == "The budget of $1.00 a day is used up: $1.00 are spent."
    assert "2026-11-23 at 00:00 UTC" in caught.value.hint
    assert "ChatIDEExtension.budget_cost" in caught.value.hint
    with pytest.raises(BudgetError):
        await ledger.check(Budget(cost=1.0, period="month"))
    clock.now = at("2026-11-23T00:00:00")
    await ledger.check(A_DAY)
    clock.now = at("2026-12-01T00:00:00")
    await ledger.check(Budget(cost=1.0, period="month"))


async def test_a_budget_of_tokens_counts_both_ways_and_unknown_costs(ledger: UsageLedger) -> None:
    budget = Budget(tokens=300, period="month")
    await used(ledger, cost=None)
    await ledger.check(budget)
    await used(ledger, cost=None)
    with pytest.raises(BudgetError, match="300 tokens a month is used up: 300 are used") as caught:
        await ledger.check(budget)
    assert "ChatIDEExtension.budget_tokens" in caught.value.hint
    assert "2026-12-01" in caught.value.hint


async def test_a_budget_of_nothing_allows_nothing_and_no_budget_all(ledger: UsageLedger) -> None:
    with pytest.raises(BudgetError):
        await ledger.check(Budget(cost=0))
    await used(ledger, cost=10_000.0)
    await ledger.check(Budget())


async def test_an_endpoint_token_has_a_budget_of_its_own(ledger: UsageLedger) -> None:
    await used(ledger, cost=5.0)
    await used(ledger, cost=0.5, purpose=Purpose("v1", token="one"))
    await used(ledger, cost=2.0, purpose=Purpose("v1", token="two"))
    await ledger.check(A_DAY, token="one")
    with pytest.raises(BudgetError, match="This token's budget") as caught:
        await ledger.check(A_DAY, token="two")
    assert "another token" in caught.value.hint
    assert await ledger.spent(A_DAY, token="one") == Spent(0.5, 150, 0)
    assert (await ledger.spent(A_DAY)).cost == 7.5  # the user's counts all


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("day", "2026-11-22T12:00:00", "2026-11-22", "2026-11-23"),
        ("day", "2026-11-22T00:00:00", "2026-11-22", "2026-11-23"),
        ("day", "2026-11-22T23:59:59", "2026-11-22", "2026-11-23"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("month", "2026-01-01T00:00:00", "2026-01-01", "2026-02-01"),
        ("month", "2028-02-29T00:00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_days_and_months_are_those_of_utc(period: str, now: str, start: str, end: str) -> None:
    budget = Budget(period="month" if period == "month" else "day")
    assert period_start(budget, at(now)) == at(start)
    assert period_end(budget, at(now)) == at(end)


async def test_several_processes_count_together(folder: Path) -> None:
    code = """
import asyncio, pathlib, sys
from jupyter_chatide.gateway.messages import Purpose, UsageDelta
from jupyter_chatide.gateway.usage import UsageLedger
async def main():
    ledger = UsageLedger(pathlib.Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(100):
        await ledger.record(Purpose(), "a/b", UsageDelta(1, 1, cost=0.5), finished=True)
        await asyncio.sleep(0)
    await ledger.aclose()
asyncio.run(main())
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    ledger = UsageLedger(folder)
    assert await ledger.spent(Budget(period="month")) == Spent(150.0, 600, 0)
    await ledger.aclose()


async def test_a_stopped_request_is_written_down_all_the_same(
    ledger: UsageLedger, folder: Path
) -> None:
    async def asked() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await ledger.record(CHAT, "a/b", UsageDelta(3, 4, cost=0.125), finished=False)

    task = asyncio.create_task(asked())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.spent(A_DAY) == Spent(0.125, 7, 0)
    with sqlite3.connect(folder / "usage.db") as connection:
        row = connection.execute("SELECT finished, chat, turn, client FROM requests").fetchone()
    connection.close()
    assert row == (0, "c1", "t1", "chat")


async def test_the_disk_is_not_the_loops_affair(ledger: UsageLedger, folder: Path) -> None:
    """Another process holds the database; to write down a request takes no time all the same."""
    await ledger.spent(A_DAY)
    connection = sqlite3.connect(folder / "usage.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    loop = asyncio.get_running_loop()
    before = loop.time()
    await used(ledger)
    assert loop.time() - before < 1
    connection.execute("COMMIT")
    connection.close()
    assert (await ledger.spent(A_DAY)).cost == 0.25


async def test_a_damaged_file_is_moved_aside_and_told_once(
    folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(mode=0o700)
    path = folder / "usage.db"
    path.write_bytes(b"this is no database" * 1000)
    path.chmod(0o600)
    ledger = UsageLedger(folder, clock=clock)
    await used(ledger)
    await used(ledger)
    assert (await ledger.spent(A_DAY)).cost == 0.5
    assert (folder / "usage.db.damaged").read_bytes().startswith(b"this is no database")
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1
    await ledger.check(Budget())  # without a budget nothing depends on it
    await ledger.aclose()


async def test_a_file_that_is_damaged_under_way_is_replaced(folder: Path, clock: Clock) -> None:
    ledger = UsageLedger(folder, clock=clock)
    for _ in range(300):
        await used(ledger)
    await ledger.aclose()
    path = folder / "usage.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    again = UsageLedger(folder, clock=clock)
    await used(again, cost=0.125)
    assert (await again.spent(A_DAY)).cost == 0.125
    await again.aclose()


async def test_with_a_budget_a_damaged_record_stops_requests_in_words(
    folder: Path, clock: Clock
) -> None:
    folder.mkdir(mode=0o700)
    path = folder / "usage.db"
    path.write_bytes(b"this is no database" * 1000)
    path.chmod(0o600)
    clock.now = datetime.now(UTC).timestamp()
    ledger = UsageLedger(folder, clock=clock)
    with pytest.raises(BudgetError, match="not known") as caught:
        await ledger.check(A_DAY)
    assert "usage.db.damaged" in caught.value.hint
    (folder / "usage.db.damaged").unlink()  # as the hint says
    await ledger.check(A_DAY)
    await ledger.aclose()


async def test_a_disk_that_takes_nothing_fails_no_request_but_a_budgeted_one(
    folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(mode=0o700)
    (folder / "usage.db").mkdir(mode=0o700)  # nothing can be written there
    ledger = UsageLedger(folder, clock=clock)
    await used(ledger)
    await used(ledger)
    with pytest.raises(BudgetError, match="not known"):
        await ledger.check(A_DAY)
    with pytest.raises(GatewayError):
        await ledger.report()
    assert len([record for record in caplog.records if "not written" in record.message]) == 1
    (folder / "usage.db").rmdir()  # room again: what waited is written
    assert await ledger.spent(A_DAY) == Spent(0.5, 300, 0)
    await ledger.check(A_DAY)
    await ledger.aclose()


async def test_a_file_that_others_can_read_is_not_used(ledger: UsageLedger, folder: Path) -> None:
    await used(ledger)
    await ledger.aclose()
    (folder / "usage.db").chmod(0o644)
    again = UsageLedger(folder)
    await used(again)
    with pytest.raises(GatewayError, match="other users"):
        await again.report()
    with pytest.raises(BudgetError, match="other users"):
        await again.check(A_DAY)
    await again.aclose()


async def test_a_file_that_is_deleted_under_way_is_begun_anew(
    ledger: UsageLedger, folder: Path
) -> None:
    await used(ledger)
    await ledger.spent(A_DAY)
    for path in folder.glob("usage.db*"):
        path.unlink()
    await used(ledger, cost=0.5)
    assert (await ledger.spent(A_DAY)).cost == 0.5


async def test_no_thread_stays_behind(folder: Path) -> None:
    before = set(threading.enumerate())
    ledger = UsageLedger(folder)
    await used(ledger)
    await ledger.aclose()
    left = {t for t in set(threading.enumerate()) - before if t.name.startswith("chatide-usage")}
    assert not left
    await used(ledger)  # after the end: nothing happens, nothing fails
    with pytest.raises(GatewayError):
        await ledger.report()


def test_sqlite_is_loaded_with_the_first_request_and_in_its_thread(tmp_path: Path) -> None:
    code = """
import asyncio, pathlib, sys, threading
from jupyter_chatide.gateway.messages import Purpose
from jupyter_chatide.gateway.usage import UsageLedger

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "sqlite3":
            print(threading.current_thread() is threading.main_thread())

async def main():
    ledger = UsageLedger(pathlib.Path(sys.argv[1]))
    assert "sqlite3" not in sys.modules
    await ledger.record(Purpose(), "a/b", None, finished=True)
    await ledger.aclose()

sys.meta_path.insert(0, Watch())
asyncio.run(main())
"""
    argv = [sys.executable, "-c", code, str(tmp_path / "chatide")]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
