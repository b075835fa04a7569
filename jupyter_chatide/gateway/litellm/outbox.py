"""What the litellm worker sends of one answer: in frames, and never far ahead of the reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..messages import ReasoningDelta, TextDelta, ToolCallDelta
from .protocol import FRAME_TEXT, WINDOW, FromWorker, Said

FRAME_SECONDS = 0.02
"""An answer's text is sent at most this often: about a frame of the screen."""

_TURN = 16  # chunks after which other answers have a turn

Kind = type[TextDelta | ReasoningDelta]


class Outbox:
    """What goes to the reader of one answer.

    Frames of all answers leave at the same moments, a frame's time apart, so that many answers
    cost few writes and few reads.

    Args:
        stream: the answer's number.
        send: writes a frame and returns its size in bytes.
    """

    def __init__(self, stream: int, send: Callable[[FromWorker], int]) -> None:
        self._stream = stream
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._kind: Kind | int = TextDelta  # of what waits: a kind of text, or a call's number
        self._call: ToolCallDelta | None = None  # the beginning of the call that waits
        self._pieces: list[str] = []
        self._waiting = 0  # characters in them
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = -FRAME_SECONDS
        self._unread = 0
        self._turn = 0
        self._room = asyncio.Event()
        self._room.set()

    def add(self, kind: Kind, text: str) -> None:
        """Send a piece of text with the next frame, at once if none went out lately."""
        if text:
            self._change(kind)
            self._append(text)

    def add_call(self, piece: ToolCallDelta) -> None:
        """Send a piece of a tool call like a piece of text."""
        self._change(piece.index)
        if piece.id or piece.name:
            self.flush()
            self._call = piece
        self._append(piece.arguments)

    def flush(self) -> None:
        """Send what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._call is not None or text:
            for start in range(0, len(text) or 1, FRAME_TEXT):
                self._unread += self._send(Said(self._stream, self._delta(text, start)))
            self._sent_at = self._loop.time()
        if self._unread >= WINDOW:
            self._room.clear()

    def taken(self, size: int) -> None:
        """The reader took so many bytes."""
        self._unread -= size
        if self._unread < WINDOW:
            self._room.set()

    async def wait_for_room(self) -> None:
        """Wait until the reader has not too much before it, and let other answers have a turn."""
        self._turn += 1
        if self._turn % _TURN == 0:
            await asyncio.sleep(0)
        if not self._room.is_set():
            await self._room.wait()

    def _change(self, kind: Kind | int) -> None:
        if kind != self._kind:
            self.flush()
            self._kind = kind

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._waiting += len(text)
        if self._waiting >= FRAME_TEXT:
            self.flush()
        elif self._timer is None:
            now = self._loop.time()
            if now - self._sent_at >= FRAME_SECONDS:
                when = now
            else:
                when = (now // FRAME_SECONDS + 1) * FRAME_SECONDS
            self._timer = self._loop.call_at(when, self.flush)

    def _delta(self, text: str, start: int) -> TextDelta | ReasoningDelta | ToolCallDelta:
        piece = text[start : start + FRAME_TEXT]
        if not isinstance(self._kind, int):
            return self._kind(piece)
        begun, self._call = self._call, None
        if begun is None:
            return ToolCallDelta(self._kind, arguments=piece)
        return ToolCallDelta(begun.index, begun.id, begun.name, piece)
