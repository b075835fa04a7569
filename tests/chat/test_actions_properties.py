"""What holds for any text: nothing is lost, nothing depends on how it was cut, time is linear."""

from __future__ import annotations

import time
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_chatide.chat.actions import (
    Action,
    ActionDelta,
    ActionEvent,
    ActionOpened,
    ActionParser,
    TextDelta,
    parse_reply,
)

FRAGMENTS = [
    "```", "````", "~~~", "~~~~", "`", "``", "~", "\n", "\n", "\n", "\n\n", "\r\n", "\r", " ",
    "   ", "    ", "\t", "- ", "1. ", "10) ", "* ", "+", "-", "12", "python", "py", "bash run",
    "pip", "html", "serve port=8501", "markdown", "diff", " norun", " path=a.py", ":src/b.py",
    "{path=c d.py}", ' filename="x y.md"', "# app.py", "## `app.py`", "**README.md**",
    "1. `app.py`:", "// a.js", "<!-- i.html -->", "# load data.csv", "<think>", "</think>",
    "<thinking>", "</thinking>", "<th", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "x = 1",
    "text", "é", "\x00", "\u2028", "\x85", "&lt;", "\ud800", "path=", "=", ":", '"',
]  # fmt: skip
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
CORPUS = [
    path.read_bytes().decode() for path in sorted((Path(__file__).parent / "corpus").glob("*.md"))
]


@st.composite
def damaged_replies(draw: st.DrawFn) -> str:
    """A reply of the corpus with pieces lost and pieces slipped in."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + draw(st.sampled_from(["", *FRAGMENTS]))
            + text[at + draw(st.integers(0, 4)) :]
        )
    return text


texts = st.one_of(
    fragments, damaged_replies(), st.text(alphabet="`~ \n\r\t-1.#<>pyath=:", max_size=80), st.text()
)


def joined(events: list[ActionEvent]) -> list[ActionEvent]:
    """``events`` with adjacent deltas joined."""
    merged: list[ActionEvent] = []
    for kind, group in groupby(events, key=type):
        if kind is TextDelta:
            merged.append(TextDelta("".join(event.raw for event in group)))
        elif kind is ActionDelta:
            deltas = list(group)
            text = "".join(event.text for event in deltas)
            merged.append(ActionDelta(text, "".join(event.raw for event in deltas)))
        else:
            merged.extend(group)
    return merged


def stream(chunks: list[str]) -> list[ActionEvent]:
    parser = ActionParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return joined(events + parser.close())


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@settings(max_examples=1000, deadline=None)
@given(texts, st.lists(st.integers(0, 10_000), max_size=8))
def test_a_reply_means_the_same_however_it_was_cut(text: str, places: list[int]) -> None:
    assert stream(cut(text, places)) == stream([text])


@settings(max_examples=1000, deadline=None)
@given(texts)
@example("```python path=a.py\n\r<<<<<<< SEARCH\n")
@example("  ```python\n \r x\n  y\n")
@example("```\n" + " " * 300 + "# app.py\n")
@example(" " * 199 + "```\nx\n")
@example("- " * 100 + "```\nx\n")
def test_a_reply_means_the_same_character_by_character(text: str) -> None:
    assert stream(list(text)) == stream([text])


@settings(max_examples=1000, deadline=None)
@given(texts)
def test_text_in_is_text_out(text: str) -> None:
    events = stream([text])
    assert "".join(event.raw for event in events) == text
    for event in events:
        assert not isinstance(event, TextDelta | ActionDelta) or event.raw


@settings(max_examples=500, deadline=None)
@given(texts)
def test_events_come_in_order_and_tell_of_the_same_actions(text: str) -> None:
    opened: ActionOpened | None = None
    content = ""
    closed: list[Action] = []
    for event in stream([text]):
        if isinstance(event, TextDelta):
            assert opened is None
        elif isinstance(event, ActionOpened):
            assert opened is None
            opened, content = event, ""
        elif isinstance(event, ActionDelta):
            assert opened is not None
            content += event.text
        else:
            assert opened is not None
            action = event.action
            assert action.content == content
            assert (action.language, action.path) == (opened.language, opened.path)
            assert action.kind == opened.kind or (opened.kind, action.kind) == ("file", "edit")
            assert action.complete or not event.raw
            opened = None
            closed.append(action)
    assert opened is None
    assert closed == parse_reply(text)


@settings(max_examples=500, deadline=None)
@given(texts)
def test_no_more_than_a_line_is_held_back_and_an_opening_line_until_the_next(text: str) -> None:
    parser = ActionParser()
    given = shown = ""
    for character in text:
        given += character
        shown += "".join(event.raw for event in parser.feed(character))
        held = given[len(shown) :]
        opening = held.lstrip(" \t").startswith(("```", "~~~"))
        assert held.count("\n", 0, -1) <= opening


@settings(max_examples=500, deadline=None)
@given(texts, texts)
def test_a_parser_is_as_new_after_its_end(first: str, second: str) -> None:
    parser = ActionParser()
    parser.feed(first)
    parser.close()
    assert joined(parser.feed(second) + parser.close()) == stream([second])


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=200),
    st.sampled_from("`~"),
    st.integers(3, 6),
    st.sampled_from(["", "python", "python norun", "yaml", "html", "text path=x.txt"]),
    st.text(alphabet="ab `~\n#", max_size=60),
)
def test_content_is_what_stands_between_the_fences_to_the_byte(
    body: str, mark: str, length: int, info: str, more: str
) -> None:
    content = body + more
    if content and not content.endswith("\n"):
        content += "\n"
    longest = max((len(line) - len(line.lstrip(mark)) for line in _stripped(content)), default=0)
    fence = mark * max(length, longest + 1)
    [action] = parse_reply(f"Before.\n\n{fence}{info}\n{content}{fence}\n\nAfter.\n")
    assert action.content == content
    assert action.complete


def _stripped(content: str) -> list[str]:
    return [line.lstrip(" \t") for line in content.split("\n")]


GROWING = {
    "prose": "Some words, and more of them. ",
    "lines": "Some words.\n",
    "cells": "```python\nprint(1)\n```\n",
    "backticks": "`",
    "tildes": "~",
    "blanks": " ",
    "returns": "\r",
    "markers": "- ",
    "numbers": "1. ",
    "openers": "```python\n",
    "words": "path:x ",
    "word": "word ",
    "dashes and words": "- word ",
    "files": "file=a ",
    "keys": "a=b ",
    "angles": "<",
    "tags": "<think></think>",
    "half tags": "</think",
    "markers of edits": "<<<<<<< SEARCH\n",
    "nested items": "  - a\n",
}
LEADS = ["", "```", "```python ", "```python path=", "```python:", "```\n", "<think>", "~~~~ {"]
LEADS += ["```markdown path=x.md\n", "   ```python\n", "```md path=x.md\n```"]


@pytest.mark.parametrize("unit", GROWING)
def test_time_grows_linearly(unit: str) -> None:
    def seconds(lead: str, size: int, step: int) -> float:
        text = lead + GROWING[unit] * (size // len(GROWING[unit]))
        parser = ActionParser()
        start = time.process_time()
        for at in range(0, len(text), step):
            parser.feed(text[at : at + step])
        parser.close()
        return time.process_time() - start

    for lead in LEADS:
        for step, size in ((1, 2_000), (2_000, 16_000)):
            small = max(min(seconds(lead, size, step) for _ in range(3)), 2e-3)
            # 8 times the text; quadratic time would be 64 times as long
            assert seconds(lead, 8 * size, step) < 32 * small, (lead, step)
