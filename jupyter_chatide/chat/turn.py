"""A turn: one prompt and all that follows from it, until it is finished, stopped or failed.

A reply whose action failed is followed by another that mends it, a bounded number of times.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ChatIDEError
from . import events as ev
from .reply import Reply
from .state import TurnState

if TYPE_CHECKING:
    from ..runtime import Workspace
    from .chat import Chat
    from .places import TurnPlace

REPAIR_LIMIT = 2

log = logging.getLogger(__name__)


class Turn:
    """One prompt and what follows from it. ``begin`` or ``resume`` write it down, ``go`` carries it
    out.

    Args:
        chat: the chat.
        id: the turn's.
        place: what it waits for; given back at its end.
    """

    def __init__(self, chat: Chat, id: str, place: TurnPlace) -> None:
        self.id = id
        self._chat = chat
        self._place = place
        self._how: Literal["", "continue", "retry"] = ""

    def begin(self, prompt: str, model: str, mode: ev.Mode, key: str = "") -> None:
        """Write the prompt into the log: from here on it is not lost."""
        self._chat.emit(
            ev.TurnStarted(turn=self.id, prompt=prompt, model=model, mode=mode, key=key)
        )

    def resume(self, how: Literal["continue", "retry"], model: str) -> None:
        """Write into the log that it goes on."""
        self._how = how
        self._chat.emit(ev.TurnResumed(turn=self.id, how=how, model=model))

    async def go(self) -> None:
        """Carry the turn out. How it ended is its last event; nothing is raised."""
        end = ev.TurnFinished(turn=self.id, status="stopped")
        try:
            await self._wait_for_place()
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
        finally:
            self._place.give_back()
        with suppress(ChatIDEError):  # the log cannot be written: reopening says "interrupted"
            self._chat.emit(end)
            self._chat.save_info()

    async def _wait_for_place(self) -> None:
        if not self._place.ready.is_set():
            self._chat.emit(
                ev.Notice(
                    level="info",
                    code="turn-waiting",
                    message="This waits for a turn in another chat to end.",
                    hint="It begins by itself; Stop gives it up.",
                    turn=self.id,
                )
            )
        await self._place.ready.wait()

    async def _converse(self) -> None:
        turn = self._chat.state.turn(self.id)
        if turn.mode == "build":
            await self._bring_files(turn.prompt)
        reply = self._next_reply(turn)
        while failure := await reply.go():
            if reply.attempt >= REPAIR_LIMIT:
                return
            self._chat.emit(
                ev.RepairStarted(
                    turn=self.id,
                    attempt=reply.attempt + 1,
                    limit=REPAIR_LIMIT,
                    reason=failure.reason,
                    message=failure.message,
                )
            )
            reply = Reply(self._chat, turn, reply.attempt + 1)

    def _next_reply(self, turn: TurnState) -> Reply:
        """The turn's first reply, or the one with which a resumed turn goes on."""
        last = turn.standing[-1] if turn.standing else None
        if last is None:
            return Reply(self._chat, turn, 0)
        if len(turn.repairs) > last.attempt:  # it was sent back, and there is no answer yet
            return Reply(self._chat, turn, len(turn.repairs))
        if self._how == "retry" or not last.raw.strip():
            return Reply(self._chat, turn, last.attempt, retries=last.id)
        return Reply(self._chat, turn, last.attempt, resumes=last)

    async def _bring_files(self, prompt: str) -> None:
        """Copy the bundled files that an example prompt speaks of, where they are not there."""
        from ..gateway.demo import files_for

        files = files_for(prompt)
        if not files:
            return
        workspace = await self._chat.workspace()
        await asyncio.to_thread(_bring, files, workspace)


def _bring(files: dict[str, Path], workspace: Workspace) -> None:
    for name, source in files.items():
        if not os.path.lexists(workspace.path / name):
            workspace.write_file(name, source.read_bytes())
