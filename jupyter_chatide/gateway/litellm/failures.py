"""What an exception out of litellm means. Part of the worker: it imports litellm.

litellm sorts failures partly by the words of the message: a 500 that mentions a rate limit
arrives as ``RateLimitError``, some 401 as ``BadRequestError``, a refused connection as
``InternalServerError``. So what it was made from is looked for down the chain of causes, and
litellm's own type is asked only where the provider says no more than "bad request".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import litellm
import msgspec
import openai
import pydantic

from ..adapter import Target
from ..errors import GatewayError, MalformedReplyError
from ..key_text import quoted
from ..wire.connections import connection_failure
from ..wire.refusals import refusal
from .credentials import credentials_failure

_MALFORMED = (
    *(json.JSONDecodeError, UnicodeError, RecursionError),
    *(pydantic.ValidationError, httpx.DecodingError),
)


class _Answer(msgspec.Struct):
    """A provider's refusal, as most of them put it."""

    error: dict[str, Any]


def gateway_error(
    target: Target, model: str, error: BaseException, *, connect: float
) -> GatewayError:
    """Say what an exception means.

    Args:
        target: who was asked; its key is kept out of the message.
        model: the model asked for.
        error: what litellm raised.
        connect: seconds that connecting was allowed to take.
    """
    label = target.provider.label
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, GatewayError):
            return cause
        if isinstance(cause, httpx.HTTPStatusError):
            return _refusal(target, model, cause.response, chain)
    for cause in chain:
        if failure := credentials_failure(target, cause):
            return failure
    for cause in chain:
        if isinstance(cause, openai.APIError) and isinstance(cause.body, dict):
            return refusal(target, model, 200, {"error": cause.body})  # in mid-stream
        if isinstance(cause, _MALFORMED):
            return MalformedReplyError(
                f"{label} sent something that is no reply.", "Check its base URL, or try again."
            )
    for cause in chain:
        if isinstance(cause, httpx.TransportError):
            late = any(isinstance(e, TimeoutError) for e in chain)
            return connection_failure(target, httpx.ConnectTimeout("") if late else cause, connect)
    origin = chain[-1]
    status = getattr(origin, "status_code", None)
    if isinstance(status, int):  # from a library that does not use httpx
        return refusal(target, model, status, {"error": {"message": _said(target, origin)}})
    return GatewayError(
        f"{label} could not be asked: {_said(target, origin)}",
        "Try another model; if none works, report it with this message.",
    )


def _said(target: Target, error: BaseException) -> str:
    """What an exception says, in one line, without a secret of the target's."""
    secrets = (target.options.get(name) for name, _ in target.provider.ambient)
    return quoted(str(error), target.key, *secrets)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it, outermost first."""
    waiting, seen = [error], set[int]()
    while waiting:
        error = waiting.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        original = getattr(error, "original_exception", None)
        causes = (original, error.__cause__, error.__context__)
        waiting += [cause for cause in causes if isinstance(cause, BaseException)]


def _refusal(
    target: Target, model: str, response: httpx.Response, chain: list[BaseException]
) -> GatewayError:
    try:
        body = response.content
    except httpx.StreamError:  # nobody read it
        body = b""
    headers = dict(response.headers)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return refusal(target, model, response.status_code, body, headers)
    error = answer.error
    # Where providers give no code, litellm knows how they word these two.
    if 400 <= response.status_code < 500 and not isinstance(error.get("code"), str):
        if any(isinstance(e, litellm.ContextWindowExceededError) for e in chain):
            error["code"] = "context_length_exceeded"
        elif any(isinstance(e, litellm.ContentPolicyViolationError) for e in chain):
            error["code"] = "content_filter"
    # Google says how long to wait in the body: google.rpc.RetryInfo, "17s".
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(delay := detail.get("retryDelay"), str):
            headers.setdefault("retry-after", delay.removesuffix("s"))
    return refusal(target, model, response.status_code, {"error": error}, headers)
