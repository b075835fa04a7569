"""One run: its outputs as they come in, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from .limits import Limits
from .outputs import OUTPUT_MESSAGES, OutputCollector, to_change
from .results import OutputChange, RunError, RunNotice, RunResult, RunStatus

if TYPE_CHECKING:
    from .connection import Message

_FRAME_SECONDS = 1 / 30
_IDLE_SECONDS = 1.0

StopReason = Literal["interrupted", "timeout", "closed"]

_log = logging.getLogger(__name__)


class Run:
    """An execution of code in a workspace's kernel.

    Args:
        code: what to run.
        timeout: seconds it may take; ``0`` for no limit.
        limits: how much output it may show.
        on_output: called with each change of its outputs.
    """

    def __init__(
        self,
        code: str,
        timeout: float,
        limits: Limits,
        on_output: Callable[[OutputChange], object] | None,
    ) -> None:
        self.code = code
        self.timeout = timeout
        self.request = ""
        self.stop_reason: StopReason | None = None
        self.notices: list[RunNotice] = []
        self.over = asyncio.Event()
        """Set when nothing more will happen."""
        self.changed = asyncio.Event()
        """Set when it is to stop or has finished."""
        self._limits = limits
        self._on_output = on_output
        self._collector = OutputCollector(self._show, limits.output_bytes)
        self._reply: dict[str, Any] | None = None
        self._idle = False
        self._error: RunError | None = None
        self._failure: Exception | None = None
        self._started = time.monotonic()
        self._last_message = 0.0
        self._flush: asyncio.TimerHandle | None = None
        self._last_flush = 0.0

    @property
    def finished(self) -> bool:
        """Whether the kernel has answered and all outputs are in."""
        if self._reply is None:
            return False
        # Idle comes after the last output. It can get lost in a flood: then silence must do.
        return self._idle or time.monotonic() - self._last_message > _IDLE_SECONDS

    @property
    def lost_output(self) -> bool:
        """Whether the kernel's outputs ceased to come before it said that it was done."""
        return self.finished and not self._idle

    @property
    def failure(self) -> Exception | None:
        """What ``on_output`` raised."""
        return self._failure

    def ask_to_stop(self, reason: StopReason) -> None:
        """Let the workspace know that the run is to end. The first reason stays."""
        self.stop_reason = self.stop_reason or reason
        self.changed.set()

    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self.stop_reason is not None

    def start(self) -> None:
        """The code is about to run: time counts from here."""
        self._started = time.monotonic()

    def seconds_left(self) -> float:
        """How long it may still run; infinite without a limit."""
        if not self.timeout:
            return float("inf")
        return self._started + self.timeout - time.monotonic()

    def take_output(self, message: Message) -> None:
        """Take in a message from the iopub channel."""
        if message.parent != self.request or not self.request:
            return
        self._last_message = time.monotonic()
        if message.type in OUTPUT_MESSAGES:
            change = to_change(message.type, message.content())
            if change is None:
                return
            if change.output is not None and change.output["output_type"] == "error":
                self._error = _run_error(change.output)
            self._collector.add(change, len(message.raw_content))
            self._flush_soon()
        elif message.type == "status":
            content = message.content()
            if isinstance(content, dict) and content.get("execution_state") == "idle":
                self._idle = True
                if self.finished:
                    self.changed.set()

    def take_reply(self, message: Message) -> None:
        """Take in a message from the shell channel."""
        if message.type != "execute_reply" or message.parent != self.request:
            return
        self._last_message = time.monotonic()
        content = message.content()
        self._reply = content if isinstance(content, dict) else {}
        if self.finished:
            self.changed.set()

    def end(self) -> None:
        """Nothing more will happen; let those know who wait for that."""
        if self._flush is not None:
            self._flush.cancel()
        self.over.set()

    def result(self, status: RunStatus | None = None) -> RunResult:
        """Show what is left of the outputs and say how the run ended.

        Args:
            status: how it ended, where the kernel could not say it.
        """
        self._collector.finish()
        if self._collector.left_out:
            self.notices.append(self._output_notice())
        if self._error is not None and self._error.ename == "StdinNotImplementedError":
            self.notices.append(_NO_INPUT)
        count = (self._reply or {}).get("execution_count")
        return RunResult(
            status=status or self._status(),
            outputs=self._collector.outputs(),
            error=self._error,
            execution_count=count if isinstance(count, int) else None,
            duration=time.monotonic() - self._started,
            notices=self.notices,
        )

    def _status(self) -> RunStatus:
        status = (self._reply or {}).get("status")
        if status == "ok":
            return "ok"
        if status == "aborted" or (self._error and self._error.ename == "KeyboardInterrupt"):
            return "interrupted"
        return "error"

    def _show(self, change: OutputChange) -> None:
        if self._on_output is None or self._failure is not None:
            return
        try:
            self._on_output(change)
        except Exception as error:
            _log.exception("Showing a run's output failed")
            self._failure = error
            self.ask_to_stop("interrupted")

    def _flush_soon(self) -> None:
        if self._flush is None:
            delay = self._last_flush + _FRAME_SECONDS - time.monotonic()
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(max(0.0, delay), self._flush_now)

    def _flush_now(self) -> None:
        self._flush = None
        self._last_flush = time.monotonic()
        self._collector.flush()

    def _output_notice(self) -> RunNotice:
        limit = self._limits.output_bytes / 1e6
        return RunNotice(
            "output-limit",
            f"The run showed more than {limit:g} MB; {self._collector.left_out / 1e6:.1f} MB "
            "between the beginning and the end were left out.",
            "Print less, or write large results to a file.",
        )


def _run_error(output: dict[str, Any]) -> RunError:
    return RunError(output["ename"], output["evalue"], output["traceback"])


_NO_INPUT = RunNotice(
    "input",
    "The code asked for input, which nobody can give in a throwaway kernel.",
    "Put the value into the code instead of calling input().",
)
