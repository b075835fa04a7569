"""What something cost, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..chat.events import ReplyFinished

if TYPE_CHECKING:
    from ..gateway.settings import Budget
    from ..gateway.usage import Spent


def reply_words(reply: ReplyFinished) -> str:
    """Who answered and what it took: model, tokens, cost; what is not known is left out."""
    words = [reply.model]
    if reply.input_tokens is not None and reply.output_tokens is not None:
        words.append(f"{reply.input_tokens:,} tokens in, {reply.output_tokens:,} out")
        words.append(cost_words(reply.cost))
    return " · ".join(filter(None, words))


def cost_words(cost: float | None, unknown: int = 0, requests: int = 0) -> str:
    """A cost in US dollars, with what is not known of it.

    Args:
        cost: what is known; ``None`` is nothing.
        unknown: requests whose cost is not known.
        requests: requests in all.
    """
    if cost is None:
        return "cost unknown"
    known = dollars(cost)
    return f"{known}, and {unknown:,} of {requests:,} of unknown cost" if unknown else known


def budget_words(budget: Budget, spent: Spent) -> str:
    """What is spent of a budget; ``""`` where there is none."""
    parts = []
    if budget.cost is not None:
        parts.append((dollars(spent.cost), dollars(budget.cost)))
    if budget.tokens is not None:
        parts.append((f"{spent.tokens:,} tokens", f"{budget.tokens:,} tokens"))
    if not parts:
        return ""
    used, allowed = (" and ".join(side) for side in zip(*parts, strict=True))
    return f"{'about ' if spent.estimated else ''}{used} of {allowed} a {budget.period}"


def dollars(cost: float) -> str:
    """Dollars: cents as such, less than a cent with the two digits that say something."""
    if cost == 0 or cost >= 0.01:
        return f"${cost:,.2f}"
    return f"${cost:.2g}" if cost >= 1e-4 else "under $0.0001"
