"""A provider's server for tests: real HTTP on loopback, in a thread of its own, so that it serves
blocking and asynchronous tests, other processes and browsers alike.

What it says and does is scripted in the words of ``script``; the formats are in modules of their
own: ``provider`` (OpenAI's), ``anthropic``, ``gemini`` and ``ollama``.
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
from typing import Any, Self

from .script import CUT, FLOOD, HOLD, Answer, Part, Usage


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


class FakeServer:
    """A scriptable server on loopback; a format says how it words its answers.

    Args:
        key: requests must carry this key, or get a 401; ``None`` lets everyone in.
        models: what the list of models holds: names, or whole entries.
    """

    def __init__(self, *, key: str | None = None, models: list[Any] | None = None) -> None:
        self.key = key
        self.models: list[Any] = ["fake-model"] if models is None else models
        self.requests: list[Request] = []
        self._script: deque[Answer] = deque()
        self._otherwise: Answer | None = None
        self._routes: dict[tuple[str, str], Answer] = {}
        self._arrived = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    # What a format says.

    def asks_for_a_reply(self, request: Request) -> bool:
        raise NotImplementedError

    def streamed(self, answer: Answer, request: Request) -> list[Part]:
        """The parts of a reply as they go over the wire: bytes, pauses and signals."""
        raise NotImplementedError

    def whole(self, answer: Answer, request: Request) -> Any:
        """The JSON of a reply to a request that asks for no stream; ``None`` streams all the
        same."""
        raise NotImplementedError

    def listed(self) -> Any:
        """The JSON of the list of models."""
        raise NotImplementedError

    def refused(self, error: Mapping[str, Any]) -> Any:
        """The JSON of a refusal."""
        return {"error": dict(error)}

    def wrong_key(self, key: str | None) -> dict[str, Any]:
        """What is said of a wrong key: providers quote it."""
        raise NotImplementedError

    # What a test says.

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chats(self) -> list[Request]:
        """The requests for a reply, without those for model lists and the like."""
        return [request for request in self.requests if self.asks_for_a_reply(request)]

    def reply(
        self,
        *parts: Part,
        packet: int = 0,
        finish: str | None = "stop",
        usage: Usage | None = (7, 11),
        done: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Script a streamed reply.

        Args:
            parts: strings become deltas; bytes go out as they are; numbers are pauses in
                seconds; ``Reasoning``, ``Call``, ``Failure``, ``HOLD``, ``FLOOD`` and ``CUT``
                are what they say.
            packet: cut the body into packets of so many bytes; 0 leaves it as the parts fall.
            finish: the finish reason, in OpenAI's words or the format's; ``None`` sends none.
            usage: input and output tokens; ``None`` sends none.
            done: whether the format's last event ends it.
            headers: further response headers.
        """
        self._script.append(
            Answer(200, headers or {}, parts, packet=packet, finish=finish, usage=usage, done=done)
        )

    def otherwise(self, *parts: Part) -> None:
        """Script the streamed reply to every request that comes after the script's end."""
        self._otherwise = Answer(parts=parts)

    def refuse(
        self,
        status: int,
        error: Mapping[str, Any] | None = None,
        *,
        retry_after: str | int | None = None,
    ) -> None:
        """Script a refusal with ``{"error": error}``, or what the format makes of it, as body."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = json.dumps(self.refused(error or {"message": f"status {status}"}))
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

    def unscript(self) -> None:
        """Forget the answers that nobody asked for yet."""
        self._script.clear()

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

    def __enter__(self) -> Self:
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
    ) -> Answer:
        return Answer(status, {"Content-Type": content_type, **(headers or {})}, body, raw=True)

    def _answer_json(self, status: int, body: Any) -> Answer:
        return self._plain(status, (json.dumps(body),), "application/json", None)

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
        content_type, parts = {}, list(answer.parts)
        if not answer.raw:
            whole = self.whole(answer, request)
            content_type = {"Content-Type": "text/event-stream"}
            if whole is None:
                parts = self.streamed(answer, request)
            else:
                content_type, parts = {"Content-Type": "application/json"}, [json.dumps(whole)]
        headers = {
            **content_type,
            **answer.headers,
            "Transfer-Encoding": "chunked",
            "Connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{lines}\r\n".encode("latin-1"))
        await writer.drain()
        waiting = last = b""
        for part in parts:
            if isinstance(part, str | bytes):
                last = part.encode() if isinstance(part, str) else part
                if not answer.packet:
                    await _packet(writer, last)
                    continue
                waiting += last
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
            while part is FLOOD:
                await _packet(writer, last)
                await asyncio.sleep(0)
            if isinstance(part, int | float):
                await asyncio.sleep(part)
        await _packet(writer, waiting)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        request.answered.set()

    def _choose(self, request: Request) -> Answer:
        if self.key is not None and request.key != self.key:
            return self._answer_json(401, self.refused(self.wrong_key(request.key)))
        if (request.method, request.path) in self._routes:
            return self._routes[request.method, request.path]
        if request.method == "GET" and request.path.endswith("/models"):
            return self._answer_json(200, self.listed())
        if self.asks_for_a_reply(request):
            if self._script:
                return self._script.popleft()
            if self._otherwise is not None:
                return self._otherwise
            return self._answer_json(
                500, self.refused({"message": "the test scripted no further reply"})
            )
        return self._answer_json(404, self.refused({"message": "no route"}))


def free_port() -> int:
    """A loopback port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _packet(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()


async def _left(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(4096):
            pass
