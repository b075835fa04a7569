"""A provider for benchmarks: streams tokens on time, to many clients, for little processor time.

Run as ``python -m benchmarks.gateway.upstream``; it prints its port and ends with its input. The
model's name says what it answers: ``bench-300-100`` is 300 tokens at 100 tokens/s, and a rate of 0
is all of them at once. It speaks OpenAI's format at ``/v1/chat/completions`` and Anthropic's at
``/v1/messages``. ``GET /left`` tells, by model, when clients left in mid-answer (in seconds of the
monotonic clock, which all processes share).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from collections.abc import Iterator

TICK = 0.002  # seconds between looks at who is due

LEFT: dict[str, float] = {}


class Stream:
    """One answer that goes out on time."""

    def __init__(self, transport: asyncio.Transport, model: str, wire: str) -> None:
        _, tokens, rate = model.rsplit("-", 2)
        self.model = model
        self.transport = transport
        self.left = int(tokens)
        self.step = 1 / int(rate) if int(rate) else 0.0
        self.due = time.monotonic()
        self.wire = wire

    def send_due(self, now: float) -> bool:
        """Send what is due, and say whether that was the last of it."""
        while self.left and self.due <= now:
            self.transport.write(TOKENS[self.wire][self.left % 2])
            self.left -= 1
            self.due += self.step
        if not self.left:
            self.transport.write(END[self.wire])
        return not self.left


class Connection(asyncio.Protocol):
    """One connection, which may carry one answer after another."""

    def __init__(self, streams: set[Stream]) -> None:
        self.streams = streams
        self.stream: Stream | None = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stream and self.stream.left:
            LEFT[self.stream.model] = time.monotonic()
            self.streams.discard(self.stream)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, split, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not split or (length and len(body) < int(length[1])):
            return
        self.received = b""
        if head.startswith(b"GET"):
            said = json.dumps(LEFT).encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said
            )
            return
        wire = "anthropic" if b"/messages" in head.split(b"\r\n")[0] else "openai"
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + START[wire]
        )
        self.stream = Stream(self.transport, json.loads(body)["model"], wire)
        if not self.stream.send_due(time.monotonic()):
            self.streams.add(self.stream)


def chunk(*events: dict[str, object] | str, named: bool = False) -> bytes:
    """Events as one chunk of a body."""

    def lines() -> Iterator[str]:
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            if named and not isinstance(event, str):
                yield f"event: {event['type']}\n"
            yield f"data: {data}\n\n"

    said = "".join(lines()).encode()
    return b"%x\r\n%s\r\n" % (len(said), said)


def openai(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    return frame | {"system_fingerprint": "fp", "choices": [choice]}


USAGE = {"input_tokens": 9, "output_tokens": 9}
START = {
    "openai": chunk(openai({"role": "assistant", "content": ""})),
    "anthropic": chunk(
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "bench",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": USAGE,
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        named=True,
    ),
}
TOKENS = {  # two in turn: litellm takes a repeated token for a model that has gone mad
    "openai": [chunk(openai({"content": word})) for word in (" token", " words")],
    "anthropic": [
        chunk(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word},
            },
            named=True,
        )
        for word in (" token", " words")
    ],
}
END = {
    "openai": chunk(openai({}, "stop"), "[DONE]") + b"0\r\n\r\n",
    "anthropic": chunk(
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
        named=True,
    )
    + b"0\r\n\r\n",
}


async def serve() -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True
    ).start()
    streams: set[Stream] = set()
    server = await loop.create_server(lambda: Connection(streams), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while not ended.is_set():
        now = time.monotonic()
        for stream in [stream for stream in streams if stream.due <= now]:
            if stream.send_due(now):
                streams.discard(stream)
        await asyncio.sleep(TICK)


if __name__ == "__main__":
    asyncio.run(serve())
