"""From a model's text, as it streams, to the events of a reply: parsed, and joined by frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ChatIDEError
from . import actions as parse
from . import events as ev
from .blocks import Block
from .log import join
from .state import ActionState, ReplyState, TurnState, fresh_id

if TYPE_CHECKING:
    from .chat import Chat

FRAME = 0.025  # seconds; deltas of one frame become one event


@dataclass(frozen=True)
class Place:
    """Where a reply can go on: how much of it stays, and what is open there (see ``state``)."""

    kept: int = 0
    action: str = ""
    content: int = 0


class ReplyWriter:
    """Writes one reply into the log as it streams.

    Args:
        chat: the chat.
        turn: the turn that the reply belongs to.
        reply: its id.
        closed: what to do with an action whose fence has closed.
    """

    def __init__(
        self, chat: Chat, turn: TurnState, reply: str, closed: Callable[[ActionState], None]
    ) -> None:
        self._chat = chat
        self._turn = turn
        self._reply = reply
        self._closed = closed
        self._parser = parse.ActionParser()
        self._fed: list[str] = []
        self._action = ""  # the open one
        self._pending: ev.AnyEvent | None = None
        self._flush_at: asyncio.TimerHandle | None = None

    @property
    def written(self) -> str:
        """The whole reply so far, with what the parser still holds back."""
        return "".join(self._fed)

    @property
    def block(self) -> Block | None:
        """The fence that the reply is inside of."""
        return self._parser.block

    def resume(self, reply: ReplyState) -> Place:
        """Begin where a reply broke off, as if it had been fed all along.

        Raises:
            ValueError: what the log holds of the reply is not the whole of it.
        """
        place = _place(reply, self._parser)
        self._fed = [reply.raw]
        self._action = place.action
        return place

    def place(self) -> Place:
        """Where the reply is now; nothing is taken back."""
        self.flush()
        action = self._chat.state.actions.get(self._action)
        if action is None or action.closed:
            return Place(self._chat.state.replies[self._reply].size)
        kept = self._chat.state.replies[self._reply].size
        return Place(kept, action.id, len(action.content))

    def feed(self, text: str) -> None:
        """Take the next piece of the reply."""
        self._fed.append(text)
        for piece in self._parser.feed(text):
            self._parsed(piece)

    def reason(self, text: str) -> None:
        """Take the next piece of the model's reasoning."""
        self._soon(ev.ReplyReasoning(reply=self._reply, text=text))

    def now(self, event: ev.AnyEvent) -> None:
        """Emit an event, after all that came before it."""
        self.flush()
        self._chat.emit(event)

    def close(self, *, whole: bool) -> None:
        """Take the end of the reply, which broke off unless it is ``whole``."""
        for piece in self._parser.close() if whole else self._parser.break_off():
            self._parsed(piece)
        self.flush()

    def flush(self) -> None:
        """Emit what was held for the end of its frame."""
        if self._flush_at:
            self._flush_at.cancel()
            self._flush_at = None
        if self._pending:
            self._chat.emit(self._pending)
            self._pending = None

    def _parsed(self, piece: parse.ActionEvent) -> None:
        match piece:
            case parse.TextDelta():
                self._soon(ev.ReplyText(reply=self._reply, text=piece.text))
            case parse.ActionOpened():
                self._action = fresh_id("a", self._chat.state.actions)
                self.now(
                    ev.ActionOpened(
                        reply=self._reply,
                        action=self._action,
                        kind=piece.kind,
                        language=piece.language,
                        path=piece.path,
                        fence=piece.raw,
                    )
                )
                if piece.kind in ("cell", "shell") and self._turn.mode == "build":
                    self._chat.warm()
            case parse.ActionDelta():
                raw = piece.raw if piece.raw != piece.text else None
                self._soon(ev.ActionDelta(action=self._action, text=piece.text, raw=raw))
            case parse.ActionClosed(action=action):
                self.now(
                    ev.ActionClosed(
                        action=self._action,
                        kind=action.kind,
                        complete=action.complete,
                        language=action.language,
                        path=action.path,
                        fence=piece.raw,
                    )
                )
                self._closed(self._chat.state.actions[self._action])

    def _soon(self, event: ev.AnyEvent) -> None:
        """Emit a delta with the others of its frame."""
        joined = join(self._pending, event) if self._pending else None
        if joined is None:
            self.flush()
        self._pending = joined or event
        if self._flush_at is None:
            self._flush_at = asyncio.get_running_loop().call_later(FRAME, self._flush_in_time)

    def _flush_in_time(self) -> None:
        self._flush_at = None
        with suppress(ChatIDEError):  # it stays pending; the reply's end says what is wrong
            self.flush()


def is_whole(reply: ReplyState) -> bool:
    """Whether a reply can go on: the log has lost nothing that the rest hangs on."""
    try:
        _place(reply, parse.ActionParser())
    except ValueError:
        return False
    return True


def _place(reply: ReplyState, parser: parse.ActionParser) -> Place:
    """Feed a reply to a parser, and find out where in the reply that comes to rest."""
    kept = content = 0
    action: ActionState | None = None
    following = iter(reply.actions)
    for piece in parser.feed(reply.raw):
        match piece:
            case parse.ActionOpened():
                action, content = next(following, None), 0
                if action is None or action.at != kept:
                    raise ValueError(f"{reply.id} has no action at {kept}")
            case parse.ActionDelta():
                content += len(piece.text)
            case parse.ActionClosed():
                if action and not (action.complete and content == len(action.content)):
                    raise ValueError(f"{action.id} is not whole")
                action = None
        kept += len(piece.raw)
    if action is None:
        return Place(kept)
    if content > len(action.content):
        raise ValueError(f"{action.id} is not whole")
    return Place(kept, action.id, content)
