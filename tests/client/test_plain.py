"""Text from models and kernels is harmless in a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.client.plain import PlainLines, coloured, plain

HOSTILE = st.text(st.sampled_from("\x1b\x9b\x9d\x9c\x07\x08\r\n\t[]0;31mJHabc P_^\\\u202e\x7f\x00"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext ünïcödé 漢字 🐍", "plain\n\ttext ünïcödé 漢字 🐍"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\x1b[2J\x1b[Hb", "ab"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|data\x1b\\text", "text"),
        ("\x1b]0;never ended\ntext", "\ntext"),
        ("\x1b(B\x1b=\x1bctext", "text"),
        ("\x9b31mred \x9d0;t\x9ctext", "red text"),
        ("bell\x07 back\x08 \x00", "bell␇ back␈ ␀"),
        ("one\r\ntwo\rthree", "one\ntwo␍three"),
        ("txt\u202efdp", "txt\ufffdfdp"),
        ("\x1b", "␛"),
    ],
)
def test_only_text_is_left(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(HOSTILE)
def test_no_control_character_comes_through(text: str) -> None:
    shown = plain(text)
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    for line in (PlainLines(), PlainLines(coloured)):
        lines = line.feed(text[:5]) + line.feed(text[5:]) + line.finish()
        assert "\r" not in lines


@given(HOSTILE)
def test_of_colours_only_colours_are_left(text: str) -> None:
    import re

    shown = re.sub(r"\x1b\[[0-9;]*m", "", coloured(text))
    assert all(character.isprintable() or character in "\n\t" for character in shown)


def test_colours_end_where_the_text_ends() -> None:
    assert coloured("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert coloured("text\x1b[2J") == "text"


def test_a_progress_bar_is_shown_as_it_stands_in_the_end() -> None:
    lines = PlainLines()
    assert lines.feed("  0%\r") == ""
    assert lines.feed(" 50%\r100%") == ""
    assert lines.feed("\nnext\r\nlast") == "100%\nnext\n"
    assert lines.finish() == "last\n"
    assert lines.finish() == ""
