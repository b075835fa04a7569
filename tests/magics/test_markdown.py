"""Streaming Markdown is cut into blocks, and carries no HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_chatide.magics.markdown import MarkdownBlocks, escaped, fenced, without_html

MARKDOWN = st.text(st.sampled_from("ab `~$-1.*<>/#|\\\n\n\n\t"), max_size=200)


def blocks_of(text: str, size: int = 1_000_000) -> list[str]:
    blocks = MarkdownBlocks()
    complete: list[str] = []
    for start in range(0, len(text), size):
        complete += blocks.feed(text[start : start + size])
    return complete + blocks.finish()


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("one\ntwo\n\nthree", ["one\ntwo\n\n", "three"]),
        ("# Head\n\n\n\ntext\n", ["# Head\n\n\n\n", "text\n"]),
        ("- a\n\n- b\n\n  more\n\ntext", ["- a\n\n- b\n\n  more\n\n", "text"]),
        ("1. a\n\n2. b\n", ["1. a\n\n2. b\n"]),
        ("$$\na\n\nb\n$$\n\ntext", ["$$\na\n\nb\n$$\n\n", "text"]),
        ("~~~\na\n\nb\n~~~\n\ntext", ["~~~\na\n\nb\n~~~\n\n", "text"]),
    ],
)
def test_blocks_end_where_nothing_depends_on_them(text: str, blocks: list[str]) -> None:
    assert blocks_of(text) == blocks


@given(MARKDOWN, st.integers(1, 20))
def test_the_split_of_the_stream_makes_no_difference(text: str, size: int) -> None:
    blocks = blocks_of(text, size)
    assert "".join(blocks) == text
    assert blocks == blocks_of(text)


@pytest.mark.parametrize(
    ("markdown", "safe"),
    [
        ("a < b and <3", "a < b and <3"),
        ("<b>bold</b>", "&lt;b>bold&lt;/b>"),
        ("<!-- c --> <?php", "&lt;!-- c --> &lt;?php"),
        ("use `<b>` and ``<i>`</i>``", "use `<b>` and ``&lt;i>`&lt;/i>``"),
        (r"\`<b>`", r"\`&lt;b>`"),
        ("`a\n<b>`", "`a\n&lt;b>`"),
        ("| ` | <b> ` |", "| ` | &lt;b> ` |"),
    ],
)
def test_tags_are_text(markdown: str, safe: str) -> None:
    assert without_html(markdown) == safe


@settings(deadline=None)
@given(st.text(st.sampled_from("a `\\|<>bi/!\n*$-"), max_size=60))
def test_no_renderer_finds_a_tag(text: str) -> None:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    page = markdown2html_mistune(without_html(text.replace("b", "bad")))
    assert not re.search(r"<[/!?]?(bad|i>|i/|abad|aa)", page)


def test_a_fence_cannot_be_closed_from_inside() -> None:
    assert fenced("a\n```\n<b>\n````\n", "py thon\n`") == "`````python\na\n```\n<b>\n````\n`````"


def test_escaped_text_shows_as_it_is() -> None:
    assert escaped("a *b*\n<i> [x](y) `c` $d$") == (r"a \*b\* \<i\> \[x\](y) \`c\` \$d\$")
