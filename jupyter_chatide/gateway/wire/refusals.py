"""From a provider's refusal to our errors: by status, type and code, never by its words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from ..adapter import Target
from ..errors import (
    AuthenticationError,
    ContentRefusedError,
    ContextTooLongError,
    GatewayError,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RequestRefusedError,
)
from ..key_text import scrub

# Names that providers put into `code`, `type`, `status` or `reason`: they say more than the HTTP
# status does. From the API references of OpenAI, Anthropic, Google, Groq and Mistral and from
# llama.cpp's server; compared in lower case.
_BY_NAME: dict[type[GatewayError], frozenset[str]] = {
    ContextTooLongError: frozenset({"context_length_exceeded", "exceed_context_size_error"}),
    ContentRefusedError: frozenset(
        {
            "content_filter",
            "content_policy_violation",
            "invalid_prompt",
            "moderation_blocked",
            "responsibleaipolicyviolation",
        }
    ),
    QuotaError: frozenset(
        {
            "billing_error",
            "billing_hard_limit_reached",
            "billing_not_active",
            "budget_exceeded",
            "insufficient_quota",
        }
    ),
    AuthenticationError: frozenset(
        {"api_key_invalid", "authentication_error", "invalid_api_key", "unauthenticated"}
    ),
    ModelNotFoundError: frozenset(
        {"invalid_model", "model_decommissioned", "model_not_found", "not_found_error"}
    ),
    PermissionDeniedError: frozenset({"permission_denied", "permission_error"}),
    RateLimitError: frozenset({"rate_limit_error", "rate_limit_exceeded", "resource_exhausted"}),
    ModelTimeoutError: frozenset({"deadline_exceeded", "timeout_error"}),
}

_BY_STATUS: dict[int, type[GatewayError]] = {
    401: AuthenticationError,
    402: QuotaError,
    403: PermissionDeniedError,
    404: ModelNotFoundError,
    408: ModelTimeoutError,
    429: RateLimitError,
    498: OverloadedError,  # Groq: no capacity in the flex tier
}

# What is said of each: {0} is the provider, {1} the model.
_SAYINGS: dict[type[GatewayError], tuple[str, str]] = {
    AuthenticationError: ("{0} does not accept the key", "Set another key for {0}."),
    PermissionDeniedError: (
        "{0} does not allow this with your key",
        "Use a key or a model that is allowed to.",
    ),
    QuotaError: ("Your account at {0} has no credit left", "Add credit, or choose another model."),
    RateLimitError: (
        "{0} takes no more requests for now",
        "Wait a little and try again, or choose another model.",
    ),
    ContextTooLongError: (
        "The conversation is longer than {1} can read",
        "Start a new chat, or choose a model with a larger context window.",
    ),
    ModelNotFoundError: ("{0} has no model named {1}", "Choose another model from its list."),
    ContentRefusedError: (
        "The content filter of {0} refused the request",
        "Put it in other words, or choose another model.",
    ),
    RequestRefusedError: (
        "{0} refuses the request",
        "Try another model; if none works, report it with this message.",
    ),
    OverloadedError: (
        "{0} is failing or overloaded",
        "Try again in a moment, or choose another model.",
    ),
    ModelTimeoutError: (
        "{0} took too long to answer",
        "Try again, or choose another model.",
    ),
}

# Fields that a request can do without.
_PARAMETERS = frozenset(
    {"max_tokens", "reasoning_effort", "response_format", "seed", "stop", "tool_choice", "top_p"}
)

_LONGEST_QUOTE = 300  # characters
_ENDS = (".", "!", "?", "…")
_LONGEST_WAIT = 86_400.0  # seconds


def refusal(
    target: Target,
    model: str,
    status: int,
    body: bytes | Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> GatewayError:
    """The error that a provider's refusal means.

    Args:
        target: who refused; its key is kept out of the message.
        model: the model asked for; ``""`` where none was.
        status: the HTTP status, or 200 for an error in mid-stream.
        body: the answer's body, or its JSON where that is known already.
        headers: the answer's headers, for ``Retry-After``.
    """
    label = target.provider.label
    answer = _as_object(body)
    if 300 <= status < 400:
        return MalformedReplyError(
            f"{label} sends requests on to another address, which we do not follow.",
            "Set the base URL to where it answers itself.",
            status=status,
        )
    if answer is None or not ({"error", "type", "code"} & answer.keys()):
        if status in (404, 405):
            return MalformedReplyError(
                f"Nothing at {target.base_url} answers as {label} should ({status}).",
                "Check the base URL; most end in /v1.",
                status=status,
            )
        answer = answer or {}
    error = answer.get("error")
    said = error if isinstance(error, dict) else answer
    status = _own_status(status, said)
    kind = _kind(status, said, answer)
    message, hint = (text.format(label, model or "that") for text in _SAYINGS[kind])
    if kind is AuthenticationError:  # providers quote keys here, so nothing is quoted
        if target.key is None:
            message = f"{label} needs a key"
        if target.provider.key_url:
            hint = f"Set a key for {label}; get one at {target.provider.key_url}"
        message += "."
    else:
        quote = _quote(said, answer, target.key)
        message += f": {quote}" if quote else f" (status {status})" if status != 200 else ""
        if not message.endswith(_ENDS):
            message += "."  # a hint follows
    if (parameter := said.get("param")) == "temperature":
        hint = "Leave the temperature unset: this model fixes its own."
    elif isinstance(parameter, str) and parameter in _PARAMETERS:
        hint = f"Leave {parameter} unset for this model, or choose another one."
    return kind(
        message,
        hint,
        status=status if status != 200 else None,
        retry_after=_retry_after(headers or {}),
    )


def filtered(target: Target, model: str) -> GatewayError:
    """The error of an answer that a content filter ended before its first word."""
    return refusal(target, model, 200, {"error": {"code": "content_filter"}})


def _kind(status: int, said: Mapping[str, Any], answer: Mapping[str, Any]) -> type[GatewayError]:
    names = {name.lower() for name in _names(said, answer)}
    for kind, known in _BY_NAME.items():
        if names & known:
            return kind
    metadata = said.get("metadata")
    if status == 403 and isinstance(metadata, dict) and "reasons" in metadata:
        return ContentRefusedError  # OpenRouter's moderation
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return RequestRefusedError
    return OverloadedError  # 5xx, or an error in mid-stream without a name we know


def _names(said: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    places = [said, answer]
    inner = said.get("innererror")
    if isinstance(inner, dict):
        places.append(inner)
    details = said.get("details")
    if isinstance(details, list):
        places += [detail for detail in details if isinstance(detail, dict)]
    for place in places:
        for field in ("code", "type", "status", "reason", "error_type"):
            if isinstance(value := place.get(field), str):
                yield value


def _own_status(status: int, said: Mapping[str, Any]) -> int:
    """The status that an error in mid-stream names itself, where HTTP said 200."""
    code = said.get("code")
    if status == 200 and isinstance(code, int) and 400 <= code <= 599:
        return code
    return status


def _as_object(body: bytes | Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not isinstance(body, bytes):
        return body
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(answer, list) and answer:  # Google wraps an error in a list, at times
        answer = answer[0]
    return answer if isinstance(answer, dict) else None


def _quote(said: Mapping[str, Any], answer: Mapping[str, Any], key: str | None) -> str:
    """What the provider says, in one line, without the key."""
    for text in (said.get("message"), answer.get("error"), answer.get("detail")):
        if text and not isinstance(text, str):
            text = msgspec.json.encode(text).decode() if text is not said else ""
        if text:
            printable = "".join(c if c.isprintable() else " " for c in text)
            line = " ".join(scrub(printable, key).split())
            return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"
    return ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``Retry-After`` (RFC 9110, 10.2.3: seconds or a date)."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None
