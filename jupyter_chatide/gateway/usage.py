"""Tokens and cost of every request, and the budgets that limit them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ..errors import ChatIDEError
from ..paths import default_data_dir
from .errors import BudgetError, GatewayError
from .messages import Purpose, UsageDelta
from .settings import Budget

if TYPE_CHECKING:
    from .usage_file import UsageFile, UsageRecord

T = TypeVar("T")


class Spent(msgspec.Struct, frozen=True):
    """What was spent in a period.

    Args:
        cost: US dollars, of the requests whose cost is known, with what is only estimated.
        tokens: input and output together, with what is only estimated.
        unknown: requests whose cost nobody knows.
        estimated: how many of the tokens are an estimate, of requests that nobody counted.
    """

    cost: float
    tokens: int
    unknown: int
    estimated: int = 0


class UsageTotals(msgspec.Struct, frozen=True):
    """What was used altogether; tokens and ``cost`` (US dollars) are ``None`` where none is known.
    ``unknown`` counts the requests whose cost is not known, ``uncounted`` those whose tokens
    are not: a stream that was stopped or broke off."""

    requests: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    unknown: int
    uncounted: int = 0


class UsageRow(msgspec.Struct, frozen=True):
    """What one model used on one day (UTC); what is not known is as in ``UsageTotals``."""

    day: str
    provider: str
    model: str
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    unknown: int
    uncounted: int = 0


class UsageReport(msgspec.Struct, frozen=True):
    """What was used in the last ``days`` days, today included, the newest first."""

    days: int
    rows: list[UsageRow]
    totals: UsageTotals


class UsageLedger:
    """Remembers what each request used, in ``usage.db``, for all processes of this user.

    Everything that touches the disk happens in a thread of its own. A request never fails because
    it could not be written down, unless a budget depends on it.

    Args:
        data_dir: the folder of ``usage.db``; ``None`` is Jupyter's data directory.
        clock: seconds since 1970.
    """

    def __init__(
        self, data_dir: Path | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._file: UsageFile | None = None
        self._closed = False

    @property
    def path(self) -> Path:
        """Where ``usage.db`` is, or will be."""
        return (self._data_dir or default_data_dir()) / "usage.db"

    async def record(
        self,
        purpose: Purpose,
        model: str,
        usage: UsageDelta | None,
        *,
        finished: bool,
        estimate: UsageDelta | None = None,
        free: bool = False,
    ) -> None:
        """Write down one request; it takes no time of the caller's, and never fails.

        Args:
            purpose: what it was for.
            model: the ``provider/model`` that was asked.
            usage: its tokens and cost; ``None`` where the provider did not say.
            finished: whether the answer came to its end.
            estimate: what a budget counts beside it, of what nobody counted.
            free: whether it costs nothing, whatever it took.
        """
        if self._closed:
            return
        now = self._clock()  # the thread keeps the order, so there is no need to wait for it
        self._executor().submit(
            lambda: self._opened().add(
                _record(now, purpose, model, usage, finished, estimate, free)
            )
        )

    async def spent(self, budget: Budget, *, token: str = "") -> Spent:
        """What was spent so far in the budget's period: by everybody, or with one endpoint token.

        Raises:
            GatewayError: the record cannot be read.
        """
        start = period_start(budget, self._clock())
        return Spent(*await self._run(lambda file: file.spent(start, token)))

    async def check(self, budget: Budget, *, token: str = "") -> None:
        """See that something is left of a budget.

        What nobody counted is estimated; a request whose price is unknown counts for tokens only.

        Args:
            budget: the user's, or that of an endpoint token.
            token: the id of that endpoint token.

        Raises:
            BudgetError: it is used up, or what is spent cannot be known.
        """
        if budget.cost is None and budget.tokens is None:
            return
        now = self._clock()
        start = period_start(budget, now)
        try:
            await self._run(lambda file: file.complete_since(start))
            spent = await self.spent(budget, token=token)
        except ChatIDEError as error:
            raise BudgetError(
                f"A budget is set, and what is spent of it is not known: {error.message}",
                error.hint,
            ) from None
        used_up = _used_up(budget, spent)
        if used_up is None:
            return
        what, setting = used_up
        whose = "This token's budget" if token else "The budget"
        raise BudgetError(
            f"{whose} of {what}.",
            f"It starts anew {_in_words(period_end(budget, now))}. To raise it, "
            + ("make another token." if token else f"set ChatIDEExtension.{setting}."),
        )

    async def report(self, days: int = 30, chat: str = "") -> UsageReport:
        """What was used by day, provider and model.

        Args:
            days: how many days, today included (UTC).
            chat: only what this chat used; ``""`` is everything.

        Raises:
            GatewayError: the record cannot be read.
        """
        first = datetime.fromtimestamp(self._clock(), UTC) - timedelta(days=days - 1)
        day = first.date().isoformat()
        found = await self._run(lambda file: file.by_day(day, chat))
        rows = [UsageRow(*row) for row in found]
        costs = [row.cost for row in rows if row.cost is not None]
        given = [row.input_tokens for row in rows if row.input_tokens is not None]
        made = [row.output_tokens for row in rows if row.output_tokens is not None]
        totals = UsageTotals(
            requests=sum(row.requests for row in rows),
            input_tokens=sum(given) if given or not rows else None,
            output_tokens=sum(made) if made or not rows else None,
            cost=sum(costs) if costs else None,
            unknown=sum(row.unknown for row in rows),
            uncounted=sum(row.uncounted for row in rows),
        )
        return UsageReport(days, rows, totals)

    async def aclose(self) -> None:
        """Write down what is left, and close the file. Safe to call twice."""
        self._closed = True
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.submit(self._close)
            await asyncio.to_thread(thread.shutdown)

    async def _run(self, work: Callable[[UsageFile], T]) -> T:
        if self._closed:
            raise GatewayError("The record of usage is closed.", "Open a new gateway.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor(), lambda: work(self._opened()))

    def _executor(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="chatide-usage")
        return self._thread

    # From here on in the thread.

    def _opened(self) -> UsageFile:
        if self._file is None:
            from .usage_file import UsageFile

            self._file = UsageFile(self.path)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _record(
    now: float,
    purpose: Purpose,
    model: str,
    usage: UsageDelta | None,
    finished: bool,
    estimate: UsageDelta | None,
    free: bool,
) -> UsageRecord:
    from .usage_file import UsageRecord

    provider, _, name = model.partition("/")
    return UsageRecord(
        time=now,
        day=_day(now),
        provider=provider,
        model=name,
        client=purpose.client,
        chat=purpose.chat,
        turn=purpose.turn,
        token=purpose.token,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        estimate=estimate.input_tokens + estimate.output_tokens if estimate else 0,
        estimated_cost=(estimate.cost or 0.0) if estimate else 0.0,
        cost=usage.cost if usage else 0.0 if free else None,
        finished=finished,
    )


def period_start(budget: Budget, now: float) -> float:
    """When the budget's present period began, in seconds since 1970."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day if budget.period == "day" else day.replace(day=1)).timestamp()


def period_end(budget: Budget, now: float) -> float:
    """When the budget's present period ends, in seconds since 1970."""
    start = datetime.fromtimestamp(period_start(budget, now), UTC)
    if budget.period == "day":
        return (start + timedelta(days=1)).timestamp()
    return (start + timedelta(days=32)).replace(day=1).timestamp()


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _in_words(end: float) -> str:
    return datetime.fromtimestamp(end, UTC).strftime("on %Y-%m-%d at 00:00 UTC")


def _used_up(budget: Budget, spent: Spent) -> tuple[str, str] | None:
    """Which budget is used up, in words, and the setting that holds it."""
    if budget.cost is not None and spent.cost >= budget.cost:
        used = f"{'about ' if spent.estimated else ''}${spent.cost:,.2f} are spent"
        limit = f"${budget.cost:,.2f} a {budget.period} is used up: {used}"
        return limit, "budget_cost"
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        about = "about " if spent.estimated else ""
        used = f"{about}{spent.tokens:,} are used"
        limit = f"{budget.tokens:,} tokens a {budget.period} is used up: {used}"
        return limit, "budget_tokens"
    return None
