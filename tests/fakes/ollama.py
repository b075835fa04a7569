"""An Ollama for tests: its native routes on a real HTTP server on loopback::

    with FakeOllama() as ollama:
        ollama.shows["qwen3:8b"] = shown(context=40960, abilities=("completion", "tools"))
        ollama.reply(Reasoning("hm"), "Hello, ", "world")  # lines of JSON, then the last one
        ollama.reply("Half an ans", CUT)                   # and all else that FakeProvider can
        ollama.reply(Call("sum", {"a": 1}))                # a call of a tool
        ollama.refuse(404, "model 'x' not found")
        ...  # point a gateway at ollama.origin

Each scripts the answer to one ``POST /api/chat``. ``GET /api/tags`` lists ``shows``, and
``POST /api/show`` says of each what the dictionary holds.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .provider import FakeProvider, Part, Reasoning, Request
from .script import Answer


@dataclass(frozen=True)
class Call:
    """A call of a tool, whole, as Ollama sends it."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Reply:
    parts: tuple[Part | Call, ...]
    packet: int
    reason: str | None
    usage: tuple[int, int] | None


def shown(
    context: int | None = None, abilities: tuple[str, ...] = ("completion",), kind: str = "qwen3"
) -> dict[str, Any]:
    """What ``POST /api/show`` says of a model."""
    facts: dict[str, Any] = {"general.architecture": kind}
    if context is not None:
        facts[f"{kind}.context_length"] = context
    return {"capabilities": list(abilities), "model_info": facts}


class FakeOllama(FakeProvider):
    """A scriptable Ollama on loopback.

    Args:
        key: requests must carry this key, or get a 401; ``None`` lets everyone in.
    """

    def __init__(self, *, key: str | None = None) -> None:
        super().__init__(key=key)
        self.shows: dict[str, dict[str, Any]] = {"tiny": shown(context=32768)}
        self._replies: deque[_Reply | Answer] = deque()

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path == "/api/chat"]

    def reply(  # type: ignore[override]
        self,
        *parts: Part | Call,
        packet: int = 0,
        reason: str | None = "stop",
        usage: tuple[int, int] | None = (7, 11),
    ) -> None:
        """Script a streamed reply.

        Args:
            parts: as ``FakeProvider.reply`` has them, and calls of tools.
            packet: cut the body into packets of so many bytes; 0 leaves it as the parts fall.
            reason: why it ends; ``None`` sends no last line.
            usage: input and output tokens; ``None`` sends none.
        """
        self._replies.append(_Reply(parts, packet, reason, usage))

    def refuse(  # type: ignore[override]
        self, status: int, error: str, *, retry_after: str | int | None = None
    ) -> None:
        """Script a refusal with ``{"error": error}`` as its body."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.respond(status, json.dumps({"error": error}), headers=headers)

    def respond(
        self,
        status: int,
        *body: Part,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Script an answer whose body is ``body``, sent as it is (strings as UTF-8)."""
        self._replies.append(self._plain(status, body, content_type, headers))

    def _choose(self, request: Request) -> Answer:
        route = (request.method, request.path)
        if route in self._routes or (self.key is not None and request.key != self.key):
            return super()._choose(request)
        if route == ("GET", "/api/tags"):
            models = [{"name": name, "model": name, "details": {}} for name in self.shows]
            return self._json({"models": models})
        if route == ("POST", "/api/show"):
            name = request.json.get("model")
            if name in self.shows:
                return self._json(self.shows[name])
            return self._json({"error": f"model '{name}' not found"}, 404)
        if route == ("POST", "/api/chat") and self._replies:
            answer = self._replies.popleft()
            return answer if isinstance(answer, Answer) else _lines(answer, request.json["model"])
        return self._json({"error": "the test scripted no further reply"}, 500)

    def _json(self, body: Any, status: int = 200) -> Answer:
        return self._plain(status, (json.dumps(body),), "application/json", None)


def _lines(reply: _Reply, model: str) -> Answer:
    """The lines of a streamed reply, as they go over the wire."""

    def line(message: dict[str, Any], **fields: Any) -> bytes:
        said = {"model": model, "message": {"role": "assistant", "content": "", **message}}
        body = {**said, "done": False, **fields}
        return json.dumps(body, ensure_ascii=False).encode() + b"\n"

    parts: list[Part] = []
    for part in reply.parts:
        if isinstance(part, str):
            parts.append(line({"content": part}))
        elif isinstance(part, Reasoning):
            parts.append(line({"thinking": part.text}))
        elif isinstance(part, Call):
            function = {"name": part.name, "arguments": part.arguments}
            parts.append(line({"tool_calls": [{"function": function}]}))
        else:
            parts.append(part)
    if reply.reason is not None:
        counts: dict[str, Any] = {}
        if reply.usage is not None:
            counts = {"prompt_eval_count": reply.usage[0], "eval_count": reply.usage[1]}
        parts.append(line({}, done=True, done_reason=reply.reason, **counts))
    headers = {"Content-Type": "application/x-ndjson"}
    return Answer(200, headers, tuple(parts), packet=reply.packet, raw=True)
