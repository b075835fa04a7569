"""What the action parser gives: actions, and the events of a reply as it streams."""

from __future__ import annotations

import msgspec

from .events import ActionKind


class Action(msgspec.Struct, frozen=True):
    """What a fence in a reply asks to be done.

    Args:
        kind: what it is; ``example`` is text to read.
        language: lower case; every name of Python is ``python``; ``""`` where none is given.
        path: as the model wrote it, valid or not; ``""`` where there is none.
        content: what stands between the fences, to the byte; in an indented fence without the
            indentation.
        complete: whether the fence was closed. An incomplete action is never applied.
        port: of ``serve port=8501``.
    """

    kind: ActionKind
    language: str
    path: str
    content: str
    complete: bool
    port: int | None = None


class TextDelta(msgspec.Struct, frozen=True, tag="text"):
    """Text of the reply outside any fence."""

    text: str

    @property
    def raw(self) -> str:
        return self.text


class ActionOpened(msgspec.Struct, frozen=True, tag="opened"):
    """A fence opened; ``raw`` is its opening line. ``file`` may still become ``edit``."""

    kind: ActionKind
    language: str
    path: str
    raw: str


class ActionDelta(msgspec.Struct, frozen=True, tag="delta"):
    """Content of the open action; ``raw`` is the same as written, indentation included."""

    text: str
    raw: str


class ActionClosed(msgspec.Struct, frozen=True, tag="closed"):
    """The fence closed, or the reply ended; ``raw`` is the closing line, or ``""``."""

    action: Action
    raw: str


ActionEvent = TextDelta | ActionOpened | ActionDelta | ActionClosed


class Collector:
    """Collects events, joining adjacent deltas."""

    def __init__(self) -> None:
        self._list: list[ActionEvent] = []
        self._text: list[str] = []
        self._raw: list[str] | None = None  # None while the parts are text outside a fence

    def text(self, text: str) -> None:
        if self._raw is not None:
            self._flush()
        if text:
            self._text.append(text)

    def content(self, text: str, raw: str) -> None:
        if self._raw is None:
            self._flush()
            self._raw = []
        if raw:
            self._text.append(text)
            self._raw.append(raw)

    def put(self, event: ActionOpened | ActionClosed) -> None:
        self._flush()
        self._list.append(event)

    def take(self) -> list[ActionEvent]:
        self._flush()
        events, self._list = self._list, []
        return events

    def _flush(self) -> None:
        if self._text:
            text = "".join(self._text)
            delta = TextDelta(text) if self._raw is None else ActionDelta(text, "".join(self._raw))
            self._list.append(delta)
        self._text, self._raw = [], None
