"""Ugly replies, as models write them, each with the actions expected of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_chatide.chat.actions import Action, ActionParser, parse_reply


class Expected(Action, frozen=True, forbid_unknown_fields=True):
    complete: bool = True


CORPUS = Path(__file__).parent / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.md"))


def test_the_corpus_is_whole() -> None:
    assert len(NAMES) >= 40
    assert sorted(path.stem for path in CORPUS.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_gives_the_expected_actions(name: str) -> None:
    text = (CORPUS / f"{name}.md").read_bytes().decode()
    expected = msgspec.json.decode((CORPUS / f"{name}.json").read_bytes(), type=list[Expected])
    assert [msgspec.structs.asdict(action) for action in parse_reply(text)] == [
        msgspec.structs.asdict(action) for action in expected
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_byte_of_a_reply_is_lost(name: str) -> None:
    text = (CORPUS / f"{name}.md").read_bytes().decode()
    parser = ActionParser()
    events = parser.feed(text) + parser.close()
    assert "".join(event.raw for event in events) == text
