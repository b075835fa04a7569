"""Reasoning in tags at an answer's beginning is told apart from the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.chat import Chat
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.thinking import Thinking
from tests.fakes.provider import FakeProvider

from .conftest import ask, of


def sort(text: str, sizes: list[int]) -> tuple[str, str]:
    """An answer's reasoning and its text, coming in pieces of these sizes."""
    thinking, at, pieces = Thinking(), 0, []
    for size in sizes:
        pieces.append(thinking.feed(text[at : at + size]))
        at += size
    pieces += [thinking.feed(text[at:]), thinking.close()]
    return "".join(piece[0] for piece in pieces), "".join(piece[1] for piece in pieces)


@pytest.mark.parametrize(
    ("answer", "reasoning", "text"),
    [
        ("<think>\nHm.\n</think>\n\nFour.", "Hm.\n", "Four."),
        ("\n<Thinking>Hm.</thinking>\n\n\n\nFour.", "Hm.", "\n\nFour."),
        ("<think></think>Four.", "", "Four."),
        ("<think>\n\n</think>\n\n", "", ""),
        ("<think>```python\n1/0\n``` a < b </thin", "```python\n1/0\n``` a < b </thin", ""),
        ("No <think>tag</think> here.", "", "No <think>tag</think> here."),
        ("  <thin", "", "  <thin"),
        ("<thinker>", "", "<thinker>"),
        ("", "", ""),
    ],
)
def test_reasoning_in_tags(answer: str, reasoning: str, text: str) -> None:
    for size in (1, 2, 5, 100):
        assert sort(answer, [size] * 100) == (reasoning, text)


@given(
    st.lists(st.sampled_from(["<think>", "<thinking>", "</think>", "</th", "<", "\n", " ", "x"])),
    st.lists(st.integers(1, 9), max_size=20),
)
def test_it_is_the_same_however_the_answer_comes(parts: list[str], sizes: list[int]) -> None:
    answer = "".join(parts)
    assert sort(answer, sizes) == sort(answer, [])
    if not answer.lstrip().startswith("<think"):
        assert sort(answer, sizes) == ("", answer)


async def test_a_local_models_reasoning_stays_out_of_its_reply(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("<th", "ink>\nA file, ", "I think.\n</think>\n\nHere:\n```txt path=a.txt\nh")
    await ask(chat)
    assert chat.state.replies["r1"].raw == "Here:\n```txt path=a.txt\nh"
    assert chat.state.replies["r1"].reasoned
    provider.reply("Yes.")
    await ask(chat, "Sure?")
    assert "I think" not in str(provider.chats[-1].json["messages"])


async def test_reasoning_before_a_continuation_stays_out_of_the_open_fence(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("<think>One.</think>\n\n```txt path=a.txt\nfirst li", finish="length")
    provider.reply("<think>I go on.</think>\n\n```txt path=a.txt\nfirst line\n```\n")
    events = await ask(chat)
    assert (chat.workspace_path / "a.txt").read_text() == "first line\n"
    reasoning = "".join(event.text for event in of(events, ev.ReplyReasoning))
    assert reasoning == "One.\n\nI go on."
