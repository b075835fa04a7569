"""A provider for tests: a real HTTP server on loopback that says and does what a test wants.

It speaks OpenAI's format on ``base_url`` and runs in a thread of its own, so that it serves
blocking and asynchronous tests, other processes and browsers alike::

    with FakeProvider() as provider:
        provider.reply("Hello, ", "world")              # two deltas, then finish, usage, [DONE]
        provider.reply("Half an ans", CUT)              # the connection drops in mid-reply
        provider.reply("First", HOLD, "second")         # waits for provider.release()
        provider.reply("slow", 0.5, "ly")               # a number is a pause in seconds
        provider.reply(Reasoning("hm"), "42")           # reasoning apart from the reply
        provider.reply("Grüße", packet=1)               # the body in packets of one byte
        provider.reply(b"data: {oops\n\n", done=False)  # bytes go out as they are
        provider.refuse(429, {"message": "later"}, retry_after=2)
        provider.respond(200, "<html>", content_type="text/html")
        ...  # point a gateway at provider.base_url
        assert provider.requests[0].json["model"] == "any"

Each of these scripts the answer to one ``POST …/chat/completions``, in the order given.
``otherwise(text)`` answers all that come after them; without it they get a 500 that says so.
Other routes are set by ``route``; ``GET …/models`` lists ``models``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final


class _Signal:
    """A part of a reply that is not text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


CUT: Final = _Signal("CUT")
"""Drop the connection here."""

HOLD: Final = _Signal("HOLD")
"""Wait here until ``FakeProvider.release()``, or until the client leaves."""


@dataclass(frozen=True)
class Reasoning:
    """A piece of reasoning; ``field`` is where the provider puts it."""

    text: str
    field: str = "reasoning_content"


Part = str | bytes | int | float | Reasoning | _Signal


@dataclass
class Request:
    """A request as it arrived.

    ``left`` is set when the client closed the connection before the answer was complete, and
    ``left_at`` is then the ``time.monotonic()`` of it; ``answered`` when the whole answer is out.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    left: threading.Event = field(default_factory=threading.Event)
    left_at: float | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str | None:
        """The key it carried, however providers want it."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        named = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key")
        return bearer or named or None

    def wait_left(self, timeout: float = 5.0) -> bool:
        """Block until the client closed the connection in mid-answer (in async: to_thread)."""
        return self.left.wait(timeout)


@dataclass(frozen=True)
class _Answer:
    """One scripted answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    packet: int = 0  # bytes of a packet; 0: as the parts fall
    finish: str | None = "stop"
    usage: tuple[int, int] | None = (7, 11)
    done: bool = True
    raw: bool = False  # the parts are the body itself, not deltas


class FakeProvider:
    """A scriptable OpenAI-compatible server on loopback.

    Args:
        key: requests must carry this key, or get a 401; ``None`` lets everyone in.
        models: what ``GET …/models`` lists: names, or whole entries.
    """

    def __init__(self, *, key: str | None = None, models: list[Any] | None = None) -> None:
        self.key = key
        self.models: list[Any] = ["fake-model"] if models is None else models
        self.requests: list[Request] = []
        self._script: deque[_Answer] = deque()
        self._otherwise: _Answer | None = None
        self._routes: dict[tuple[str, str], _Answer] = {}
        self._arrived = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    # What a test says.

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a person would put into the base URL field."""
        return f"{self.origin}/v1"

    @property
    def chats(self) -> list[Request]:
        """The requests for a reply, without those for model lists and the like."""
        return [r for r in self.requests if r.path.endswith("/chat/completions")]

    def reply(
        self,
        *parts: Part,
        packet: int = 0,
        finish: str | None = "stop",
        usage: tuple[int, int] | None = (7, 11),
        done: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Script a streamed reply.

        Args:
            parts: strings become deltas; bytes go out as they are; numbers are pauses in
                seconds; ``Reasoning``, ``HOLD`` and ``CUT`` are what they say.
            packet: cut the body into packets of so many bytes; 0 leaves it as the parts fall.
            finish: the finish reason; ``None`` sends none.
            usage: input and output tokens; ``None`` sends none.
            done: whether ``[DONE]`` ends it.
            headers: further response headers.
        """
        self._script.append(
            _Answer(200, headers or {}, parts, packet=packet, finish=finish, usage=usage, done=done)
        )

    def otherwise(self, *parts: Part) -> None:
        """Script the streamed reply to every request that comes after the script's end."""
        self._otherwise = _Answer(parts=parts)

    def refuse(
        self,
        status: int,
        error: Mapping[str, Any] | None = None,
        *,
        retry_after: str | int | None = None,
    ) -> None:
        """Script a refusal with ``{"error": error}`` as its body."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = json.dumps({"error": dict(error or {"message": f"status {status}"})})
        self.respond(status, body, headers=headers)

    def respond(
        self,
        status: int,
        *body: Part,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Script an answer whose body is ``body``, sent as it is (strings as UTF-8)."""
        self._script.append(self._plain(status, body, content_type, headers))

    def route(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Set the answer of a route, e.g. ``("GET", "/api/tags", {"models": []})``.

        ``body`` is JSON, or a tuple of parts as in ``respond``.
        """
        parts = body if isinstance(body, tuple) else (json.dumps(body),)
        self._routes[method, path] = self._plain(status, parts, content_type, headers)

    def release(self) -> None:
        """Let one ``HOLD`` pass: the one waiting, or else the next."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._holds.release)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Block until ``count`` requests for a reply have arrived (in async: to_thread)."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.chats) >= count, timeout)
        assert arrived, f"{len(self.chats)} of {count} requests arrived within {timeout} s"
        return self.chats

    def __enter__(self) -> FakeProvider:
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started.set)), name="fake-provider", daemon=True
        )
        self._thread.start()
        assert started.wait(10), "the fake provider did not start"
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    # What the server does.

    @staticmethod
    def _plain(
        status: int, body: tuple[Part, ...], content_type: str, headers: Mapping[str, str] | None
    ) -> _Answer:
        return _Answer(status, {"Content-Type": content_type, **(headers or {})}, body, raw=True)

    async def _serve(self, started: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._holds = asyncio.Semaphore(0)
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request, watching whether the client leaves before the answer is complete."""
        try:
            request = await self._read(reader)
            if request is None:
                return
            answering = asyncio.ensure_future(self._answer(request, writer))
            leaving = asyncio.ensure_future(_left(reader))
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    request.left_at = time.monotonic()
                    request.left.set()
            finally:
                answering.cancel()
                leaving.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)
            if answering.done() and not answering.cancelled():
                error = answering.exception()
                if isinstance(error, ConnectionError):
                    request.left_at = request.left_at or time.monotonic()
                    request.left.set()
        finally:
            with suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ", 2)
            headers = {}
            for line in head[1:]:
                name, _, value = line.partition(":")
                if name:
                    headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path, _, query = target.partition("?")
            request = Request(method, path, query, headers, body)
            with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            return request
        return None

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = self._choose(request)
        model = "" if answer.raw else request.json.get("model", "")
        if not answer.raw and not request.json.get("stream"):
            answer = _whole(answer, model)
        content_type = {} if answer.raw else {"Content-Type": "text/event-stream"}
        headers = {
            **content_type,
            **answer.headers,
            "Transfer-Encoding": "chunked",
            "Connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{lines}\r\n".encode("latin-1"))
        await writer.drain()
        parts = answer.parts if answer.raw else _events(answer, model)
        waiting = b""
        for part in parts:
            if isinstance(part, str | bytes):
                data = part.encode() if isinstance(part, str) else part
                if not answer.packet:
                    await _packet(writer, data)
                    continue
                waiting += data
                while len(waiting) >= answer.packet:
                    await _packet(writer, waiting[: answer.packet])
                    waiting = waiting[answer.packet :]
                continue
            await _packet(writer, waiting)
            waiting = b""
            if part is CUT:
                writer.transport.abort()
                return
            if part is HOLD:
                await self._holds.acquire()
            elif isinstance(part, int | float):
                await asyncio.sleep(part)
        await _packet(writer, waiting)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        request.answered.set()

    def _choose(self, request: Request) -> _Answer:
        if self.key is not None and request.key != self.key:
            echo = f"Incorrect API key provided: {request.key}."
            error = {"message": echo, "type": "invalid_request_error", "code": "invalid_api_key"}
            return self._plain(401, (json.dumps({"error": error}),), "application/json", None)
        if (request.method, request.path) in self._routes:
            return self._routes[request.method, request.path]
        if request.method == "GET" and request.path.endswith("/models"):
            entries = [m if isinstance(m, dict) else {"id": m} for m in self.models]
            listed = json.dumps({"object": "list", "data": entries})
            return self._plain(200, (listed,), "application/json", None)
        if request.method == "POST" and request.path.endswith("/chat/completions"):
            if self._script:
                return self._script.popleft()
            if self._otherwise is not None:
                return self._otherwise
            body = '{"error": {"message": "the test scripted no further reply"}}'
            return self._plain(500, (body,), "application/json", None)
        return self._plain(404, ('{"error": {"message": "no route"}}',), "application/json", None)


def free_port() -> int:
    """A loopback port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def event(data: Any) -> bytes:
    """One server-sent event with JSON data, for scripts that send bytes."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"object": "chat.completion.chunk", "model": model, "choices": [choice]})


def _events(answer: _Answer, model: str) -> list[Part]:
    """The parts of a streamed reply, as they go over the wire."""
    parts: list[Part] = [_chunk(model, {"role": "assistant", "content": ""})]
    for part in answer.parts:
        if isinstance(part, str):
            parts.append(_chunk(model, {"content": part}))
        elif isinstance(part, Reasoning):
            parts.append(_chunk(model, {part.field: part.text}))
        else:
            parts.append(part)
    if answer.finish is not None:
        parts.append(_chunk(model, {}, answer.finish))
    if answer.usage is not None:
        parts.append(event({"choices": [], "usage": _usage(answer.usage)}))
    if answer.done:
        parts.append(b"data: [DONE]\n\n")
    return parts


def _whole(answer: _Answer, model: str) -> _Answer:
    """The reply to a client that did not ask for a stream."""
    text = "".join(part for part in answer.parts if isinstance(part, str))
    message = {"role": "assistant", "content": text}
    body = {
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish}],
        "usage": _usage(answer.usage or (0, 0)),
    }
    headers = {"Content-Type": "application/json"}
    return _Answer(200, headers, (json.dumps(body),), raw=True)


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {
        "prompt_tokens": usage[0],
        "completion_tokens": usage[1],
        "total_tokens": sum(usage),
    }


async def _packet(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()


async def _left(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(4096):
            pass
