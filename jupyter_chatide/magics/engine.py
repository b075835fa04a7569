"""The engine of a notebook without a Jupyter server: gateway, runtime and chats in one process.

A process of its own, so that no key, no event loop and no library of ours is in the notebook's
kernel, and so that everything ends with that kernel however it ends: when the input closes, the
engine stops what runs and exits.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from typing import Any

import msgspec

from ..chat import Chats
from ..chat.events import AnyEvent, ErrorInfo, Mode
from ..client.images import keep_image
from ..client.own_parts import OwnParts
from ..errors import ChatIDEError
from .engine_protocol import Reply, Request

_WAIT = 0.25  # seconds that a question for events waits for some
_CLOSING = 15.0  # seconds to end everything in, before the process ends anyway
_METHODS = frozenset(("create_chat", "start_turn", "events", "running", "stop", "keep_image"))


class Engine:
    """Answers requests.

    Args:
        chats: the chats.
    """

    def __init__(self, chats: Chats) -> None:
        self._chats = chats

    async def answer(self, request: Request) -> Reply:
        """Carry a request out."""
        try:
            if request.method not in _METHODS:
                raise ChatIDEError(f"There is no method {request.method}.")
            result = await getattr(self, request.method)(*request.arguments)
            return Reply(request.id, msgspec.Raw(msgspec.json.encode(result)))
        except ChatIDEError as error:
            told = ErrorInfo(error.message, error.code, error.hint)
        except Exception as error:
            told = ErrorInfo(
                f"Something went wrong inside Jupyter ChatIDE ({type(error).__name__}).",
                "internal",
                "Run the cell again.",
            )
        return Reply(request.id, error=told)

    async def create_chat(self) -> str:
        return self._chats.create().id

    async def start_turn(self, chat: str, prompt: str, model: str, mode: Mode) -> str:
        return await (await self._chats.get(chat)).start_turn(prompt, model=model, mode=mode)

    async def events(self, chat: str, after: int) -> list[AnyEvent]:
        batches = (await self._chats.get(chat)).events(after)
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(_WAIT):
                return await anext(batches)
        return []

    async def running(self, chat: str) -> bool:
        return (await self._chats.get(chat)).running

    async def stop(self, chat: str) -> None:
        await (await self._chats.get(chat)).stop()

    async def keep_image(self, chat: str, mime: str, content: Any) -> str:
        workspace = await (await self._chats.get(chat)).workspace()
        return await asyncio.to_thread(keep_image, workspace, mime, content)


async def _serve() -> None:
    requests = msgspec.json.Decoder(Request)
    writing = asyncio.Lock()
    answering: set[asyncio.Task[None]] = set()

    async def answer(engine: Engine, request: Request) -> None:
        reply = await engine.answer(request)
        async with writing:
            await asyncio.to_thread(_write, msgspec.json.encode(reply) + b"\n")

    parts = OwnParts()
    async with parts.gateway() as gateway, parts.runtime() as runtime:
        chats = parts.chats(gateway, runtime)
        engine = Engine(chats)
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            try:
                request = requests.decode(line)
            except msgspec.MsgspecError:
                continue  # its writer was interrupted in the middle of it
            task = asyncio.create_task(answer(engine, request))
            answering.add(task)
            task.add_done_callback(answering.discard)
        # The notebook's kernel has ended, or ends us.
        asyncio.get_running_loop().call_later(_CLOSING, os._exit, 1)
        await chats.aclose()


def _write(line: bytes) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    logging.basicConfig(handlers=[logging.NullHandler()])
    asyncio.run(_serve())
