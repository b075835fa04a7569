"""Stand-ins for what lies beyond the network's edge."""

from __future__ import annotations

from .provider import CUT, HOLD, FakeProvider, Reasoning, Request, event, free_port

__all__ = ["CUT", "HOLD", "FakeProvider", "Reasoning", "Request", "event", "free_port"]
