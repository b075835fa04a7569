"""Stand-ins for what lies beyond the network's edge."""

from __future__ import annotations

from .anthropic import FakeAnthropic
from .gemini import FakeGemini
from .provider import FakeProvider
from .script import (
    CUT,
    EMPTY,
    FLOOD,
    HOLD,
    MALFORMED,
    Call,
    Failure,
    Reasoning,
    event,
    huge,
)
from .server import FakeServer, Request, free_port

__all__ = [
    "CUT",
    "EMPTY",
    "FLOOD",
    "HOLD",
    "MALFORMED",
    "Call",
    "Failure",
    "FakeAnthropic",
    "FakeGemini",
    "FakeProvider",
    "FakeServer",
    "Reasoning",
    "Request",
    "event",
    "free_port",
    "huge",
]
