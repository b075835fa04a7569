"""A chat's event log: JSON lines, appended to before anything is shown, read by cursors.

The first line is a header; each further line is one event. A reader holds nothing but the number
of the last event it saw, so a slow one costs no memory and one that comes back misses nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ChatIDEError, ConflictError
from .events import ActionDelta, AnyEvent, ReplyReasoning, ReplyText, RunOutput

VERSION = 1
HEADER_BYTES = 100_000
BATCH_BYTES = 1_000_000  # what one read of a log gives at most, a longer single event excepted


class LogError(ChatIDEError):
    """A chat's log cannot be read or written."""

    code = "log"


class LogHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a log. ``workspace`` names a folder outside the chat's own, if any."""

    chatide: int
    chat: str
    created: float
    workspace: str = ""


_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


class EventLog:
    """One chat's log, open for reading and appending by this process alone.

    Args:
        path: the log file; it must exist (see ``EventLog.create``).

    Raises:
        ConflictError: another process has this chat open.
        LogError: the file is not a chat's log, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False  # the last line was incomplete, and was dropped
        self.damaged = 0  # lines in the middle that could not be read, and are skipped
        self.header: LogHeader
        self._end = 0
        self._numbers = array("Q")
        self._offsets = array("Q")
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        try:
            _lock(self._fd)
            self._index()
        except BaseException:
            os.close(self._fd)
            raise

    @classmethod
    def create(cls, path: Path, chat: str, *, workspace: str = "") -> EventLog:
        """Start a new log, readable by this user only.

        Raises:
            FileExistsError: there is one already.
        """
        header = LogHeader(chatide=VERSION, chat=chat, created=time.time(), workspace=workspace)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(_encoder.encode(header) + b"\n")
        return cls(path)

    @property
    def last(self) -> int:
        """The number of the newest event, 0 for none."""
        return self._numbers[-1] if self._numbers else 0

    @property
    def closed(self) -> bool:
        return self._closed

    def append(self, event: AnyEvent) -> AnyEvent:
        """Number and time an event, write it, then wake the readers.

        Raises:
            LogError: it could not be written (a full disk); the log is as it was before.
        """
        if self._closed:
            raise _closed()
        event.n = self.last + 1
        event.t = round(time.time(), 3)
        try:
            line = _encoder.encode(event) + b"\n"
        except UnicodeEncodeError:
            event = _without_surrogates(event)
            line = _encoder.encode(event) + b"\n"
        try:
            _write_whole(self._fd, line)
        except OSError as error:
            os.ftruncate(self._fd, self._end)
            raise LogError(
                f"The chat could not be saved: {error.strerror}.",
                "Free some disk space, then try again.",
            ) from error
        self._numbers.append(event.n)
        self._offsets.append(self._end)
        self._end += len(line)
        self._wake()
        return event

    def read(self, after: int = 0) -> list[AnyEvent]:
        """The events after number ``after``, at most about ``BATCH_BYTES`` of them.

        Raises:
            LogError: the log is closed.
        """
        if self._closed:
            raise _closed()
        first = bisect_right(self._numbers, after)
        if first == len(self._numbers):
            return []
        start = self._offsets[first]
        stop = bisect_right(self._offsets, start + BATCH_BYTES)
        end = self._offsets[stop] if stop < len(self._offsets) else self._end
        return _decode(os.pread(self._fd, end - start, start), after)

    def read_all(self, after: int = 0) -> list[AnyEvent]:
        """All events after number ``after``."""
        events: list[AnyEvent] = []
        while batch := self.read(events[-1].n if events else after):
            events += batch
        return events

    async def follow(self, after: int = 0) -> AsyncIterator[list[AnyEvent]]:
        """The events after ``after`` in batches, then live until the log closes.

        Neighbouring deltas of one batch are merged into one that carries the last number.
        """
        while True:
            if self._closed:
                return
            if batch := self.read(after):
                after = batch[-1].n
                yield merge(batch)
                continue
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def close(self) -> None:
        """Close the file and end all followers. Safe to call twice."""
        if not self._closed:
            self._closed = True
            os.close(self._fd)
            self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def _index(self) -> None:
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    self.torn = True
                    break
                if offset == 0:
                    self.header = _header(line)
                else:
                    self._index_line(line, offset)
                offset += len(line)
        if offset == 0:
            raise LogError("This is not a chat's log.", "Remove the chat's folder.")
        self._end = offset
        if self.torn:
            os.ftruncate(self._fd, offset)

    def _index_line(self, line: bytes, offset: int) -> None:
        try:
            number = _decoder.decode(line).n
        except msgspec.MsgspecError:
            number = 0
        if number > self.last:
            self._numbers.append(number)
            self._offsets.append(offset)
        else:
            self.damaged += 1


def read_header(path: Path) -> LogHeader:
    """The first line of a log, without opening it.

    Raises:
        LogError: the file is not a chat's log, or was written by a newer version.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _header(file.readline(HEADER_BYTES))


def merge(events: list[AnyEvent]) -> list[AnyEvent]:
    """Join neighbouring deltas of the same reply, action or output stream."""
    merged: list[AnyEvent] = []
    for event in events:
        joined = join(merged[-1], event) if merged else None
        if joined is None:
            merged.append(event)
        else:
            merged[-1] = joined
    return merged


def join(one: AnyEvent, two: AnyEvent) -> AnyEvent | None:
    """One event that says what both say, where they are neighbouring deltas of one thing.

    Its time is that of the first: when a thing began is then the same however much was merged.
    """
    match one, two:
        case ReplyText(), ReplyText() if one.reply == two.reply:
            return ReplyText(n=two.n, t=one.t, reply=two.reply, text=one.text + two.text)
        case ReplyReasoning(), ReplyReasoning() if one.reply == two.reply:
            return ReplyReasoning(n=two.n, t=one.t, reply=two.reply, text=one.text + two.text)
        case ActionDelta(), ActionDelta() if one.action == two.action:
            raw = None
            if one.raw is not None or two.raw is not None:
                raw = (one.text if one.raw is None else one.raw) + (
                    two.text if two.raw is None else two.raw
                )
            return ActionDelta(
                n=two.n, t=one.t, action=two.action, text=one.text + two.text, raw=raw
            )
        case RunOutput(), RunOutput() if one.run == two.run:
            if (name := _stream_name(one)) and name == _stream_name(two):
                assert one.output is not None and two.output is not None
                output = {**one.output, "text": one.output["text"] + two.output["text"]}
                return RunOutput(n=two.n, t=one.t, run=two.run, op="append", output=output)
    return None


def _stream_name(event: RunOutput) -> Any:
    output = event.output
    if event.op == "append" and output and output.get("output_type") == "stream":
        return output.get("name")
    return None


def _without_surrogates(event: AnyEvent) -> AnyEvent:
    """The event with "?" for what is no character: models and kernels can send halves of them."""
    text = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
    return _decoder.decode(text.encode("utf-8", "replace"))


def _closed() -> LogError:
    return LogError("This chat is closed.", "Open it again.")


def _decode(lines: bytes, after: int) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    for line in lines.splitlines():
        try:
            event = _decoder.decode(line)
        except msgspec.MsgspecError:
            continue  # counted as damaged when the log was opened, as is a number out of order
        if event.n > after:
            after = event.n
            events.append(event)
    return events


def _header(line: bytes) -> LogHeader:
    try:
        header = msgspec.json.decode(line, type=LogHeader)
    except msgspec.MsgspecError as error:
        raise LogError("This is not a chat's log.", "Remove the chat's folder.") from error
    if header.chatide > VERSION:
        raise LogError(
            "This chat was written by a newer version of Jupyter ChatIDE.",
            "Update jupyter-chatide to open it.",
        )
    return header


def _write_whole(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _lock(fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: one server to a user is the rule there
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConflictError(
            "This chat is open in another process.",
            "Close it there (another server, a terminal), then try again.",
        ) from error
    except OSError:
        return  # the file system knows no locks (some of clusters do not)
