"""The action parser: from a model's reply, as it streams, to what the reply asks to be done.

``parse_reply(text)`` gives the actions of a whole reply. ``ActionParser`` gives events while the
reply streams: any split of a text gives the same events once adjacent deltas are joined, and the
``raw`` of all events, joined, is the text itself. It does no I/O, never raises on any text and
takes linear time. It holds back no more than a line that may open or close a fence, and an opening
line until the line after it has told whether it opens a cell, a file or an edit.

Fences are CommonMark's (0.31, section 4.5), with these decisions where models differ:

- A fence ends where its own closing line stands, even if that is indented less than its list item.
- Content loses the opening line's indentation, unless its first line is indented less: then only
  as much as that line has, so a sloppily indented fence keeps the shape of its code.
- In a Markdown *file* (``markdown path=README.md``), a line such as ```` ```bash ```` opens an
  inner fence of the same length, and the next bare one closes the inner fence: models write that,
  and CommonMark would end the file there. In any other fence the first closing line closes.
- Lines end with LF or CRLF. A fence must start within the first 200 characters of its line.
- ``<think>`` or ``<thinking>`` at the beginning of a line opens reasoning; nothing in it is an
  action. Without a closing tag it lasts to the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from .action_events import (
    Action,
    ActionClosed,
    ActionDelta,
    ActionEvent,
    ActionOpened,
    Collector,
    TextDelta,
)
from .blocks import Block
from .prose import Opening, Prose, Reasoning

__all__ = [
    "Action",
    "ActionClosed",
    "ActionDelta",
    "ActionEvent",
    "ActionOpened",
    "ActionParser",
    "TextDelta",
    "parse_reply",
]


def parse_reply(text: str) -> list[Action]:
    """The actions of a whole reply, in order.

    Args:
        text: what the model wrote, and only that.
    """
    parser = ActionParser()
    events = parser.feed(text) + parser.close()
    return [event.action for event in events if isinstance(event, ActionClosed)]


class ActionParser:
    """Parses one reply as it streams. After ``close`` it is ready for another."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._events = Collector()
        self._prose = Prose()
        self._reasoning: Reasoning | None = None
        self._block: Block | None = None

    def feed(self, chunk: str) -> list[ActionEvent]:
        """Take the next piece of the reply, of any length, and return what it settled."""
        for piece in _pieces(chunk):
            self._take(piece, ended=piece.endswith("\n"))
        return self._events.take()

    def close(self) -> list[ActionEvent]:
        """Take the end of the reply, and return what was still held back."""
        self._take("", ended=True)
        if self._block:
            self._block.close("", self._events, complete=False)
        events = self._events.take()
        self._begin()
        return events

    def break_off(self) -> list[ActionEvent]:
        """Take that the reply ends here without being at its end: it was cut, or its stream failed.

        As ``close``, but a last line that has not ended closes no fence: it might have gone on.
        """
        if not self._block:
            return self.close()
        self._block.break_off(self._events)
        events = self._events.take()
        self._begin()
        return events

    @property
    def block(self) -> Block | None:
        """The fence that what was fed so far is inside of."""
        return self._block

    def _take(self, piece: str, *, ended: bool) -> None:
        while True:
            if self._reasoning:
                behind = self._reasoning.take(piece, self._events)
                if behind is None:
                    return
                self._reasoning = None
                self._prose.restart()
            elif self._block:
                if self._block.take(piece, self._events, ended=ended):
                    self._block = None
                    self._prose.restart()
                return
            else:
                found = self._prose.take(piece, self._events, ended=ended)
                if isinstance(found, Opening):
                    self._block = Block(found, self._events)
                    return
                if found is None:
                    return
                behind = found
                self._reasoning = Reasoning()
            if not behind:
                return
            piece = behind


def _pieces(chunk: str) -> Iterator[str]:
    """``chunk``, cut behind every line feed."""
    start = 0
    while start < len(chunk):
        end = chunk.find("\n", start) + 1 or len(chunk)
        yield chunk[start:end]
        start = end
