"""Server-sent events, read as they arrive (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterator


class EventTooLargeError(Exception):
    """One event grew past the limit."""


class EventReader:
    """Turns the packets of an event stream into the data of its events, whatever the split.

    Lines end in CR, LF or CRLF, and are decoded when whole, so that no character is ever cut.
    Time is linear in what is fed.

    Args:
        limit: bytes that one event may have.
    """

    def __init__(self, limit: int = 1_000_000) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # pieces of the line that is not whole yet
        self._line_size = 0
        self._data: list[str] = []  # of the event that is not whole yet
        self._data_size = 0
        self._after_cr = False
        self._first = True

    def feed(self, packet: bytes) -> Iterator[str]:
        """The data of the events that this packet completes; events without data are skipped.

        Raises:
            EventTooLargeError: an event is larger than the limit.
        """
        if (
            not (self._line_size or self._data or self._after_cr or self._first)
            and packet.startswith(b"data: ")
            and packet.endswith(b"\n\n")
            and packet.count(b"\n") == 2
            and b"\r" not in packet
            and len(packet) <= self._limit
        ):  # one event in one packet, as most come
            if len(packet) > 8:
                yield packet[6:-2].decode("utf-8", "replace")
            return
        if self._after_cr and packet:
            self._after_cr = False
            packet = packet.removeprefix(b"\n")
        for line in packet.splitlines(keepends=True):  # bytes split at CR, LF and CRLF only
            content = line.rstrip(b"\r\n")
            self._line.append(content)
            self._line_size += len(content)
            if self._line_size + self._data_size > self._limit:
                raise EventTooLargeError
            if len(content) == len(line):
                break  # the last one, and it goes on in the next packet
            yield from self._end_line()
        self._after_cr = self._after_cr or packet.endswith(b"\r")

    def close(self) -> Iterator[str]:
        """The data of a last event that the server did not end with an empty line."""
        yield from self._end_line()
        yield from self._dispatch()

    def _end_line(self) -> Iterator[str]:
        line = b"".join(self._line)
        self._line.clear()
        self._line_size = 0
        if not line:
            yield from self._dispatch()
            return
        text = line.decode("utf-8", "replace")
        if self._first:
            self._first = False
            text = text.removeprefix("\ufeff")
        name, _, value = text.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
            self._data_size += len(line)

    def _dispatch(self) -> Iterator[str]:
        data = "\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        if data:
            yield data
