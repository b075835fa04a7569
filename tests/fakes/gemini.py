"""A provider that speaks Google's ``streamGenerateContent`` (from the Gemini API's reference);
``script`` says how to script it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from .script import Answer, Call, Failure, Part, Reasoning, event
from .server import FakeServer, Request

_FINISH_REASONS = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}

_STATUS = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


class FakeGemini(FakeServer):
    """A scriptable stand-in for Google's Gemini API; its base URL is ``origin``."""

    def asks_for_a_reply(self, request: Request) -> bool:
        return request.method == "POST" and request.path.lower().endswith("generatecontent")

    def images(self, request: Request) -> list[bytes]:
        """The images that a request carried."""
        parts = [part for content in request.json["contents"] for part in content["parts"]]
        found = [part.get("inline_data") or part.get("inlineData") for part in parts]
        return [b64decode(data["data"]) for data in found if data]

    def streamed(self, answer: Answer, request: Request) -> list[Part]:
        parts: list[Part] = []
        for part in answer.parts:
            if isinstance(part, str | Reasoning | Call):
                parts.append(event(_chunk(request, answer, [_part(part)])))
            elif isinstance(part, Failure):
                code = part.code or 503
                error = {"code": code, "message": part.message, "status": part.kind}
                parts.append(event({"error": error}))
            else:
                parts.append(part)
        if answer.finish is not None:
            parts.append(event(_chunk(request, answer, [], answer.finish)))
        return parts

    def whole(self, answer: Answer, request: Request) -> Any:
        if "stream" in request.path:
            return None
        said = [p for p in answer.parts if isinstance(p, str | Reasoning | Call)]
        return _chunk(request, answer, [_part(p) for p in said], answer.finish)

    def listed(self) -> Any:
        entries = [
            model if isinstance(model, dict) else {"name": f"models/{model}"}
            for model in self.models
        ]
        return {"models": entries}

    def refused(self, error: Mapping[str, Any]) -> Any:
        code = error.get("code", 500)
        return {"error": {"code": code, "status": _STATUS.get(code, "UNKNOWN"), **error}}

    def wrong_key(self, key: str | None) -> dict[str, Any]:
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        message = f"API key not valid: {key}"
        return {"code": 400, "status": "INVALID_ARGUMENT", "message": message, "details": [reason]}


def blocked(reason: str = "PROHIBITED_CONTENT") -> bytes:
    """The event with which a prompt is refused."""
    return event({"promptFeedback": {"blockReason": reason}, "modelVersion": "gemini-fake"})


def _part(part: str | Reasoning | Call) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, Reasoning):
        return {"text": part.text, "thought": True}
    return {
        "functionCall": {"name": part.name, "args": json.loads("".join(part.arguments) or "{}")}
    }


def _chunk(
    request: Request, answer: Answer, parts: list[dict[str, Any]], finish: str | None = None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = _FINISH_REASONS.get(finish, finish)
    chunk: dict[str, Any] = {"candidates": [candidate], "modelVersion": "gemini-fake"}
    if answer.usage is not None:
        given, made, cached, thought = (*answer.usage, 0, 0)[:4]
        chunk["usageMetadata"] = {
            "promptTokenCount": given,
            "candidatesTokenCount": made - thought,  # Google counts thoughts apart
            "totalTokenCount": given + made,
        }
        if cached:
            chunk["usageMetadata"]["cachedContentTokenCount"] = cached
        if thought:
            chunk["usageMetadata"]["thoughtsTokenCount"] = thought
    return chunk
