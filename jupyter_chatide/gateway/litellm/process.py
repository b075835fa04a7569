"""The server's end of the litellm worker: its process, and the answers that come from it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from itertools import count
from pathlib import Path

import msgspec

from ..adapter import Target
from ..messages import LLMRequest, ReasoningDelta, TextDelta, ToolCallDelta, UsageDelta
from .protocol import (
    LINE_LIMIT,
    WINDOW,
    AnswerDelta,
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

_READ = 262_144  # bytes that are read at a time
_TAKEN = WINDOW // 4  # bytes that a reader takes before the worker hears of it

_LOOPBACK = "localhost,127.0.0.1,::1"


class Inbox:
    """One answer as it arrives: what is there and not taken yet, and how it ended.

    ``end`` is ``None`` while more may come, and ``Cancelled`` when the worker itself ended.
    """

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.end: Finished | Failed | Cancelled | None = None
        self.changed = asyncio.Event()
        self._deltas: list[AnswerDelta] = []
        self._size = 0  # of them, on the wire
        self._taken = 0  # bytes that the worker has not heard of yet

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
        """Take what is there, neighbours of a kind merged, and the bytes to tell the worker of."""
        deltas = self._deltas if len(self._deltas) < 2 else _merged(self._deltas)
        self._taken += self._size
        self._deltas, self._size = [], 0
        if self.end is None:
            self.changed.clear()
        told = self._taken if self._taken >= _TAKEN else 0
        self._taken -= told
        return deltas, told


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
        self.closing = False
        self.alive = True
        self.asked_at = self._loop.time()  # when it was last asked
        self.opening: asyncio.Future[str] = self._loop.create_future()
        """Done when the worker is ready, with ``""``, or will never be, with the reason."""
        self.ended = asyncio.create_task(self._read())
        """Done when the worker has ended, however it did."""

    @property
    def ready(self) -> bool:
        """Whether it takes questions now."""
        return self.alive and self.opening.done() and not self.opening.result()

    @property
    def load(self) -> int:
        """How many answers it works on."""
        return len(self._inboxes) + len(self._cancelling)

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
            *("-P", "-W", "ignore", "-m", f"{__package__}.worker", str(connect_timeout)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # tracebacks of libraries hold keys and prompts
            limit=_READ,
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
        self.asked_at = self._loop.time()
        if self.alive:
            self._inboxes[inbox.stream] = inbox
            self._send(Ask(inbox.stream, target, request, total))
        else:
            inbox.close(Cancelled(inbox.stream))
        return inbox

    def take(self, inbox: Inbox) -> list[AnswerDelta]:
        """Take what has arrived of an answer, and make room for as much."""
        deltas, told = inbox.take()
        if told and inbox.end is None:
            self._send(Taken(inbox.stream, told))
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
        self.closing = True
        self._input.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self._kill()
            await self.ended

    def _send(self, frame: ToWorker) -> None:
        if self.alive:
            self._input.write(encode(frame))

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    def _stuck(self) -> None:
        if not self.alive:
            return  # several answers were cancelled, and this is known by now
        log.warning("The litellm worker is stuck; it is ended.")
        self.alive = False  # at once, for those who ask before its end is noticed
        self._kill()

    async def _read(self) -> None:
        """Read the worker's frames until it ends, then fail what it leaves unanswered."""
        try:
            part = b""  # of a line that is not whole yet
            while packet := await self._output.read(_READ):
                *lines, part = (part + packet).split(b"\n")
                for line in lines:
                    self._handle(from_worker_decoder.decode(line), len(line) + 1)
                if len(part) > LINE_LIMIT:
                    raise ValueError
        except (ValueError, msgspec.MsgspecError):
            log.warning("The litellm worker broke the protocol; it is ended.")
        finally:
            self.alive = False
            for timer in self._cancelling.values():
                timer.cancel()
            for inbox in self._inboxes.values():
                inbox.close(Cancelled(inbox.stream))
            self._inboxes.clear()
            self._input.close()
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    status = await self._process.wait()
            except TimeoutError:
                self._kill()
                status = await self._process.wait()
            if not self.opening.done():
                self.opening.set_result(f"it ended with status {status}")
            if not self.closing:
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


def _merged(deltas: list[AnswerDelta]) -> list[AnswerDelta]:
    """The deltas with neighbours that continue each other made one."""
    runs: list[list[AnswerDelta]] = []
    for delta in deltas:
        if runs and _continues(runs[-1][-1], delta):
            runs[-1].append(delta)
        else:
            runs.append([delta])
    return [run[0] if len(run) == 1 else _joined(run) for run in runs]


def _continues(before: AnswerDelta, delta: AnswerDelta) -> bool:
    if isinstance(delta, ToolCallDelta) and isinstance(before, ToolCallDelta):
        return delta.index == before.index
    return type(delta) is type(before)


def _joined(run: list[AnswerDelta]) -> AnswerDelta:
    first = run[0]
    if isinstance(first, UsageDelta):
        return run[-1]
    if isinstance(first, ToolCallDelta):
        arguments = "".join(d.arguments for d in run if isinstance(d, ToolCallDelta))
        return ToolCallDelta(first.index, first.id, first.name, arguments)
    return type(first)("".join(d.text for d in run if isinstance(d, TextDelta | ReasoningDelta)))
