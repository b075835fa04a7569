"""What every command has in common: signals, errors told to people, exit statuses."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from ..client.plain import plain
from ..errors import ChatIDEError, InvalidRequestError, NotFoundError

OK = 0
FAILED = 1
USAGE = 2
TIMEOUT = 124  # as timeout(1) has it
STOPPED = 128 + signal.SIGINT
_CLOSED_PIPE = 141  # what a shell says of a program that SIGPIPE ended

# Windows has neither of the others, and no loop.add_signal_handler.
_SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


class UsageError(ChatIDEError):
    """The command was not understood."""

    code = "usage"


def guarded(command: Callable[[], int], *, debug: bool) -> int:
    """Carry a command out; an error becomes a sentence on standard error and an exit status.

    Args:
        command: gives the exit status.
        debug: let an unexpected error through, and show libraries' warnings.
    """
    for stream in (sys.stdout, sys.stderr):
        # What the terminal's encoding does not have is written as an escape, not raised.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    # Errors are told below; without this, libraries' warnings would go to standard error.
    logging.basicConfig(handlers=None if debug else [logging.NullHandler()])
    try:
        status = command()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader has gone. Python flushes once more at exit: give it somewhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE
    except KeyboardInterrupt:
        tell("Stopped.")
        return STOPPED
    except ChatIDEError as error:
        tell(error.message, error.hint)
        usage = isinstance(error, UsageError | InvalidRequestError | NotFoundError)
        return USAGE if usage else FAILED
    except Exception as error:
        if debug:
            raise
        tell(
            f"Something went wrong inside Jupyter ChatIDE ({type(error).__name__}).",
            "Run it again as `jupyter chatide --debug …`, and report what it shows.",
        )
        return FAILED


def tell(message: str, hint: str = "") -> None:
    """Say what happened and what to do about it, on standard error."""
    print(plain("\n".join(filter(None, (message, hint)))), file=sys.stderr)


def run_stoppable(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a coroutine to its end; Ctrl-C, a hang-up or SIGTERM cancel it, and it cleans up.

    Returns:
        What it returned, or 128 and the number of the signal that stopped it.

    Raises:
        KeyboardInterrupt: Ctrl-C for the third time, while it still cleaned up.
    """
    stopped_by: list[int] = []

    async def stoppable() -> int:
        task = asyncio.create_task(work())
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            stopped_by.append(number)
            if len(stopped_by) == 1:
                task.cancel()
            elif len(stopped_by) == 2:
                tell("Still ending what runs; Ctrl-C once more leaves at once.")
            else:
                loop.remove_signal_handler(number)
                signal.raise_signal(number)

        if sys.platform != "win32":
            for number in _SIGNALS:
                loop.add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        if not stopped_by:
            raise
        return 128 + stopped_by[0]
