"""Every error's HTTP status, and what a client hears of it. The one place where both are decided.

A client hears a sentence and one thing to do: never a traceback, nor the text of an exception that
was not written for people.
"""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus

from tornado import web

from ..chat.events import ErrorInfo
from ..errors import (
    ChatIDEError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TooBusyError,
)
from ..gateway.endpoint.tokens import EndpointOffError
from ..gateway.errors import (
    BudgetError,
    GatewayError,
    KeyStoreError,
    ModelTimeoutError,
    PolicyError,
)
from ..runtime.errors import WorkspaceClosedError, WorkspacePathError


class BodyTooLargeError(ChatIDEError):
    """The body of a request is larger than its route takes."""

    code = "too_large"


# The status of an error is that of its nearest ancestor here. What a provider answered is not
# what this server answers: a wrong key there is a bad gateway here, not a wrong login.
STATUS: dict[type[ChatIDEError], int] = {
    ChatIDEError: 500,
    InvalidRequestError: 400,
    NotFoundError: 404,
    ConflictError: 409,
    BodyTooLargeError: 413,
    GatewayError: 502,
    ModelTimeoutError: 504,
    KeyStoreError: 400,
    PolicyError: 403,
    BudgetError: 429,
    TooBusyError: 429,
    EndpointOffError: 403,
    WorkspacePathError: 404,
    WorkspaceClosedError: 409,
}

_HTTP: dict[int, ErrorInfo] = {
    400: ErrorInfo("The request is not valid.", "invalid_request", "Reload the page, try again."),
    403: ErrorInfo(
        "You are not signed in to this Jupyter server, or may not do this.",
        "forbidden",
        "Reload the page, and sign in if you are asked to.",
    ),
    404: ErrorInfo("There is nothing at this address.", "not_found", "Check the address."),
    405: ErrorInfo("This cannot be done here.", "method_not_allowed", "Check the HTTP method."),
}


def status_of(error: ChatIDEError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def explain(error: BaseException, log: logging.Logger, doing: str) -> tuple[int, ErrorInfo]:
    """What to answer when ``error`` ends a request.

    Args:
        error: whatever was raised.
        log: where an error that nobody foresaw is told, with its traceback.
        doing: the request's method and path, for the log; no query, which may hold a token.

    Returns:
        The HTTP status and the answer's body.
    """
    if isinstance(error, ChatIDEError):
        return status_of(error), ErrorInfo(error.message, error.code, error.hint)
    if isinstance(error, web.HTTPError):
        return error.status_code, explain_status(error.status_code)
    number = secrets.token_hex(4)
    log.error("Error %s in %s", number, doing, exc_info=error)
    return 500, ErrorInfo(
        "Something went wrong inside Jupyter ChatIDE.",
        "internal",
        f"Try again; if it happens again, report it with the number {number}.",
    )


def explain_status(status: int) -> ErrorInfo:
    """What to say of a status that tornado or Jupyter Server decided on."""
    if status == 401:
        status = 403
    if known := _HTTP.get(status):
        return known
    return ErrorInfo(f"{HTTPStatus(status).phrase}.", f"http_{status}")
