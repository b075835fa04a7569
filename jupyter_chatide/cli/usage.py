"""``usage``: tokens and cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from ..client.money import budget_words, cost_words
from ..client.own_parts import OwnParts
from .arguments import Arguments
from .process import OK, tell
from .tables import print_table

if TYPE_CHECKING:
    from ..gateway.usage import UsageReport, UsageRow, UsageTotals


def command(arguments: Arguments) -> int:
    """Carry the command out."""
    report, budget = asyncio.run(_report(arguments.days))
    if arguments.json:
        print(msgspec.json.encode(report).decode())
    elif not report.rows:
        tell(f"No model was asked in the last {arguments.days} days.")
    else:
        rows = [(row.day, f"{row.provider}/{row.model}", *_words(row)) for row in report.rows]
        print_table([*rows, ("", "in all", *_words(report.totals))])
    if budget and not arguments.json:
        tell(f"Budget: {budget}.")
    return OK


async def _report(days: int) -> tuple[UsageReport, str]:
    async with OwnParts().gateway() as gateway:
        budget = gateway.settings.budget
        spent = await gateway.usage.spent(budget)
        return await gateway.usage.report(days), budget_words(budget, spent)


def _words(row: UsageRow | UsageTotals) -> tuple[str, str, str]:
    requests = f"{row.requests:,} request{'' if row.requests == 1 else 's'}"
    if row.input_tokens is None or row.output_tokens is None:
        tokens = "tokens unknown"
    else:
        tokens = f"{row.input_tokens:,} tokens in, {row.output_tokens:,} out"
        if row.uncounted:
            tokens += f", and {row.uncounted:,} of {row.requests:,} not counted"
    return requests, tokens, cost_words(row.cost, row.unknown, row.requests)
