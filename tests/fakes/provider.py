"""A provider that speaks OpenAI's chat completions, on ``base_url``; ``script`` says how to
script it."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from .script import (
    CUT,
    EMPTY,
    FLOOD,
    HOLD,
    MALFORMED,
    Answer,
    Call,
    Failure,
    Part,
    Reasoning,
    Usage,
    event,
    huge,
)
from .server import FakeServer, Request, free_port

__all__ = [
    "CUT",
    "EMPTY",
    "FLOOD",
    "HOLD",
    "MALFORMED",
    "Call",
    "Failure",
    "FakeProvider",
    "Part",
    "Reasoning",
    "Request",
    "event",
    "free_port",
    "huge",
]


class FakeProvider(FakeServer):
    """A scriptable OpenAI-compatible server on loopback."""

    @property
    def base_url(self) -> str:
        """What a person would put into the base URL field."""
        return f"{self.origin}/v1"

    def asks_for_a_reply(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/chat/completions")

    def images(self, request: Request) -> list[bytes]:
        """The images that a request carried."""
        parts = [
            part
            for message in request.json["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
        ]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        return [b64decode(url.partition(",")[2]) for url in urls]

    def streamed(self, answer: Answer, request: Request) -> list[Part]:
        model = request.json.get("model", "")
        parts: list[Part] = [_chunk(model, {"role": "assistant", "content": ""})]
        calls = 0
        for part in answer.parts:
            if isinstance(part, str):
                parts.append(_chunk(model, {"content": part}))
            elif isinstance(part, Reasoning):
                parts.append(_chunk(model, {part.field: part.text}))
            elif isinstance(part, Call):
                parts += [_chunk(model, {"tool_calls": [piece]}) for piece in _pieces(part, calls)]
                calls += 1
            elif isinstance(part, Failure):
                error = {"message": part.message, "type": part.kind, "code": part.code or part.kind}
                parts.append(event({"error": error}))
            else:
                parts.append(part)
        if answer.finish is not None:
            finish = "tool_calls" if calls and answer.finish == "stop" else answer.finish
            parts.append(_chunk(model, {}, finish))
        if answer.usage is not None:
            parts.append(event({"choices": [], "usage": _usage(answer.usage)}))
        if answer.done:
            parts.append(b"data: [DONE]\n\n")
        return parts

    def whole(self, answer: Answer, request: Request) -> Any:
        if request.json.get("stream"):
            return None
        text = "".join(part for part in answer.parts if isinstance(part, str))
        message: dict[str, Any] = {"role": "assistant", "content": text}
        calls = [part for part in answer.parts if isinstance(part, Call)]
        if calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                }
                for call in calls
            ]
        return {
            "object": "chat.completion",
            "model": request.json.get("model", ""),
            "choices": [{"index": 0, "message": message, "finish_reason": answer.finish}],
            "usage": _usage(answer.usage or (0, 0)),
        }

    def listed(self) -> Any:
        entries = [model if isinstance(model, dict) else {"id": model} for model in self.models]
        return {"object": "list", "data": entries}

    def wrong_key(self, key: str | None) -> dict[str, Any]:
        message = f"Incorrect API key provided: {key}."
        return {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"object": "chat.completion.chunk", "model": model, "choices": [choice]})


def _pieces(call: Call, index: int) -> list[dict[str, Any]]:
    function = {"name": call.name, "arguments": ""}
    begin = {"index": index, "id": call.id, "type": "function", "function": function}
    rest = [{"index": index, "function": {"arguments": text}} for text in call.arguments]
    return [begin, *rest]


def _usage(usage: Usage) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompt_tokens": usage[0],
        "completion_tokens": usage[1],
        "total_tokens": usage[0] + usage[1],
    }
    if len(usage) > 2:
        counts["prompt_tokens_details"] = {"cached_tokens": usage[2]}
    if len(usage) > 3:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage[3]}
    return counts
