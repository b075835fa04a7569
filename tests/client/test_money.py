"""What something cost, in words: never "free" where it is not known."""

from __future__ import annotations

import pytest

from jupyter_chatide.chat.events import ReplyFinished
from jupyter_chatide.client.money import budget_words, cost_words, dollars, reply_words
from jupyter_chatide.gateway.settings import Budget
from jupyter_chatide.gateway.usage import Spent


@pytest.mark.parametrize(
    ("cost", "words"),
    [(0.0, "$0.00"), (1234.5, "$1,234.50"), (0.01, "$0.01"), (0.00123, "$0.0012")],
)
def test_dollars_show_the_digits_that_say_something(cost: float, words: str) -> None:
    assert dollars(cost) == words


def test_next_to_nothing_is_not_nothing() -> None:
    assert dollars(1e-7) == "under $0.0001"


def test_what_is_unknown_is_said() -> None:
    assert cost_words(None) == "cost unknown"
    assert cost_words(0.5, 1, 3) == "$0.50, and 1 of 3 of unknown cost"
    assert cost_words(0.5, 0, 3) == "$0.50"


def test_what_is_spent_of_a_budget_is_said() -> None:
    spent = Spent(0.5, 1200, 0)
    assert budget_words(Budget(), spent) == ""
    assert budget_words(Budget(cost=2, period="month"), spent) == "$0.50 of $2.00 a month"
    assert budget_words(Budget(tokens=5000), spent) == "1,200 tokens of 5,000 tokens a day"
    both = budget_words(Budget(cost=2, tokens=5000), Spent(0.5, 1200, 1, estimated=200))
    assert both == "about $0.50 and 1,200 tokens of $2.00 and 5,000 tokens a day"


def test_a_reply_is_summed_up() -> None:
    reply = ReplyFinished(
        reply="r1", reason="stop", model="a/b", input_tokens=1200, output_tokens=3, cost=0.02
    )
    assert reply_words(reply) == "a/b · 1,200 tokens in, 3 out · $0.02"
    assert reply_words(ReplyFinished(reply="r1", reason="stop", model="a/b")) == "a/b"
