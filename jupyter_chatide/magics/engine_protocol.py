"""What a notebook's kernel and its engine say to each other: one JSON document a line."""

from __future__ import annotations

from typing import Any

import msgspec

from ..chat.events import ErrorInfo


class Request(msgspec.Struct, frozen=True):
    """A call of one of ``Engine``'s methods."""

    id: int
    method: str
    arguments: list[Any] = []


class Reply(msgspec.Struct, frozen=True):
    """What the request of that id gave: a result, or an error."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorInfo | None = None
