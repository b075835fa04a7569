"""A notebook's own engine process, from the notebook's side."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from ..chat.events import AnyEvent, Mode
from ..client.servers import error_from
from ..errors import ChatIDEError
from .engine_protocol import Reply, Request

_PATIENCE = 3.0  # seconds that a kernel's exit waits for the engine's

T = TypeVar("T")


class EngineError(ChatIDEError):
    """The engine's process ended."""

    code = "engine"


class EngineConnection:
    """Starts an engine with the first call, and again should it have ended; ends it at exit."""

    where = "in a process of this session's own; chats are in JupyterLab's sidebar later"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._last = 0
        self._replies = msgspec.json.Decoder(Reply)
        atexit.register(self.close)

    def create_chat(self) -> str:
        """Start a chat; returns its id."""
        return self._call(str, "create_chat")

    def start_turn(self, chat: str, prompt: str, model: str, mode: Mode) -> str:
        """Ask; returns the turn's id."""
        return self._call(str, "start_turn", chat, prompt, model, mode)

    def events(self, chat: str, after: int) -> list[AnyEvent]:
        """The events after number ``after``; waits a moment for some to come."""
        return self._call(list[AnyEvent], "events", chat, after)

    def running(self, chat: str) -> bool:
        """Whether a turn or a run goes on."""
        return self._call(bool, "running", chat)

    def stop(self, chat: str) -> None:
        """End what runs; returns when it has ended."""
        self._call(None, "stop", chat)

    def keep_image(self, chat: str, mime: str, content: Any) -> str:
        """Keep an image in the chat's workspace; returns its path."""
        return self._call(str, "keep_image", chat, mime, content)

    def close(self) -> None:
        """End the engine, and with it all that it runs. Safe to call twice."""
        atexit.unregister(self.close)
        process, self._process = self._process, None
        if process is None or os.getpid() != self._owner:  # a fork's copy is not ours to end
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe and pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)  # past that it still ends by itself, its input being closed

    def _call(self, type: type[T] | None, method: str, *arguments: Any) -> T:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        self._last += 1
        request = Request(self._last, method, list(arguments))
        try:
            # The new line first ends what an interrupted call may have left.
            process.stdin.write(b"\n" + msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            while line := process.stdout.readline():
                with suppress(msgspec.MsgspecError):  # the rest of a reply that was interrupted
                    reply = self._replies.decode(line)
                    if reply.id == request.id:
                        break
            else:
                raise BrokenPipeError
        except OSError:
            self.close()
            raise EngineError(
                f"The process that runs the chat ended (status {process.returncode}).",
                "Run the cell again.",
            ) from None
        if reply.error:
            raise error_from(reply.error)
        result: T = msgspec.json.decode(reply.result, type=type)
        return result

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or os.getpid() != self._owner:
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                # Not the notebook's folder on the module path: its files are not ours to import.
                [sys.executable, "-P", "-m", f"{__package__}.engine"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Interrupting the notebook interrupts us, and we say what is to stop.
                start_new_session=True,
            )
            atexit.register(self.close)
        return self._process
