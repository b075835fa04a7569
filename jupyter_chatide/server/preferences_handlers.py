"""The user's wishes, and what was used."""

from __future__ import annotations

import asyncio
import time

import msgspec
from jupyter_server.auth.decorator import authorized
from msgspec import UNSET
from tornado import web

from ..errors import InvalidRequestError
from ..gateway.validation import LONGEST_CHAIN
from .base import ChatIDEHandler
from .bodies import BudgetStatus, PreferencesChange, PreferencesStatus, UsageStatus

_MOST_DAYS = 3660


class PreferencesHandler(ChatIDEHandler):
    """``preferences``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell of the wishes."""
        self._answer()

    @web.authenticated
    @authorized
    async def patch(self) -> None:
        """Change those that are named."""
        change = self.decode(PreferencesChange)
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(change).items()
            if value is not UNSET
        }
        if not fields:
            raise InvalidRequestError("fallback: there is nothing to change.", "Give a field.")
        if fields.get("default_model"):
            _check_model("default_model", fields["default_model"])
        models = fields.get("fallback") or []
        if len(models) > LONGEST_CHAIN:
            raise InvalidRequestError(f"fallback: at most {LONGEST_CHAIN} models.", "Choose some.")
        for number, model in enumerate(models):
            _check_model(f"fallback[{number}]", model)
        await asyncio.to_thread(self.chatide.gateway.preferences.change, **fields)
        self._answer()

    def _answer(self) -> None:
        gateway = self.chatide.gateway
        wishes = gateway.preferences.read()
        self.answer(
            PreferencesStatus(
                wishes.default_model,
                wishes.fallback,
                list(gateway.settings.fallback),
                self.chatide.endpoint.enabled,
            )
        )


class UsageHandler(ChatIDEHandler):
    """``usage?days=&chat=``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Report what was used, and what is left of the budget."""
        days = self.number("days", 30)
        if not 1 <= days <= _MOST_DAYS:
            raise InvalidRequestError(f"days: 1 to {_MOST_DAYS}.", "Correct it.")
        gateway = self.chatide.gateway
        report = await gateway.usage.report(days, self.get_query_argument("chat", ""))
        budget = await self._budget()
        self.answer(UsageStatus(report.days, report.rows, report.totals, budget))

    async def _budget(self) -> BudgetStatus | None:
        from ..gateway.usage import period_end

        gateway = self.chatide.gateway
        budget = gateway.settings.budget
        if budget.cost is None and budget.tokens is None:
            return None
        spent = await gateway.usage.spent(budget)
        resets = period_end(budget, time.time())
        return BudgetStatus(
            cost=budget.cost,
            tokens=budget.tokens,
            period=budget.period,
            spent_cost=spent.cost,
            spent_tokens=spent.tokens,
            estimated_tokens=spent.estimated,
            resets=resets,
        )


def _check_model(field: str, name: str) -> None:
    if not all(name.partition("/")) or len(name) > 300 or not name.isprintable():
        raise InvalidRequestError(
            f"{field}: {name[:80]!r} is not named provider/model.", "Pick a model from the list."
        )
