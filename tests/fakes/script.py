r"""What a test can script a provider to do, whatever its format::

    with FakeProvider() as provider:
        provider.reply("Hello, ", "world")              # two deltas, then finish and usage
        provider.reply("Half an ans", CUT)              # the connection drops in mid-reply
        provider.reply("First", HOLD, "second")         # waits for provider.release()
        provider.reply("slow", 0.5, "ly")               # a number is a pause in seconds
        provider.reply("word ", FLOOD)                  # the part before, again and again
        provider.reply(Reasoning("hm"), "42")           # reasoning apart from the reply
        provider.reply(Call("plot", '{"x":', "1}"))     # a tool call, its arguments in pieces
        provider.reply("so far", Failure("overloaded_error"))   # an error in mid-reply
        provider.reply("Grüße", packet=1)               # the body in packets of one byte
        provider.reply("a", EMPTY, MALFORMED, huge(10)) # events that are none
        provider.reply(b"data: {oops\n\n", done=False)  # bytes go out as they are
        provider.refuse(429, {"message": "later"}, retry_after=2)
        provider.respond(200, "<html>", content_type="text/html")
        ...  # point a gateway at provider.base_url
        assert provider.requests[0].json["model"] == "any"

Each of these scripts the answer to one request for a reply, in the order given.
``otherwise(text)`` answers all that come after them; without it they get a 500 that says so.
Other routes are set by ``route``; a ``GET …/models`` lists ``models``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


class Signal:
    """A part of a reply that is not text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


CUT: Final = Signal("CUT")
"""Drop the connection here."""

HOLD: Final = Signal("HOLD")
"""Wait here until ``release()``, or until the client leaves."""

FLOOD: Final = Signal("FLOOD")
"""Send the part before again and again, as fast as it goes, until the client leaves."""

EMPTY: Final = b"data:\n\n\n\nevent: nothing\n\n: comment\n\n"
"""Events that say nothing."""

MALFORMED: Final = b"data: {oops\n\n"
"""An event that is not JSON."""


def huge(size: int) -> bytes:
    """The beginning of an event that is larger than ``size`` bytes."""
    return b"data: " + b"x" * size


@dataclass(frozen=True)
class Reasoning:
    """A piece of reasoning; ``field`` is where an OpenAI-compatible provider puts it."""

    text: str
    field: str = "reasoning_content"


class Call:
    """A tool call; its arguments come in these pieces."""

    def __init__(self, name: str, *arguments: str, id: str = "") -> None:
        self.name = name
        self.arguments = arguments
        self.id = id or f"call_{name}"


@dataclass(frozen=True)
class Failure:
    """An error in mid-reply: its ``type`` or ``status``, in the format's own shape."""

    kind: str
    message: str = "something broke"
    code: int | str | None = None


Part = str | bytes | int | float | Reasoning | Call | Failure | Signal
Usage = tuple[int, ...]
"""Input and output tokens; then of them, cached and reasoning tokens."""


@dataclass(frozen=True)
class Answer:
    """One scripted answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    packet: int = 0  # bytes of a packet; 0: as the parts fall
    finish: str | None = "stop"
    usage: Usage | None = (7, 11)
    done: bool = True
    raw: bool = False  # the parts are the body itself, not deltas


def event(data: Any) -> bytes:
    """One server-sent event with JSON data, for scripts that send bytes."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
