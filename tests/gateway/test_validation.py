"""A request that cannot be asked is refused by the field's name, before any provider hears."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_chatide.gateway import ChatMessage, InvalidRequestError, LLMRequest
from jupyter_chatide.gateway.validation import (
    LARGEST_CONTENT,
    LONGEST_MODEL,
    MOST_MESSAGES,
    validate,
)

HI = ChatMessage("user", "hi")
ANSWER = ChatMessage("assistant", "")


def request(**changes: Any) -> LLMRequest:
    return LLMRequest(**{"provider": "openai", "model": "m", "messages": [HI], **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "anything/you-like:7b@x y"},
        {"model": "m" * LONGEST_MODEL},
        {"temperature": 0},
        {"temperature": 2.0},
        {"messages": [ChatMessage("system", ""), HI, ANSWER, HI]},
        {"messages": [ChatMessage("user", "x" * LARGEST_CONTENT)]},
        {"messages": [HI] * MOST_MESSAGES},
    ],
)
def test_what_can_be_asked_passes(changes: dict[str, Any]) -> None:
    validate(request(**changes))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("provider", {"provider": "nobody"}),
        ("provider", {"provider": ""}),
        ("model", {"model": ""}),
        ("model", {"model": "  "}),
        ("model", {"model": "m" * (LONGEST_MODEL + 1)}),
        ("model", {"model": "a\nb"}),
        ("model", {"model": "a\x00b"}),
        ("messages", {"messages": []}),
        ("messages", {"messages": [HI] * (MOST_MESSAGES + 1)}),
        ("messages", {"messages": [HI, ANSWER]}),
        ("messages", {"messages": [HI, ChatMessage("user", "ü" * (LARGEST_CONTENT // 2))]}),
        ("messages[1].role", {"messages": [HI, ChatMessage("tool", "x"), HI]}),  # type: ignore[arg-type]
        ("messages[0].content", {"messages": [ChatMessage("user", "\ud800"), HI]}),
        ("messages[1].content", {"messages": [HI, ChatMessage("user", " \n")]}),
        ("temperature", {"temperature": -0.1}),
        ("temperature", {"temperature": 2.1}),
        ("temperature", {"temperature": math.nan}),
        ("temperature", {"temperature": math.inf}),
    ],
)
def test_what_cannot_be_asked_is_refused_by_the_fields_name(
    field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate(request(**changes))
    assert caught.value.message.startswith(f"{field}: ")
    assert caught.value.hint
    assert len(caught.value.message) < 500


def test_the_providers_there_are_can_be_given() -> None:
    validate(request(provider="mine"), {"mine"})
    with pytest.raises(InvalidRequestError):
        validate(request(provider="openai"), {"mine"})
