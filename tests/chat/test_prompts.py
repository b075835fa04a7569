"""What the model is told: short enough for a small model, exact, and hard to break out of."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.chat import Action, Chat, parse_reply
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.prompts import ASK, BASE, conversation, repair_of_run
from jupyter_chatide.chat.state import ActionState, ChatState
from jupyter_chatide.runtime.results import RunError
from tests.fakes.provider import FakeProvider
from tests.smollm import MODEL, serve_smollm

from .conftest import ask, of


@pytest.fixture(scope="module")
def smollm() -> Iterator[str]:
    with serve_smollm() as base_url:
        yield base_url


def _state(*events: ev.AnyEvent) -> ChatState:
    state = ChatState()
    for event in events:
        state.apply(event)
    return state


def _turn(number: int, prompt: str, reply: str) -> list[ev.AnyEvent]:
    turn, answer = f"t{number}", f"r{number}"
    return [
        ev.TurnStarted(turn=turn, prompt=prompt, model="a/b", mode="build"),
        ev.ReplyStarted(turn=turn, reply=answer, model="a/b"),
        ev.ReplyText(reply=answer, text=reply),
        ev.ReplyFinished(reply=answer, reason="stop"),
        ev.TurnFinished(turn=turn, status="finished"),
    ]


def test_the_base_prompt_leaves_room_in_a_small_window(smollm: str) -> None:
    for prompt in (BASE, ASK):
        request = urllib.request.Request(
            smollm.removesuffix("/v1") + "/tokenize",
            json.dumps({"content": prompt}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert 0 < len(json.load(answer)["tokens"]) < 1000


def test_the_example_in_the_base_prompt_is_what_the_parser_takes() -> None:
    example = BASE.partition("You answer:")[2]
    assert [(action.kind, action.complete) for action in parse_reply(example)] == [
        ("cell", True),
        ("cell", True),
    ]


async def test_a_first_prompt_goes_out_with_the_base_prompt_and_nothing_else(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("Yes.")
    await ask(chat, "Is  it\ntrue? ```python\n1\n```")
    assert provider.chats[0].json["messages"] == [
        {"role": "system", "content": BASE},
        {"role": "user", "content": "Is  it\ntrue? ```python\n1\n```"},
    ]
    provider.reply("No.")
    await ask(chat, "Really?", mode="ask")
    assert provider.chats[1].json["messages"] == [
        {"role": "system", "content": ASK},
        {"role": "user", "content": "Is  it\ntrue? ```python\n1\n```"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Really?"},
    ]


def test_a_failed_cell_is_sent_back_in_these_words() -> None:
    action = ActionState("a1", "r1", "cell", parts=["print(x)\n"], complete=True)
    error = RunError("NameError", "no x", ["\x1b[31mNameError\x1b[39m", "line ```` 1"])
    assert repair_of_run(action, error, "error") == (
        "This cell failed:\n\n"
        "```\nprint(x)\n```\n\n"
        "`````\nNameError\nline ```` 1\n`````\n\n\n"
        "Say in one sentence what was wrong, then write the corrected cell. Cells before it ran; "
        "their variables exist. Cells after it did not run: write those again that are needed."
    )
    assert "time limit" in repair_of_run(action, None, "timeout")
    assert "Variables are gone" in repair_of_run(action, None, "died")


@given(st.text(alphabet="`\n ab", max_size=60))
def test_code_and_errors_cannot_leave_their_fence(text: str) -> None:
    action = ActionState("a1", "r1", "cell", parts=[text], complete=True)
    message = repair_of_run(action, RunError("E", "v", [text]), "error")
    fences = [action for action in parse_reply(message) if isinstance(action, Action)]
    assert len(fences) == 2
    assert all(fence.complete and fence.kind == "example" for fence in fences)


def test_old_turns_make_room_for_new_ones() -> None:
    state = _state(
        *_turn(1, "first", "x" * 50_000),
        *_turn(2, "second", "y" * 20_000),
        ev.TurnStarted(turn="t3", prompt="third", model="a/b", mode="build"),
    )
    messages = conversation(state, state.turn("t3"))
    assert [message.content[:6] for message in messages] == [BASE[:6], "second", "yyyyyy", "third"]


def test_the_newest_turn_is_shortened_rather_than_forgotten() -> None:
    state = _state(
        *_turn(1, "first", "short"),
        *_turn(2, "second", "y" * 90_000 + "the end"),
        ev.TurnStarted(turn="t3", prompt="third", model="a/b", mode="build"),
    )
    messages = conversation(state, state.turn("t3"))
    assert [message.content[:6] for message in messages] == [BASE[:6], "second", "yyyyyy", "third"]
    assert messages[2].content.endswith("the end")
    assert sum(len(message.content) for message in messages[1:3]) < 60_100


def test_roles_always_alternate() -> None:
    events = [*_turn(1, "one", ""), *_turn(2, "two", "answer")]
    state = _state(*events, ev.TurnStarted(turn="t3", prompt="three", model="a/b", mode="build"))
    roles = [message.role for message in conversation(state, state.turn("t3"))]
    assert roles == ["system", "user", "assistant", "user"]


async def test_whatever_a_real_small_model_writes_is_kept_to_the_letter(
    chat: Chat, smollm: str
) -> None:
    chat.gateway.keys.set("openai-compatible", None, base_url=smollm)
    for prompt in ("Plot y = x**2 with matplotlib.", "Write page.html that says hello."):
        before = chat.log.last
        await chat.start_turn(prompt, model=f"openai-compatible/{MODEL}", mode="ask")
        await _until_long(chat, before)
        await chat.stop()  # left alone, so small a model may go on and on
        events = chat.read(before)
        assert of(events, ev.TurnFinished)[0].status in {"finished", "stopped"}
        reply = chat.state.replies[of(events, ev.ReplyStarted)[0].reply]
        parsed = parse_reply(reply.raw)
        assert [action.content for action in parsed] == [a.content for a in reply.actions]


async def _until_long(chat: Chat, after: int) -> None:
    length = 0
    async for batch in chat.events(after):
        length += sum(len(event.text) for event in of(batch, ev.ReplyText))
        length += sum(len(event.text) for event in of(batch, ev.ActionDelta))
        if length > 1_500 or of(batch, ev.TurnFinished):
            return
