"""OpenAI's chat completions format: an answer, streamed or whole, as our deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..adapter import Target
from ..errors import MalformedReplyError, OverloadedError, UnreachableError
from ..messages import (
    AnyDelta,
    FinishDelta,
    FinishReason,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from ..validation import LONGEST_MODEL
from .refusals import filtered, refusal
from .tool_calls import ToolCallReader

FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


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
        self._calls = ToolCallReader()
        self._empty = True  # no event came
        self._silent = True  # nothing was said
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
        reason = self._reason or "other"
        if reason == "content_filter" and self._silent:
            raise filtered(self._target, self._model)
        if reason == "stop" and self._calls.any:
            reason = "tool_calls"  # some servers know no other reason than "stop"
        return FinishDelta(reason, f"{self._target.provider.id}/{self._answered_by}")

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
            for delta in self._choice(choices[0]):
                self._silent = False
                yield delta
        if counts := chunk.get("usage"):
            usage = read_usage(counts)
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
            if content := delta.get("content"):
                yield from _content(content)
            if words := delta.get("refusal"):  # in a model's own words
                yield from _content(words)
            if calls := delta.get("tool_calls"):
                yield from self._tool_calls(calls)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason == "error":  # OpenRouter's word for a provider that broke off
                raise OverloadedError(
                    f"{self._target.provider.label} broke the reply off with an error.",
                    "Try again in a moment, or choose another model.",
                )
            self._reason = FINISH_REASONS.get(reason, "other")

    def _tool_calls(self, calls: object) -> Iterator[ToolCallDelta]:
        for call in calls if isinstance(calls, list) else ():
            if not isinstance(call, dict):
                continue
            function = call.get("function")
            function = function if isinstance(function, dict) else {}
            index, arguments = call.get("index"), function.get("arguments")
            if isinstance(arguments, dict):  # some send the arguments themselves, not their JSON
                arguments = msgspec.json.encode(arguments).decode()
            piece = self._calls.piece(
                index if isinstance(index, int) else None,
                _text(call.get("id")),
                _text(function.get("name")),
                _text(arguments),
            )
            if piece is not None:
                yield piece


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


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


def read_usage(usage: object) -> UsageDelta | None:
    """The count of tokens, with what providers add to OpenAI's: ``None`` where there is none.

    DeepSeek and Moonshot say in fields of their own what came from a cache; xAI counts reasoning
    beside the output, which its total shows.
    """
    if not isinstance(usage, dict):
        return None
    given, made = _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens")
    if given is None or made is None:
        return None
    cached = _tokens(usage.get("prompt_tokens_details"), "cached_tokens")
    if cached is None:
        cached = _tokens(usage, "prompt_cache_hit_tokens")
    if cached is None:
        cached = _tokens(usage, "cached_tokens")
    thought = _tokens(usage.get("completion_tokens_details"), "reasoning_tokens") or 0
    if thought and _tokens(usage, "total_tokens") == given + made + thought:
        made += thought
    return UsageDelta(given, made, min(cached or 0, given), min(thought, made))


def _tokens(counts: object, field: str) -> int | None:
    value = counts.get(field) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and value >= 0 else None
