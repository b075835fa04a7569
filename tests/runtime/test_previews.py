"""A page of a workspace is shown under a token, and gets nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.runtime.previews import (
    PreviewTokens,
    frame_headers,
    frame_html,
    page_headers,
)

BASE = "http://127.0.0.1:8888/user/a%40b/api/chatide/preview/TOKEN/files/"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_shows_its_workspace_until_it_expires() -> None:
    clock = Clock()
    tokens = PreviewTokens(lifetime=10, clock=clock)
    token = tokens.issue(Path("/w/1"))
    other = tokens.issue(Path("/w/1"))
    assert token != other
    assert len(token) >= 40
    clock.now = 9
    assert tokens.look_up(token) == Path("/w/1")
    clock.now = 18  # its use renewed it
    assert tokens.look_up(token) == Path("/w/1")
    assert tokens.look_up(other) is None
    clock.now = 29
    assert tokens.look_up(token) is None
    assert tokens.look_up("") is None


def test_a_closed_workspace_is_shown_no_more() -> None:
    tokens = PreviewTokens()
    gone, stays = tokens.issue(Path("/w/1")), tokens.issue(Path("/w/2"))
    tokens.revoke(Path("/w/1"))
    assert tokens.look_up(gone) is None
    assert tokens.look_up(stays) == Path("/w/2")


def test_there_are_never_more_than_a_thousand_tokens() -> None:
    tokens = PreviewTokens()
    issued = [tokens.issue(Path("/w")) for _ in range(1_001)]
    assert tokens.look_up(issued[0]) is None
    assert tokens.look_up(issued[-1]) == Path("/w")


def test_a_page_may_run_scripts_and_reach_its_own_files_only() -> None:
    headers = page_headers(BASE)
    policy = dict(
        directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["sandbox"] == "allow-scripts"
    assert policy["connect-src"] == BASE
    assert policy["frame-src"] == policy["object-src"] == policy["form-action"] == "'none'"
    assert "'self'" not in policy["default-src"] + policy["script-src"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_outer_frame_holds_the_page_and_nothing_else() -> None:
    policy = frame_headers(BASE)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"frame-src {BASE}" in policy
    assert "sandbox" not in policy


@pytest.mark.parametrize("base", ["", "/files/", "http://h/a b/", "http://h/;script-src */", "x"])
def test_a_base_that_would_break_the_policy_is_refused(base: str) -> None:
    for make in (page_headers, frame_headers, lambda base: frame_html(base, "a")):
        with pytest.raises(ValueError, match="policy"):
            make(base)


class Frames(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.frame: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "iframe":
            self.frame = dict(attrs)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_path_writes_html(path: str) -> None:
    parser = Frames()
    parser.feed(frame_html(BASE, path))
    assert parser.tags == ["html", "head", "meta", "title", "style", "body", "iframe"]
    source = parser.frame["src"]
    assert source is not None
    assert parser.frame["sandbox"] == "allow-scripts"
    # On the frame's own scheme and host: behind a proxy that speaks https, ours may be http.
    folder = urlsplit(BASE).path
    assert source.startswith(folder)
    assert not urlsplit(source).query
    assert unquote(source[len(folder) :]) == path
