"""What a chat is after its events: replies that go on, or are given up, and what they took.

``fold_cases.json`` holds events and what they come to, for this fold and for the sidebar's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.state import ChatState, Usage

CASES = json.loads((Path(__file__).parent / "fold_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_reply_is_what_its_events_come_to(case: dict[str, Any]) -> None:
    state = ChatState()
    for event in case["events"]:
        state.apply(msgspec.convert(event, ev.AnyEvent))
    assert state.turns[0].status == case["status"]
    told = {
        reply.id: {
            "raw": reply.raw,
            "reason": reply.reason,
            "model": reply.model,
            "superseded": reply.superseded,
            "actions": [action.id for action in reply.actions],
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "cost": reply.usage.cost,
        }
        for reply in state.replies.values()
    }
    assert told == case["replies"]
    assert {
        action.id: {
            "content": action.content,
            "closed": action.closed,
            "complete": action.complete,
        }
        for reply in state.replies.values()
        for action in reply.actions
    } == case["actions"]
    assert all(reply.size == len(reply.raw) for reply in state.replies.values())


def test_a_turn_and_a_chat_took_what_their_replies_took() -> None:
    state = ChatState()
    for number, cost in enumerate((0.25, 0.5), 1):
        turn, reply = f"t{number}", f"r{number}"
        state.apply(ev.TurnStarted(turn=turn, prompt="Go", model="a/b", mode="ask"))
        state.apply(ev.ReplyStarted(turn=turn, reply=reply, model="a/b"))
        assert state.turns[-1].usage == Usage()
        state.apply(
            ev.ReplyFinished(
                reply=reply,
                reason="stop",
                input_tokens=10,
                output_tokens=number,
                reasoning_tokens=None if number == 2 else 1,
                cost=cost,
            )
        )
    assert state.turns[0].usage == Usage(10, 1, 1, 0.25)
    assert state.turns[1].usage == Usage(10, 2, None, 0.5)
    assert state.usage == Usage(20, 3, None, 0.75)


def test_a_chain_is_chosen_and_given_up() -> None:
    state = ChatState()
    assert state.fallback is None
    state.apply(ev.FallbackChosen(models=["a/b"]))
    assert state.fallback == ["a/b"]
    state.apply(ev.FallbackChosen())
    assert state.fallback is None
