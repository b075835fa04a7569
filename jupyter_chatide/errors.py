"""The root of the project's exceptions: each says what happened and one thing to do."""

from __future__ import annotations


class ChatIDEError(Exception):
    """Something a person should hear about.

    Args:
        message: one sentence that says what happened.
        hint: one thing to do about it; may be empty.

    ``code`` is a stable, machine-readable name of the kind of error.
    """

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidRequestError(ChatIDEError):
    """The request itself is wrong; the message names the field."""

    code = "invalid_request"


class NotFoundError(ChatIDEError):
    """What was asked for does not exist."""

    code = "not_found"


class ConflictError(ChatIDEError):
    """It cannot be done now, because of something else that is going on."""

    code = "conflict"


class TooBusyError(ChatIDEError):
    """Too much is going on already; later it can be done."""

    code = "too_busy"
