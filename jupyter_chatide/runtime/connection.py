"""Talks to one kernel over its sockets, and never keeps the event loop to itself."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import zmq
import zmq.asyncio
from jupyter_client.session import DELIM, Session

# How long messages are taken in before others get the event loop, and for how long they do. A
# kernel that sends more waits meanwhile (see kernel_main.py), so that nothing piles up.
_TURN_SECONDS = 0.004
_PAUSE_SECONDS = 0.004
_WAITING_MESSAGES = 64
_NUDGE_SECONDS = 0.3
_INTERRUPT_SECONDS = 0.5
_RECONNECT_MILLISECONDS = 10  # the kernel's sockets appear while we already wait for them


class _Header(msgspec.Struct):
    msg_id: str = ""
    msg_type: str = ""


class Message(msgspec.Struct, frozen=True):
    """A message from the kernel; its content is decoded only when asked for.

    ``parent`` is the id of the request it answers.
    """

    type: str
    parent: str
    raw_content: bytes

    def content(self) -> Any:
        """The decoded content, or None where it is no JSON."""
        try:
            return msgspec.json.decode(self.raw_content)
        except (ValueError, RecursionError):
            pass
        try:  # takes what Python's writer makes beyond JSON: NaN, lone surrogates
            return json.loads(self.raw_content)
        except (ValueError, RecursionError):
            return None


class KernelConnection:
    """The sockets of one kernel.

    Args:
        context: where the sockets are made.
        info: the kernel manager's connection information.
        on_output: called with each message of the iopub channel.
        on_reply: called with each message of the shell channel.
        largest: bytes of the largest message that is taken; a larger one ends the connection
            without notice, as far as its channel goes.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        info: Mapping[str, Any],
        *,
        on_output: Callable[[Message], None],
        on_reply: Callable[[Message], None],
        largest: int,
    ) -> None:
        self._context = context
        self._info = info
        self._largest = largest
        self._session = Session(key=info["key"], signature_scheme=info["signature_scheme"])
        self._on_output = on_output
        self._on_reply = on_reply
        self._ready_request = ""
        self._replied = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._interrupted = asyncio.Event()
        self._shell = self._connect(zmq.DEALER, "shell")
        self._control = self._connect(zmq.DEALER, "control")
        self._iopub = self._connect(zmq.SUB, "iopub")
        self._iopub.subscribe(b"")
        self._readers = [
            asyncio.create_task(self._read(self._iopub, self._take_output)),
            asyncio.create_task(self._read(self._shell, self._take_reply)),
            asyncio.create_task(self._read(self._control, self._take_control)),
        ]

    async def wait_ready(self) -> None:
        """Wait until the kernel answers and its outputs reach us. Has no timeout of its own."""
        while not (self._replied.is_set() and self._subscribed.is_set()):
            self._ready_request = await self._send(self._shell, "kernel_info_request", {})
            try:
                async with asyncio.timeout(_NUDGE_SECONDS):
                    await self._replied.wait()
                    await self._subscribed.wait()
            except TimeoutError:
                continue

    async def execute(self, code: str) -> str:
        """Ask the kernel to run ``code`` and return the request's id."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        return await self._send(self._shell, "execute_request", content)

    async def interrupt(self) -> None:
        """Interrupt what runs; returns when the kernel has taken note, or soon after."""
        self._interrupted.clear()
        await self._send(self._control, "interrupt_request", {})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_INTERRUPT_SECONDS):
                await self._interrupted.wait()

    async def close(self) -> None:
        """Close the sockets."""
        for reader in self._readers:
            reader.cancel()
        try:
            await asyncio.gather(*self._readers, return_exceptions=True)
        finally:
            for socket in (self._shell, self._control, self._iopub):
                socket.close(linger=0)

    def _connect(self, kind: int, channel: str) -> zmq.asyncio.Socket:
        info = self._info
        separator = ":" if info["transport"] == "tcp" else "-"
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.reconnect_ivl = _RECONNECT_MILLISECONDS
        socket.rcvhwm = _WAITING_MESSAGES
        socket.maxmsgsize = self._largest
        if "curve_publickey" in info:
            public, secret = info["curve_publickey"], info["curve_secretkey"]
            socket.curve_serverkey = socket.curve_publickey = public.encode()
            socket.curve_secretkey = secret.encode()
        port = info[f"{channel}_port"]
        socket.connect(f"{info['transport']}://{info['ip']}{separator}{port}")
        return socket

    async def _send(self, socket: zmq.asyncio.Socket, kind: str, content: dict[str, Any]) -> str:
        message = self._session.msg(kind, content)
        await socket.send_multipart(self._session.serialize(message))
        return str(message["header"]["msg_id"])

    async def _read(self, socket: zmq.asyncio.Socket, take: Callable[[Message], None]) -> None:
        while True:
            await socket.poll()
            turn_ends = time.monotonic() + _TURN_SECONDS
            try:
                while time.monotonic() < turn_ends:
                    message = self._parse(await socket.recv_multipart(zmq.NOBLOCK))
                    if message is not None:
                        take(message)
            except zmq.Again:
                continue
            await asyncio.sleep(_PAUSE_SECONDS)

    def _parse(self, frames: list[bytes]) -> Message | None:
        """Read a message's headers; None when it is malformed or not signed with our key."""
        try:
            start = frames.index(DELIM) + 1
            signature, header, parent, metadata, content = frames[start : start + 5]
            expected = self._session.sign([header, parent, metadata, content])
            if not hmac.compare_digest(signature, expected):
                return None
            return Message(
                type=msgspec.json.decode(header, type=_Header).msg_type,
                parent=msgspec.json.decode(parent, type=_Header).msg_id,
                raw_content=content,
            )
        except ValueError:
            return None

    def _take_output(self, message: Message) -> None:
        if message.type == "iopub_welcome" or message.parent == self._ready_request:
            self._subscribed.set()
        else:
            self._on_output(message)

    def _take_reply(self, message: Message) -> None:
        if message.type == "kernel_info_reply":
            self._replied.set()
        else:
            self._on_reply(message)

    def _take_control(self, message: Message) -> None:
        if message.type == "interrupt_reply":
            self._interrupted.set()
