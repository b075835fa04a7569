"""Chats: prompts in, turns carried out, everything in an event log. Knows no HTTP.

Importing this package is cheap; its parts load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .actions import (
        Action,
        ActionClosed,
        ActionDelta,
        ActionOpened,
        ActionParser,
        TextDelta,
        parse_reply,
    )
    from .chat import Chat, ChatInfo
    from .chats import Chats
    from .log import EventLog, LogError

_HOMES = {
    "Action": "actions",
    "ActionClosed": "actions",
    "ActionDelta": "actions",
    "ActionOpened": "actions",
    "ActionParser": "actions",
    "Chat": "chat",
    "ChatInfo": "chat",
    "Chats": "chats",
    "EventLog": "log",
    "LogError": "log",
    "TextDelta": "actions",
    "parse_reply": "actions",
}

__all__ = [
    "Action",
    "ActionClosed",
    "ActionDelta",
    "ActionOpened",
    "ActionParser",
    "Chat",
    "ChatInfo",
    "Chats",
    "EventLog",
    "LogError",
    "TextDelta",
    "parse_reply",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
