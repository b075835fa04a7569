"""The server's end of the litellm worker: its process, and the answers that come from it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path

import msgspec

from .adapter import Target
from .messages import LLMRequest, ReasoningDelta, TextDelta, UsageDelta
from .worker_protocol import (
    LINE_LIMIT,
    Ask,
    Cancel,
    Cancelled,
    Failed,
    Finished,
    FromWorker,
    Ready,
    Said,
    Taken,
    ToWorker,
    Unusable,
    encode,
    from_worker_decoder,
)

log = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds that the worker has to end by itself when its input closes."""

_KEPT_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("TMPDIR", "TEMP", "TMP"),
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA"),
    *("USERPROFILE", "APPDATA", "LOCALAPPDATA"),
)
"""All that the worker sees of the server's environment: no provider's variable is among them."""

_SET_VARIABLES = {
    "LITELLM_MODE": "PRODUCTION",  # else it loads a nearby .env
    "LITELLM_LOG": "CRITICAL",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches this when imported,
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # and this when first used
    "LITELLM_DISABLE_BUG_REPORT_LINK": "True",
}

_LOOPBACK = "localhost,127.0.0.1,::1"

AnswerDelta = TextDelta | ReasoningDelta | UsageDelta


class Inbox:
    """One answer as it arrives: what is there and not taken yet, and how it ended.

    ``end`` is ``None`` while more may come, and ``Cancelled`` when the worker itself ended.
    """

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.end: Finished | Failed | Cancelled | None = None
        self.changed = asyncio.Event()
        self._deltas: list[AnswerDelta] = []
        self._size = 0

    def put(self, delta: AnswerDelta, size: int) -> None:
        """Keep a delta that was ``size`` bytes on the wire."""
        self._deltas.append(delta)
        self._size += size
        self.changed.set()

    def close(self, end: Finished | Failed | Cancelled) -> None:
        """Nothing more will come."""
        self.end = end
        self.changed.set()

    def take(self) -> tuple[list[AnswerDelta], int]:
        """Take what is there, neighbours of a kind merged, and its size on the wire."""
        taken = list(_merged(self._deltas)), self._size
        self._deltas, self._size = [], 0
        if self.end is None:
            self.changed.clear()
        return taken


class WorkerProcess:
    """A running worker. ``start`` makes one."""

    def __init__(self, process: Process, cancel_timeout: float) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin, process.stdout
        self._loop = asyncio.get_running_loop()
        self._cancel_timeout = cancel_timeout
        self._numbers = count(1)
        self._inboxes: dict[int, Inbox] = {}
        self._cancelling: dict[int, asyncio.TimerHandle] = {}
        self._closing = False
        self.alive = True
        self.ended_at = 0.0  # the loop's time
        self.opening: asyncio.Future[str] = self._loop.create_future()
        """Done when the worker is ready, with ``""``, or will never be, with the reason."""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, connect_timeout: float, cancel_timeout: float) -> WorkerProcess:
        """Start a worker; it takes questions once ``opening`` is done.

        Args:
            connect_timeout: seconds that it gives a connection.
            cancel_timeout: seconds that it has to confirm a cancelled answer; then it is stuck,
                and killed, so that every connection is closed.

        Raises:
            OSError: the system cannot start a process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-W", "ignore", "-m", f"{__package__}.litellm_worker", str(connect_timeout)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # tracebacks of libraries hold keys and prompts
            limit=LINE_LIMIT,
            env=_environment(),
            cwd=Path(sys.executable).anchor,  # no .env there
        )
        return cls(process, cancel_timeout)

    def ask(self, target: Target, request: LLMRequest, total: float) -> Inbox:
        """Ask a question.

        Args:
            target: whom to ask.
            request: what to ask.
            total: seconds that the answer may take.
        """
        inbox = Inbox(next(self._numbers))
        if self.alive:
            self._inboxes[inbox.stream] = inbox
            self._send(Ask(inbox.stream, target, request, total))
        else:
            inbox.close(Cancelled(inbox.stream))
        return inbox

    def take(self, inbox: Inbox) -> list[AnswerDelta]:
        """Take what has arrived of an answer, and make room for as much."""
        deltas, size = inbox.take()
        if size and inbox.end is None:
            self._send(Taken(inbox.stream, size))
        return deltas

    def drop(self, inbox: Inbox) -> None:
        """Nobody reads the answer any more: have its connection closed if it has not ended."""
        if self._inboxes.pop(inbox.stream, None) is not None:
            self._send(Cancel(inbox.stream))
            self._cancelling[inbox.stream] = self._loop.call_later(
                self._cancel_timeout, self._stuck
            )

    async def aclose(self) -> None:
        """End the worker. Safe to call twice."""
        self._closing = True
        self._input.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.shield(self._reading)
        except TimeoutError:
            self._kill()
            await self._reading

    def _send(self, frame: ToWorker) -> None:
        if self.alive:
            self._input.write(encode(frame))

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    def _stuck(self) -> None:
        log.warning("The litellm worker is stuck; it is ended.")
        self.alive = False  # at once, for those who ask before its end is noticed
        self._kill()

    async def _read(self) -> None:
        """Read the worker's frames until it ends, then fail what it leaves unanswered."""
        try:
            async for line in self._output:
                self._handle(from_worker_decoder.decode(line), len(line))
        except (ValueError, msgspec.MsgspecError):
            log.warning("The litellm worker broke the protocol; it is ended.")
        finally:
            self.alive = False
            self.ended_at = self._loop.time()
            for timer in self._cancelling.values():
                timer.cancel()
            for inbox in self._inboxes.values():
                inbox.close(Cancelled(inbox.stream))
            self._inboxes.clear()
            self._kill()
            self._input.close()
            status = await self._process.wait()
            if not self.opening.done():
                self.opening.set_result(f"it ended with status {status}")
            if not self._closing:
                log.warning("The litellm worker ended with status %s.", status)

    def _handle(self, frame: FromWorker, size: int) -> None:
        match frame:
            case Said() if frame.stream in self._inboxes:
                self._inboxes[frame.stream].put(frame.delta, size)
            case Finished() | Failed() | Cancelled():
                if frame.stream in self._cancelling:
                    self._cancelling.pop(frame.stream).cancel()
                if frame.stream in self._inboxes:
                    self._inboxes.pop(frame.stream).close(frame)
            case Ready():
                self.opening.set_result("")
            case Unusable():
                self.opening.set_result(frame.reason)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    for name in ("NO_PROXY", "no_proxy"):  # a proxy does not reach this machine's servers
        if kept.get(name) != "*":
            kept[name] = ",".join(filter(None, (kept.get(name), _LOOPBACK)))
    return kept | _SET_VARIABLES


def _merged(deltas: list[AnswerDelta]) -> Iterator[AnswerDelta]:
    for kind, neighbours in groupby(deltas, type):
        if kind is UsageDelta:
            yield list(neighbours)[-1]
        else:
            text = "".join(d.text for d in neighbours if not isinstance(d, UsageDelta))
            yield TextDelta(text) if kind is TextDelta else ReasoningDelta(text)
