"""OpenAI's chat completions format: a request as its body, an answer as our deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .adapter import Target
from .errors import MalformedReplyError, UnreachableError
from .messages import (
    AnyDelta,
    FinishDelta,
    FinishReason,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from .refusals import refusal
from .validation import LONGEST_MODEL

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
}


def request_body(request: LLMRequest, *, usage: bool) -> bytes:
    """The JSON body that asks for a streamed answer.

    Args:
        request: what is asked.
        usage: whether to ask for the count of tokens, which a few servers refuse.
    """
    body: dict[str, Any] = {"model": request.model, "messages": request.messages, "stream": True}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if usage:
        body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


class ReplyReader:
    """Reads one answer, from events or from a whole body, into deltas.

    ``finished`` is true once the provider said why the answer ends, ``done`` once nothing more
    can follow.
    """

    def __init__(self, target: Target, request: LLMRequest) -> None:
        self._target = target
        self._model = request.model
        self._answered_by = request.model
        self._reason: FinishReason | None = None
        self._usage: UsageDelta | None = None
        self._empty = True
        self.done = False

    @property
    def finished(self) -> bool:
        return self.done or self._reason is not None

    def event(self, data: str) -> Iterator[AnyDelta]:
        """The deltas of one event.

        Raises:
            GatewayError: the event is an error, or not in the format.
        """
        if data == "[DONE]":
            self.done = True
            return
        yield from self._chunk(self._decode(data))

    def whole(self, body: bytes) -> Iterator[AnyDelta]:
        """The deltas of an answer that came in one piece, from a server that does not stream.

        Raises:
            GatewayError: the body is an error, or not in the format.
        """
        chunk = self._decode(body)
        if "error" not in chunk and not chunk.get("choices"):
            raise self._malformed("answered with JSON that holds no reply")
        yield from self._chunk(chunk)
        self.done = True

    def finish(self) -> FinishDelta:
        """The end of the answer.

        Raises:
            GatewayError: the answer is not complete.
        """
        if not self.finished:
            if self._empty:
                raise self._malformed("answered with nothing")
            raise UnreachableError(
                f"{self._target.provider.label} ended the reply before it was complete.",
                "Try again.",
            )
        return FinishDelta(
            reason=self._reason or "other", model=f"{self._target.provider.id}/{self._answered_by}"
        )

    def _decode(self, data: str | bytes) -> Mapping[str, Any]:
        try:
            chunk = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._malformed("sent an event that is not JSON") from None
        if not isinstance(chunk, dict):
            raise self._malformed("sent an event that is not an object")
        return chunk

    def _malformed(self, what: str) -> MalformedReplyError:
        return MalformedReplyError(
            f"{self._target.provider.label} {what}.",
            "Check that its base URL is that of an OpenAI-compatible server.",
        )

    def _chunk(self, chunk: Mapping[str, Any]) -> Iterator[AnyDelta]:
        self._empty = False
        if chunk.get("error") or chunk.get("object") == "error":
            raise refusal(self._target, self._model, 200, chunk)
        model = chunk.get("model")
        if isinstance(model, str) and 0 < len(model) <= LONGEST_MODEL and model.isprintable():
            self._answered_by = model
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            yield from self._choice(choices[0])
        usage = _usage(chunk.get("usage"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            yield usage

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[AnyDelta]:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            for field in ("reasoning_content", "reasoning"):
                if isinstance(text := delta.get(field), str) and text:
                    yield ReasoningDelta(text)
                    break
            yield from _content(delta.get("content"))
            yield from _content(delta.get("refusal"))  # in a model's own words
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self._reason = _REASONS.get(reason, "other")


def _content(content: object) -> Iterator[TextDelta | ReasoningDelta]:
    """A string, or the list of typed parts that Mistral's reasoning models send."""
    if isinstance(content, str):
        if content:
            yield TextDelta(content)
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and part.get("type") == "thinking":
                thought = part.get("thinking")
                for piece in _content(thought):
                    yield ReasoningDelta(piece.text)
            elif isinstance(part, dict) and isinstance(text := part.get("text"), str) and text:
                yield TextDelta(text)


def _usage(usage: object) -> UsageDelta | None:
    if not isinstance(usage, dict):
        return None
    given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(given, int) or not isinstance(made, int) or min(given, made) < 0:
        return None
    return UsageDelta(given, made)
