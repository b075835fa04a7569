"""Running the code of an action in the chat's sandbox, as events."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import ChatIDEError, InvalidRequestError
from . import events as ev
from .state import ActionState, fresh_id

if TYPE_CHECKING:
    from ..runtime import OutputChange, RunResult
    from .chat import Chat

log = logging.getLogger(__name__)


class ActionRun:
    """One run of an action's code. Its ``RunStarted`` is in the log when this is made.

    Args:
        chat: the chat it belongs to.
        action: a cell or a shell command; an example only where a person asks for it.
        turn: the turn that runs it, if one does.

    Raises:
        InvalidRequestError: the action is not code that can be run.
    """

    def __init__(self, chat: Chat, action: ActionState, turn: str = "") -> None:
        self._code = _source(action)
        self._chat = chat
        self.id = fresh_id("x", chat.state.runs)
        chat.emit(ev.RunStarted(run=self.id, action=action.id, turn=turn))

    async def go(self) -> RunResult:
        """Run to the end. Cancelling this interrupts the code.

        Raises:
            ChatIDEError: the sandbox could not be started.
        """
        started = time.monotonic()
        finished = ev.RunFinished(run=self.id, status="interrupted")
        try:
            workspace = await self._chat.workspace()
            result = await workspace.run(self._code, on_output=self._output)
            for notice in result.notices:
                self._notice(notice.code, notice.message, notice.hint)
            finished.status = result.status
            finished.execution_count = result.execution_count
            finished.error = result.error
            return result
        except ChatIDEError as error:
            finished.status = "died"
            self._notice(error.code, error.message, error.hint)
            raise
        except Exception:
            log.exception("A run failed")
            finished.status = "died"
            self._notice(
                "internal", "Something went wrong inside Jupyter ChatIDE.", "Run the code again."
            )
            raise
        finally:
            finished.duration = round(time.monotonic() - started, 3)
            self._chat.emit(finished)

    async def go_alone(self) -> None:
        """Run outside of a turn; how it went is in the log."""
        # An error is told by its notice; a cancellation was asked for by Stop.
        with suppress(Exception, asyncio.CancelledError):
            await self.go()

    def _output(self, change: OutputChange) -> None:
        self._chat.emit(
            ev.RunOutput(
                run=self.id,
                op=change.op,
                output=change.output,
                display_id=change.display_id,
                wait=change.wait,
            )
        )

    def _notice(self, code: str, message: str, hint: str) -> None:
        self._chat.emit(
            ev.Notice(level="warning", code=code, message=message, hint=hint, run=self.id)
        )


def _source(action: ActionState) -> str:
    language = action.language.lower()
    if action.kind == "cell" or (action.kind == "example" and language == "python"):
        return action.content
    if action.kind == "shell" or (action.kind == "example" and language in {"bash", "sh"}):
        return "%%bash\n" + action.content
    raise InvalidRequestError(
        "action: this block is not code that the sandbox runs.", "Copy it instead."
    )
