"""From our deltas and errors to the answers of OpenAI's Chat Completions API, in one place."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from ...errors import ChatIDEError, InvalidRequestError, NotFoundError
from ..errors import (
    AuthenticationError,
    BudgetError,
    ContentRefusedError,
    ContextTooLongError,
    GatewayError,
    KeyStoreError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    PolicyError,
    QuotaError,
    RateLimitError,
    RequestRefusedError,
)
from ..messages import (
    AnyDelta,
    FinishDelta,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from .tokens import EndpointOffError, TokenError

Json = dict[str, Any]

# Status, type and code by the nearest ancestor of an error. What a provider says of our key there
# (401) is not what we say of the client's token: that is the one 401.
_ERRORS: dict[type[ChatIDEError], tuple[int, str, str]] = {
    ChatIDEError: (500, "server_error", "server_error"),
    EndpointOffError: (403, "permission_error", "endpoint_off"),
    TokenError: (401, "authentication_error", "invalid_api_key"),
    InvalidRequestError: (400, "invalid_request_error", "invalid_value"),
    NotFoundError: (404, "invalid_request_error", "model_not_found"),
    GatewayError: (502, "server_error", "upstream_error"),
    AuthenticationError: (403, "permission_error", "provider_key"),
    PermissionDeniedError: (403, "permission_error", "provider_permission"),
    KeyStoreError: (500, "server_error", "key_store"),
    PolicyError: (403, "permission_error", "policy"),
    BudgetError: (429, "insufficient_quota", "insufficient_quota"),
    QuotaError: (429, "insufficient_quota", "insufficient_quota"),
    RateLimitError: (429, "rate_limit_error", "rate_limit_exceeded"),
    ContextTooLongError: (400, "invalid_request_error", "context_length_exceeded"),
    ModelNotFoundError: (404, "invalid_request_error", "model_not_found"),
    ContentRefusedError: (400, "invalid_request_error", "content_filter"),
    RequestRefusedError: (400, "invalid_request_error", "invalid_request"),
    OverloadedError: (503, "server_error", "overloaded"),
    ModelTimeoutError: (504, "server_error", "timeout"),
}
_FIELD = re.compile(r"([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*): ")
_FINISH: dict[FinishReason, str] = {"other": "stop"}


def status_of(error: ChatIDEError) -> int:
    """The HTTP status of an error."""
    return _kind(error)[0]


def error_body(error: ChatIDEError) -> Json:
    """An error as OpenAI's clients read it: our sentence and our hint, their type and code."""
    _, type_, code = _kind(error)
    message = f"{error.message.rstrip('.')}. {error.hint}".strip()
    param = _FIELD.match(error.message) if isinstance(error, InvalidRequestError) else None
    if isinstance(error, ModelNotFoundError | NotFoundError):
        return _error(message, type_, code, "model")
    return _error(message, type_, code, param[1] if param else None)


def plain_error(message: str, status: int, code: str) -> Json:
    """An error that is none of ours."""
    return _error(message, "invalid_request_error" if status < 500 else "server_error", code, None)


def worth_retrying(error: ChatIDEError) -> bool:
    """Whether a client should ask again by itself: the gateway has done so where it helps."""
    return isinstance(error, RateLimitError)


def retry_after(error: ChatIDEError) -> float | None:
    """Seconds to wait before asking again, where they are known."""
    return error.retry_after if isinstance(error, GatewayError) else None


class Reply:
    """One answer, as chunks or as a whole.

    Args:
        model: the ``provider/model`` that is asked; the one that answered takes its place.
        one_call: whether only the first tool call is passed on.
    """

    def __init__(self, model: str, *, one_call: bool = False) -> None:
        self._head: Json = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time())}
        self._model = model
        self._one_call = one_call
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, Json] = {}
        self._finish = "stop"
        self._usage: Json | None = None
        self._begun = False

    def feed(self, delta: AnyDelta) -> list[Json]:
        """Take the next delta; returns the chunks that tell of it, none for most kinds."""
        match delta:
            case TextDelta():
                self._text.append(delta.text)
                return self._chunk({"content": delta.text})
            case ReasoningDelta():
                self._reasoning.append(delta.text)
                return self._chunk({"reasoning_content": delta.text})
            case ToolCallDelta():
                return self._tool_call(delta)
            case UsageDelta():
                self._usage = _usage(delta)
            case FinishDelta():
                self._model = delta.model
                self._finish = _FINISH.get(delta.reason, delta.reason)
                return self._chunk({}, self._finish)
        return []

    def usage_chunk(self) -> Json:
        """The last chunk of a stream whose client asked for the tokens."""
        head = self._head | {"object": "chat.completion.chunk", "model": self._model}
        return head | {"choices": [], "usage": self._usage or _usage(UsageDelta(0, 0))}

    def whole(self) -> Json:
        """The answer in one piece."""
        message: Json = {"role": "assistant", "content": "".join(self._text), "refusal": None}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
            message["content"] = message["content"] or None
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        answer = self._head | {"object": "chat.completion", "model": self._model}
        answer["choices"] = [choice]
        if self._usage:
            answer["usage"] = self._usage
        return answer

    def _tool_call(self, delta: ToolCallDelta) -> list[Json]:
        if self._one_call and self._calls and delta.index not in self._calls:
            return []
        call = self._calls.setdefault(
            delta.index,
            {"id": "", "type": "function", "function": {"name": "", "arguments": ""}},
        )
        call["id"] = call["id"] or delta.id
        call["function"]["name"] = call["function"]["name"] or delta.name
        call["function"]["arguments"] += delta.arguments
        piece: Json = {"index": delta.index, "function": {"arguments": delta.arguments}}
        if delta.id or delta.name:
            piece |= {"id": delta.id, "type": "function"}
            piece["function"]["name"] = delta.name
        return self._chunk({"tool_calls": [piece]})

    def _chunk(self, delta: Json, finish: str | None = None) -> list[Json]:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant"} | delta
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        head = self._head | {"object": "chat.completion.chunk", "model": self._model}
        return [head | {"choices": [choice]}]


def model_entry(provider: str, model: str) -> Json:
    """A model in a list of models."""
    return {"id": f"{provider}/{model}", "object": "model", "created": 0, "owned_by": provider}


def _usage(delta: UsageDelta) -> Json:
    return {
        "prompt_tokens": delta.input_tokens,
        "completion_tokens": delta.output_tokens,
        "total_tokens": delta.input_tokens + delta.output_tokens,
        "prompt_tokens_details": {"cached_tokens": delta.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": delta.reasoning_tokens},
    }


def _kind(error: ChatIDEError) -> tuple[int, str, str]:
    return next(_ERRORS[kind] for kind in type(error).__mro__ if kind in _ERRORS)


def _error(message: str, type_: str, code: str, param: str | None) -> Json:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}
