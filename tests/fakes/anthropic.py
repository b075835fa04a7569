"""A provider that speaks Anthropic's Messages format (from its API reference, streaming);
``script`` says how to script it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from .script import Answer, Call, Failure, Part, Reasoning, event
from .server import FakeServer, Request

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class FakeAnthropic(FakeServer):
    """A scriptable stand-in for Anthropic's API; its base URL is ``origin``."""

    def asks_for_a_reply(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/v1/messages")

    def images(self, request: Request) -> list[bytes]:
        """The images that a request carried."""
        blocks = [
            block
            for message in request.json["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        ]
        return [b64decode(b["source"]["data"]) for b in blocks if b["type"] == "image"]

    def streamed(self, answer: Answer, request: Request) -> list[Part]:
        parts: list[Part] = [_start(request, answer), _event("ping")]
        index = 0
        kind = ""  # of the block that is open
        called = False
        for part in answer.parts:
            if isinstance(part, str | Reasoning):
                text, wanted = (part, "text") if isinstance(part, str) else (part.text, "thinking")
                if kind != wanted:
                    if kind:
                        parts += _close(index, kind)
                        index += 1
                    kind = wanted
                    parts.append(_open(index, {"type": kind, kind: ""}))
                parts.append(_delta(index, {"type": f"{kind}_delta", kind: text}))
                continue
            if isinstance(part, Call):
                if kind:
                    parts += _close(index, kind)
                    index += 1
                kind, called = "", True
                parts += _call(index, part)
                index += 1
            elif isinstance(part, Failure):
                error = {"type": part.kind, "message": part.message}
                parts.append(_event("error", error=error))
            else:
                parts.append(part)
        if kind:
            parts += _close(index, kind)
        if answer.finish is not None:
            finish = "tool_calls" if called and answer.finish == "stop" else answer.finish
            delta = {"stop_reason": _STOP_REASONS.get(finish, finish), "stop_sequence": None}
            usage = {"output_tokens": (answer.usage or (0, 0))[1]}
            parts.append(_event("message_delta", delta=delta, usage=usage))
        if answer.done:
            parts.append(_event("message_stop"))
        return parts

    def whole(self, answer: Answer, request: Request) -> Any:
        if request.json.get("stream"):
            return None
        text = "".join(part for part in answer.parts if isinstance(part, str))
        return _message(request, answer) | {
            "content": [{"type": "text", "text": text}],
            "stop_reason": _STOP_REASONS.get(answer.finish or "stop"),
        }

    def listed(self) -> Any:
        entries = [
            model if isinstance(model, dict) else {"type": "model", "id": model}
            for model in self.models
        ]
        return {"data": entries, "has_more": False}

    def refused(self, error: Mapping[str, Any]) -> Any:
        return {"type": "error", "error": {"type": "api_error", **error}}

    def wrong_key(self, key: str | None) -> dict[str, Any]:
        return {"type": "authentication_error", "message": f"invalid x-api-key: {key}"}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + event({"type": kind, **fields})


def _message(request: Request, answer: Answer) -> dict[str, Any]:
    usage = answer.usage or (0, 0)
    counts = {"input_tokens": usage[0], "output_tokens": 1}
    if len(usage) > 2:  # Anthropic counts what came from the cache apart
        counts = {
            "input_tokens": usage[0] - usage[2],
            "cache_read_input_tokens": usage[2],
            "output_tokens": 1,
        }
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": request.json.get("model", ""),
        "stop_reason": None,
        "stop_sequence": None,
        "usage": counts,
    }


def _start(request: Request, answer: Answer) -> bytes:
    return _event("message_start", message=_message(request, answer))


def _open(index: int, block: dict[str, Any]) -> bytes:
    return _event("content_block_start", index=index, content_block=block)


def _delta(index: int, delta: dict[str, Any]) -> bytes:
    return _event("content_block_delta", index=index, delta=delta)


def _close(index: int, kind: str) -> Iterator[bytes]:
    if kind == "thinking":
        yield _delta(index, {"type": "signature_delta", "signature": "c2lnbmVk"})
    yield _event("content_block_stop", index=index)


def _call(index: int, call: Call) -> Iterator[bytes]:
    yield _open(index, {"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
    for piece in call.arguments:
        yield _delta(index, {"type": "input_json_delta", "partial_json": piece})
    yield _event("content_block_stop", index=index)
