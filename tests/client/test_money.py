"""What something cost, in words: never "free" where it is not known."""

from __future__ import annotations

import pytest

from jupyter_chatide.chat.events import ReplyFinished
from jupyter_chatide.client.money import cost_words, dollars, reply_words


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


def test_a_reply_is_summed_up() -> None:
    reply = ReplyFinished(
        reply="r1", reason="stop", model="a/b", input_tokens=1200, output_tokens=3, cost=0.02
    )
    assert reply_words(reply) == "a/b · 1,200 tokens in, 3 out · $0.02"
    assert reply_words(ReplyFinished(reply="r1", reason="stop", model="a/b")) == "a/b"
