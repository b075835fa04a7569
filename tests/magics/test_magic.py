"""Interrupting a cell: what is said is what is so."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chatide.chat.events import AnyEvent, Mode
from jupyter_chatide.magics.magic import ChatMagic, ChatStopped


class Elsewhere:
    """A place that is interrupted while a turn is started there, and perhaps again."""

    where = "elsewhere"

    def __init__(self, *, again: bool) -> None:
        self.stopped: list[str] = []
        self._again = again

    def create_chat(self) -> str:
        return "c1"

    def start_turn(self, chat: str, prompt: str, model: str, mode: Mode) -> str:
        raise KeyboardInterrupt

    def events(self, chat: str, after: int) -> list[AnyEvent]:
        return []

    def running(self, chat: str) -> bool:
        return False

    def stop(self, chat: str) -> None:
        if self._again:
            raise KeyboardInterrupt
        self.stopped.append(chat)

    def keep_image(self, chat: str, mime: str, content: Any) -> str:
        return ""

    def close(self) -> None:
        pass


def test_a_turn_that_may_have_begun_is_stopped() -> None:
    elsewhere = Elsewhere(again=False)
    with pytest.raises(ChatStopped, match="Stopped, and everything that it ran"):
        ChatMagic(None, lambda: elsewhere).chat("Go")
    assert elsewhere.stopped == ["c1"]


def test_leaving_before_all_has_stopped_is_said() -> None:
    with pytest.raises(ChatStopped, match="Left before all had stopped"):
        ChatMagic(None, lambda: Elsewhere(again=True)).chat("Go")
