"""A turn: one prompt and all that follows from it, until it is finished, stopped or failed.

A reply whose action failed is followed by another that mends it, a bounded number of times.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ChatIDEError
from . import events as ev
from .reply import Reply

if TYPE_CHECKING:
    from ..runtime import Workspace
    from .chat import Chat

REPAIR_LIMIT = 2

log = logging.getLogger(__name__)


class Turn:
    """One prompt and what follows from it. ``begin`` writes it down, ``go`` carries it out."""

    def __init__(
        self, chat: Chat, id: str, prompt: str, model: str, mode: ev.Mode, key: str = ""
    ) -> None:
        self.id = id
        self._chat = chat
        self._prompt = prompt
        self._model = model
        self._mode: ev.Mode = mode
        self._key = key

    def begin(self) -> None:
        """Write the prompt into the log: from here on it is not lost."""
        self._chat.emit(
            ev.TurnStarted(
                turn=self.id, prompt=self._prompt, model=self._model, mode=self._mode, key=self._key
            )
        )

    async def go(self) -> None:
        """Carry the turn out. How it ended is its last event; nothing is raised."""
        end = ev.TurnFinished(turn=self.id, status="stopped")
        try:
            await self._converse()
            end.status = "finished"
        except asyncio.CancelledError:
            pass  # Stop: what there was is in the log
        except ChatIDEError as error:
            end.status = "failed"
            end.error = ev.ErrorInfo(error.message, error.code, error.hint)
        except Exception:
            log.exception("A turn failed")
            end.status = "failed"
            end.error = ev.ErrorInfo(
                "Something went wrong inside Jupyter ChatIDE.",
                "internal",
                "Try again; nothing that is shown here is lost.",
            )
        with suppress(ChatIDEError):  # the log cannot be written: reopening says "interrupted"
            self._chat.emit(end)
            self._chat.save_info()

    async def _converse(self) -> None:
        if self._mode == "build":
            await self._bring_files()
        turn = self._chat.state.turn(self.id)
        for attempt in range(REPAIR_LIMIT + 1):
            failure = await Reply(self._chat, turn, attempt).go()
            if failure is None or attempt == REPAIR_LIMIT:
                return
            self._chat.emit(
                ev.RepairStarted(
                    turn=self.id,
                    attempt=attempt + 1,
                    limit=REPAIR_LIMIT,
                    reason=failure.reason,
                    message=failure.message,
                )
            )

    async def _bring_files(self) -> None:
        """Copy the bundled files that an example prompt speaks of, where they are not there."""
        from ..gateway.demo import files_for

        files = files_for(self._prompt)
        if not files:
            return
        workspace = await self._chat.workspace()
        await asyncio.to_thread(_bring, files, workspace)


def _bring(files: dict[str, Path], workspace: Workspace) -> None:
    for name, source in files.items():
        if not os.path.lexists(workspace.path / name):
            workspace.write_file(name, source.read_bytes())
