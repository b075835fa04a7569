"""Where a continuation joins the reply: what models add there is gone, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_chatide.chat.actions import ActionParser
from jupyter_chatide.chat.seam import REACH, Seam

REPLY = (Path(__file__).parent / "corpus_long" / "analysis.md").read_text(encoding="utf-8")


def seam_of(written: str) -> Seam:
    parser = ActionParser()
    parser.feed(written)
    return Seam(written, parser.block)


def join(written: str, continuation: str, size: int = 5) -> str:
    """The reply that a continuation makes of what was written, coming ``size`` at a time."""
    seam = seam_of(written)
    pieces = [seam.feed(continuation[at : at + size]) for at in range(0, len(continuation), size)]
    return written + "".join(pieces) + seam.close()


def open_fence(written: str) -> str:
    """The opening line of the fence that the text ends inside of, on no marks of it."""
    parser = ActionParser()
    parser.feed(written)
    line = written.rpartition("\n")[2].strip()
    if parser.block is None or (line and not line.strip("`")):
        return ""
    return parser.block.opening.raw


def is_telling(text: str) -> bool:
    """Whether it is unlikely that ``text`` is meant twice, as a bracket or a ruler may be."""
    return len(text) <= REACH and sum(map(str.isalpha, text)) >= 8


cuts = st.integers(1, len(REPLY) - 1)
sizes = st.integers(1, 40)


def test_a_continuation_that_is_exact_is_joined_wherever_the_reply_was_cut() -> None:
    for cut in range(1, len(REPLY)):
        assert join(REPLY[:cut], REPLY[cut:]) == REPLY, cut


@settings(max_examples=600, deadline=None)
@given(st.integers(40, len(REPLY) - 1), sizes, st.integers(40, REACH))
def test_the_last_characters_may_be_repeated(cut: int, size: int, repeated: int) -> None:
    if is_telling(REPLY[max(0, cut - repeated) : cut]):
        assert join(REPLY[:cut], REPLY[max(0, cut - repeated) :], size) == REPLY


@settings(max_examples=600, deadline=None)
@given(cuts, sizes, st.integers(1, 6))
def test_the_last_lines_may_be_repeated(cut: int, size: int, lines: int) -> None:
    start = cut
    for _ in range(lines):
        start = REPLY.rfind("\n", 0, max(0, start - 1)) + 1
    if is_telling(REPLY[start:cut]):
        assert join(REPLY[:cut], REPLY[start:], size) == REPLY


@settings(max_examples=600, deadline=None)
@given(
    cuts,
    sizes,
    st.sampled_from(
        [
            "",
            "\n",
            "\n\n",
            "Continuing from where I left off:\n\n",
            "Sure! Here is the rest of the code:\n",
            "**Continued…**\n\nHere's the remaining part.\n\n",
        ]
    ),
    st.sampled_from(["", "line"]),
)
def test_the_fence_may_be_opened_again(cut: int, size: int, before: str, repeated: str) -> None:
    fence = open_fence(REPLY[:cut])
    if not fence:
        return
    start = REPLY.rfind("\n", 0, cut) + 1 if repeated else cut
    if repeated and not any(map(str.isalpha, REPLY[start:cut])):
        return
    assert join(REPLY[:cut], before + fence.lstrip() + REPLY[start:], size) == REPLY


@pytest.mark.parametrize(
    ("written", "continuation", "whole"),
    [
        # Outside a fence, a fence that opens is the next one.
        ("Look:\n\n", "```python\nx\n```\n", "Look:\n\n```python\nx\n```\n"),
        ("```python\na\n```\n", "```python\nb\n```\n", "```python\na\n```\n```python\nb\n```\n"),
        ("```\na\n```\n", "```\nb\n```\n", "```\na\n```\n```\nb\n```\n"),
        # Inside one, a bare fence closes it …
        ("```python\nx = 1\n", "```\n\nDone.", "```python\nx = 1\n```\n\nDone."),
        # … unless the line before it comes once more.
        ("```python\nx = comp", "```\nx = compute()\n```\n", "```python\nx = compute()\n```\n"),
        # Behind the closing line, the next fence stands on a line of its own.
        ("```python\nx\n```", "```python\ny\n```\n", "```python\nx\n```\n```python\ny\n```\n"),
        (
            "```python\nx\n```",
            "\n\n```python\ny\n```\n",
            "```python\nx\n```\n\n```python\ny\n```\n",
        ),
        ("```python\nx\n``", "`\n\n```python\ny\n", "```python\nx\n```\n\n```python\ny\n"),
        # An opening line that was cut is begun again, or goes on.
        ("Look:\n```", "```python\nx\n", "Look:\n```python\nx\n"),
        ("Look:\n```pyth", "```python\nx\n", "Look:\n```python\nx\n"),
        ("Look:\n```pyth", "on\nx\n", "Look:\n```python\nx\n"),
        # A file of Markdown holds fences of its own.
        (
            "```markdown path=README.md\n# Use\n",
            "```bash\nls\n```\n",
            "```markdown path=README.md\n# Use\n```bash\nls\n```\n",
        ),
        (
            "```markdown path=README.md\n# Use\n",
            "```markdown path=README.md\nMore.\n```\n",
            "```markdown path=README.md\n# Use\nMore.\n```\n",
        ),
        # A fence of the same language in other words.
        ("```py path=a.py\nx = 1\n", "```python\ny = 2\n", "```py path=a.py\nx = 1\ny = 2\n"),
        # An announcement without a fence behind it is the reply's own.
        ("One.\n\n", "Here is the rest:\n\nTwo.", "One.\n\nHere is the rest:\n\nTwo."),
        (
            "```python\nwhile True:\n    ",
            "continue\n```\n\n```python\nx\n",
            "```python\nwhile True:\n    continue\n```\n\n```python\nx\n",
        ),
        # What may well come twice stays.
        ("```python\nx = [0, 0, ", "0, 0, 0]\n", "```python\nx = [0, 0, 0, 0, 0]\n"),
        ("| a | b |\n| --- ", "| --- |\n", "| a | b |\n| --- | --- |\n"),
        ("```text\nfalse,", "false,true\n", "```text\nfalse,false,true\n"),
        ("```python\nif a:\n    ", "    b()\n", "```python\nif a:\n        b()\n"),
        (
            "```html\n<li>First item</li>\n<li>First item</li>\n",
            "<li>First item</li>\n</ul>\n",
            "```html\n<li>First item</li>\n<li>First item</li>\n<li>First item</li>\n</ul>\n",
        ),
        # Nothing, and the beginning of what might have been something.
        ("```python\nx = 1\n", "", "```python\nx = 1\n"),
        ("```python\nx = 1\n", "``", "```python\nx = 1\n``"),
        ("```python\nx = 1\n", "Continuing", "```python\nx = 1\nContinuing"),
    ],
)
def test_a_seam(written: str, continuation: str, whole: str) -> None:
    for size in (1, 3, 1000):
        assert join(written, continuation, size) == whole


@settings(max_examples=500, deadline=None)
@given(
    st.text(alphabet="`~\n abx=.", max_size=60),
    st.text(alphabet="`~\n abx=.", max_size=60),
    st.lists(st.integers(1, 7), max_size=8),
)
def test_what_is_given_is_the_end_of_the_continuation_however_it_comes(
    written: str, continuation: str, sizes: list[int]
) -> None:
    whole = join(written, continuation, 1000)
    given_ = whole.removeprefix(written)
    assert continuation.endswith((given_, given_.removeprefix("\n")))
    seam, at, pieces = seam_of(written), 0, []
    for size in sizes:
        pieces.append(seam.feed(continuation[at : at + size]))
        at += size
    pieces += [seam.feed(continuation[at:]), seam.close()]
    assert written + "".join(pieces) == whole


def test_a_continuation_flows_once_it_is_told_apart() -> None:
    seam = seam_of("```python\ntotal = compute_the_tot")
    assert seam.feed("```python\ntotal = compute_the") == ""
    assert seam.feed("_total(1") == "al(1"
    assert seam.feed("```python\n") == "```python\n"
    assert seam_of("Some text").feed("!") == "!"
    blanks = seam_of("```python\nx\n")
    assert blanks.feed("\n" * 5_000) == "\n" * 5_000
