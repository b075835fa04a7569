"""An event stream means the same, however its packets fall."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.gateway.wire.sse import EventReader, EventTooLargeError

LINES = st.sampled_from(
    ["data: a", "data:b", "data: ü🎉", "data", "data:", ": c", "event: x", "id: 1", "", "", "odd"]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def read(packets: list[bytes]) -> list[str]:
    reader = EventReader()
    events = [event for packet in packets for event in reader.feed(packet)]
    return events + list(reader.close())


@given(
    lines=st.lists(st.tuples(LINES, ENDS), max_size=20),
    cuts=st.lists(st.integers(0, 200), max_size=10),
)
def test_any_split_gives_the_same_events(lines: list[tuple[str, str]], cuts: list[int]) -> None:
    body = "".join(line + end for line, end in lines).encode()
    places = sorted({cut for cut in cuts if cut < len(body)} | {0, len(body)})
    packets = [body[a:b] for a, b in pairwise(places)]
    assert read(packets) == read([body]) == read([bytes([byte]) for byte in body])


@given(st.lists(st.tuples(LINES, st.sampled_from(["\n\n", "\n", "\r\n\r\n"])), max_size=20))
def test_an_event_in_a_packet_of_its_own_is_the_same(lines: list[tuple[str, str]]) -> None:
    packets = [(line + end).encode() for line, end in lines]
    assert read(packets) == read([b"".join(packets)])


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_bytes_raise(packets: list[bytes]) -> None:
    read(packets)


def test_the_data_of_an_event_is_its_lines() -> None:
    assert read([b"data: one\ndata:  two\n\n", b": no\n\ndata: three"]) == ["one\n two", "three"]


def test_a_large_event_is_refused_but_not_many_small_ones_or_comments() -> None:
    reader = EventReader(limit=1000)
    for _ in range(100):
        assert list(reader.feed(b"data: " + b"x" * 500 + b"\n\n")) == ["x" * 500]
        assert list(reader.feed(b": " + b"x" * 500 + b"\n")) == []
    with pytest.raises(EventTooLargeError):
        for _ in range(3):
            list(reader.feed(b"data: " + b"x" * 500 + b"\n"))
    with pytest.raises(EventTooLargeError):
        list(EventReader(limit=1000).feed(b"x" * 1001))


def test_the_time_grows_with_the_size_only() -> None:
    def seconds(size: int) -> float:
        reader, began = EventReader(limit=10**9), time.perf_counter()
        for _ in range(size):
            list(reader.feed(b"data: xxxxxxxxxx"))  # one line that never ends
        return time.perf_counter() - began

    seconds(1000)
    few, many = (min(seconds(n) for _ in range(3)) for n in (4_000, 40_000))
    assert many < few * 40  # ten times the work; quadratic would be a hundred
