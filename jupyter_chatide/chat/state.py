"""What a chat is after its events so far: a fold over the log, the same on every replay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ..runtime.results import RunError
from . import events as ev

LOG_DAMAGED = "log-damaged"  # the code of the notice that says it
SUMMARY_CHARS = 2_000  # of a run's printed text that later prompts may quote


@dataclass
class RunState:
    id: str
    action: str
    turn: str
    status: str = ""  # "" while it runs
    error: RunError | None = None
    printed: str = ""
    shown: list[str] = field(default_factory=list)  # kinds of rich outputs, e.g. "image/png"


@dataclass
class ActionState:
    id: str
    reply: str
    kind: ev.ActionKind
    language: str = ""
    path: str = ""
    parts: list[str] = field(default_factory=list)
    closed: bool = False
    complete: bool = False
    settled: bool = False  # it ran, was done, failed or was skipped
    run: RunState | None = None  # the newest

    @property
    def content(self) -> str:
        return "".join(self.parts)


@dataclass
class ReplyState:
    id: str
    turn: str
    attempt: int
    parts: list[str] = field(default_factory=list)
    finished: bool = False
    actions: list[ActionState] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The reply as the model wrote it."""
        return "".join(self.parts)


@dataclass
class TurnState:
    id: str
    prompt: str
    model: str
    mode: ev.Mode
    status: str = ""  # "" while it goes on
    replies: list[ReplyState] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)  # what was sent back, one for each attempt


class ChatState:
    """The fold. ``apply`` each event once, in order."""

    def __init__(self) -> None:
        self.title = ""
        self.model = ""
        self.modified = 0.0
        self.turns: list[TurnState] = []
        self.replies: dict[str, ReplyState] = {}
        self.actions: dict[str, ActionState] = {}
        self.runs: dict[str, RunState] = {}
        self.damage_told = False
        self.keys: dict[str, str] = {}  # idempotency key → turn

    def turn(self, id: str) -> TurnState:
        """The turn of that id.

        Raises:
            KeyError: there is none.
        """
        for turn in reversed(self.turns):
            if turn.id == id:
                return turn
        raise KeyError(id)

    def apply(self, event: ev.AnyEvent) -> None:
        """Take in the next event.

        Raises:
            KeyError: what it is about never began; only a damaged log has such events.
        """
        self.modified = event.t
        match event:
            case ev.ChatRenamed():
                self.title = event.title
            case ev.TurnStarted():
                self.model = event.model
                self.turns.append(TurnState(event.turn, event.prompt, event.model, event.mode))
                if event.key:
                    self.keys[event.key] = event.turn
            case ev.ReplyStarted():
                reply = ReplyState(event.reply, event.turn, event.attempt)
                self.replies[reply.id] = reply
                self.turn(event.turn).replies.append(reply)
            case ev.ReplyText():
                self.replies[event.reply].parts.append(event.text)
            case ev.ActionOpened():
                reply = self.replies[event.reply]
                reply.parts.append(event.fence)
                action = ActionState(
                    event.action, event.reply, event.kind, event.language, event.path
                )
                self.actions[action.id] = action
                reply.actions.append(action)
            case ev.ActionDelta():
                action = self.actions[event.action]
                action.parts.append(event.text)
                raw = event.text if event.raw is None else event.raw
                self.replies[action.reply].parts.append(raw)
            case ev.ActionClosed():
                action = self.actions[event.action]
                action.kind, action.language = event.kind, event.language
                action.path, action.complete, action.closed = event.path, event.complete, True
                self.replies[action.reply].parts.append(event.fence)
            case ev.ReplyFinished():
                self.replies[event.reply].finished = True
            case ev.ActionFinished():
                self.actions[event.action].settled = True
            case ev.RunStarted():
                run = RunState(event.run, event.action, event.turn)
                self.runs[run.id] = run
                self.actions[event.action].run = run
                self.actions[event.action].settled = True
            case ev.RunOutput():
                _note_output(self.runs[event.run], event)
            case ev.RunFinished():
                run = self.runs[event.run]
                run.status, run.error = event.status, event.error
            case ev.RepairStarted():
                self.turn(event.turn).repairs.append(event.message)
            case ev.Notice():
                self.damage_told |= event.code == LOG_DAMAGED
            case ev.TurnFinished():
                self.turn(event.turn).status = event.status


def fresh_id(prefix: str, taken: Collection[str]) -> str:
    """An id that is not taken: the next number, or a later one where a damaged log has gaps."""
    number = len(taken) + 1
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def _note_output(run: RunState, event: ev.RunOutput) -> None:
    if event.op == "clear":
        run.printed, run.shown = "", []
        return
    output: dict[str, Any] = event.output or {}
    data = output.get("data", {})
    text = output.get("text") or data.get("text/plain") or ""
    if isinstance(text, list):
        text = "".join(map(str, text))
    run.printed = shorten(run.printed + str(text) + ("\n" if data else ""), SUMMARY_CHARS)
    if event.op == "append":  # an update is a newer state of what is counted already
        run.shown += [kind for kind in data if kind.startswith("image/")]


def shorten(text: str, limit: int) -> str:
    """``text`` with its middle left out where it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"


def shorten_line(text: str, limit: int) -> str:
    """The first words of ``text`` on one line, at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
