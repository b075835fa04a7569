"""Ollama's own chat format: a request as its body, the lines of an answer as our deltas.

https://docs.ollama.com/api/chat
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ...errors import InvalidRequestError
from ..adapter import Target
from ..errors import MalformedReplyError, RequestRefusedError, UnreachableError
from ..messages import (
    AnyDelta,
    ChatMessage,
    FinishDelta,
    FinishReason,
    ImagePart,
    LLMRequest,
    ReasoningDelta,
    ResponseFormat,
    TextDelta,
    UsageDelta,
)
from ..validation import LONGEST_MODEL
from .openai_request import request_fields
from .refusals import refusal
from .tool_calls import ToolCallReader

_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}


def request_body(request: LLMRequest, context: int, abilities: frozenset[str]) -> bytes:
    """The JSON body that asks for a streamed answer.

    A conversation that is longer than the context is to be refused, not cut without a word; and
    an answer that fills it is to end, not to push the conversation out (versions before 0.12.6
    know neither).

    Args:
        request: what is asked.
        context: tokens that the model shall read at once.
        abilities: what the model can do; empty where that is not known.

    Raises:
        InvalidRequestError: a call of a tool has arguments that Ollama cannot be given.
        RequestRefusedError: it asks for what Ollama does not offer.
    """
    if request.tool_choice not in ("", "auto", "none"):
        raise RequestRefusedError(
            "tool_choice: Ollama cannot be told that a model must call a tool.",
            "Leave it unset, or ask another provider.",
        )
    options: dict[str, Any] = {"num_ctx": context}
    for ours, theirs in (
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("seed", "seed"),
        ("max_tokens", "num_predict"),
    ):
        if (value := getattr(request, ours)) is not None:
            options[theirs] = value
    if request.stop:
        options["stop"] = request.stop
    body: dict[str, Any] = {
        "model": request.model,
        "messages": _messages(request.messages),
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": options,
    }
    if request.tools and request.tool_choice != "none":
        body["tools"] = request_fields(request)["tools"]
    if request.response_format is not None:
        body |= _format(request.response_format)
    if (think := _think(request, abilities)) is not None:
        body["think"] = think
    return msgspec.json.encode(body)


def unwrapped(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a refusal says. Since 0.34, Ollama hands on the JSON of llama.cpp's server as a text."""
    error = answer.get("error")
    if isinstance(error, str) and error.startswith("{"):
        try:
            inner = msgspec.json.decode(error)
        except (msgspec.DecodeError, RecursionError):
            return answer
        if isinstance(inner, dict) and inner.get("error"):
            return inner
    return answer


class LineTooLongError(Exception):
    """A line is longer than any answer needs."""


class LineReader:
    """Cuts packets into lines.

    Args:
        limit: bytes that one line may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, packet: bytes) -> Iterator[bytes]:
        """The lines that a packet completes, without the empty ones.

        Raises:
            LineTooLongError: a line passes the limit.
        """
        *lines, rest = packet.split(b"\n")
        for line in lines:
            self._keep(line)
            if whole := self.close():
                yield whole
        self._keep(rest)

    def close(self) -> bytes:
        """What came after the last end of a line."""
        line = b"".join(self._pieces).strip()
        self._pieces.clear()
        self._size = 0
        return line

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise LineTooLongError
        self._pieces.append(piece)


class ReplyReader:
    """Reads the lines of one answer into deltas. ``done`` is true after the last one."""

    def __init__(self, target: Target, request: LLMRequest) -> None:
        self._target = target
        self._model = request.model
        self._answered_by = request.model
        self._reason: FinishReason = "other"
        self._calls = ToolCallReader()
        self._empty = True
        self.done = False

    def line(self, line: bytes) -> Iterator[AnyDelta]:
        """The deltas of one line.

        Raises:
            GatewayError: the line is an error, or not in the format.
        """
        chunk = self._decode(line)
        self._empty = False
        if chunk.get("error"):
            raise refusal(self._target, self._model, 200, unwrapped(chunk))
        model = chunk.get("model")
        if isinstance(model, str) and 0 < len(model) <= LONGEST_MODEL and model.isprintable():
            self._answered_by = model
        message = chunk.get("message")
        if isinstance(message, dict):
            if isinstance(text := message.get("thinking"), str) and text:
                yield ReasoningDelta(text)
            if isinstance(text := message.get("content"), str) and text:
                yield TextDelta(text)
            yield from self._tool_calls(message.get("tool_calls"))
        if chunk.get("done") is True:
            self.done = True
            said = chunk.get("done_reason", "stop")
            self._reason = _REASONS.get(said, "other") if isinstance(said, str) else "other"
            yield from _usage(chunk)

    def finish(self) -> FinishDelta:
        """The end of the answer.

        Raises:
            GatewayError: the answer is not complete.
        """
        if not self.done:
            if self._empty:
                raise self._malformed("answered with nothing")
            raise UnreachableError(
                f"{self._target.provider.label} ended the reply before it was complete.",
                "Try again.",
            )
        reason = self._reason
        if reason == "stop" and self._calls.any:
            reason = "tool_calls"
        return FinishDelta(reason, f"{self._target.provider.id}/{self._answered_by}")

    def _tool_calls(self, calls: object) -> Iterator[AnyDelta]:
        """Ollama's calls come whole, each in one line, with their arguments as an object."""
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            name, arguments, said = function.get("name"), function.get("arguments"), call.get("id")
            if isinstance(name, str) and name:
                text = msgspec.json.encode(arguments if isinstance(arguments, dict) else {})
                id = said if isinstance(said, str) else ""
                if delta := self._calls.piece(None, id, name, text.decode()):
                    yield delta

    def _decode(self, line: bytes) -> Mapping[str, Any]:
        try:
            chunk = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._malformed("sent a line that is not JSON") from None
        if not isinstance(chunk, dict):
            raise self._malformed("sent a line that is not an object")
        return chunk

    def _malformed(self, what: str) -> MalformedReplyError:
        return MalformedReplyError(
            f"{self._target.provider.label} {what}.", "Check that its base URL is that of Ollama."
        )


def _usage(chunk: Mapping[str, Any]) -> Iterator[UsageDelta]:
    given, made = chunk.get("prompt_eval_count"), chunk.get("eval_count")
    if isinstance(given, int) and isinstance(made, int) and min(given, made) >= 0:
        yield UsageDelta(given, made)


def _messages(messages: list[ChatMessage]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}  # of tools, by the ids of their calls
    told = []
    for number, message in enumerate(messages):
        fields: dict[str, Any] = {"role": message.role, "content": message.text}
        if not isinstance(message.content, str):
            images = [part.data for part in message.content if isinstance(part, ImagePart)]
            if images:
                fields["images"] = images
        if message.tool_calls:
            fields["tool_calls"] = []
            for call in message.tool_calls:
                names[call.id] = call.name
                arguments = _arguments(call.arguments, f"messages[{number}].tool_calls")
                fields["tool_calls"].append(
                    {"id": call.id, "function": {"name": call.name, "arguments": arguments}}
                )
        if message.tool_call_id:
            fields["tool_call_id"] = message.tool_call_id
            if message.tool_call_id in names:
                fields["tool_name"] = names[message.tool_call_id]
        told.append(fields)
    return told


def _arguments(text: str, field: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidRequestError(
            f"{field}: the arguments are no JSON object, which Ollama wants.",
            "Leave the call out, or ask another provider.",
        ) from None


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.type == "json_schema":
        return {"format": wanted.schema or {"type": "object"}}
    return {"format": "json"} if wanted.type == "json_object" else {}


def _think(request: LLMRequest, abilities: frozenset[str]) -> bool | str | None:
    """Whether and how long to think. Without being told, older versions put the thoughts into the
    reply; and a model that cannot think refuses to be told."""
    effort = request.reasoning_effort
    if (abilities and "thinking" not in abilities) or (not abilities and not effort):
        return None
    if effort == "none":
        return False
    if "gpt-oss" in request.model and effort:  # knows levels, and no other does
        return _LEVELS[effort]
    return True
