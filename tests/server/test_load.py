"""The server goes on answering while turns stream: measured from outside its process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.fakes.provider import FakeProvider

from .process import TOKEN, JupyterProcess

WORDS = 3000
CHATS = 3


async def test_others_are_answered_while_turns_stream(
    tmp_path: Path, provider: FakeProvider
) -> None:
    server = JupyterProcess(tmp_path / "server")
    await asyncio.to_thread(server.start)
    try:
        server.api("PUT", "keys/openai-compatible", {"base_url": provider.base_url})
        answer = "".join(f"word {n} " for n in range(WORDS))
        for _ in range(CHATS):
            words = (f"word {n} " for n in range(WORDS))
            provider.reply(*(part for word in words for part in (word, 0.0005)))
        waits: list[float] = []
        watching = asyncio.create_task(watch(server, waits))
        replies = await asyncio.gather(*(turn(server) for _ in range(CHATS)))
        assert not watching.done(), "a request failed"
        watching.cancel()
        assert replies == [answer] * CHATS
        assert len(waits) > 10
        assert max(waits) < 2, f"an answer took {max(waits):.2f} s"
    finally:
        await asyncio.to_thread(server.stop)


async def watch(server: JupyterProcess, waits: list[float]) -> None:
    """Note in seconds how long the server takes over a small request."""
    while True:
        begun = time.monotonic()
        await asyncio.to_thread(server.fetch, "GET", "sandbox")
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(0.02)


async def turn(server: JupyterProcess) -> str:
    """Ask in a new chat, and follow the reply to its end."""
    chat = (await asyncio.to_thread(server.api, "POST", "chats"))["id"]
    prompt = {"prompt": "Count", "model": "openai-compatible/fake-model"}
    await asyncio.to_thread(server.api, "POST", f"chats/{chat}/turns", prompt)
    url = f"{server.url.replace('http', 'ws')}api/chatide/chats/{chat}/events?token={TOKEN}"
    socket = await websocket_connect(HTTPRequest(url))
    text = ""
    while message := await socket.read_message():
        for event in json.loads(message)["events"]:
            if event["type"] == "reply_text":
                text += event["text"]
            if event["type"] == "turn_finished":
                socket.close()
                return text
    raise AssertionError("the stream ended before the turn")
