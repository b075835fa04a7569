"""What a chat is after its events so far: a fold over the log, the same on every replay.

A reply grows by its text, and by an action's opening line, content and closing line; joined they
are the reply as the model wrote it (``ReplyState.raw``). Characters are Unicode code points.

``ReplyContinued`` cuts it, and nothing else, exactly so:

1. The first ``kept`` characters of the reply stay, and what is written later follows them. A
   stretch of text in which they end is cut there.
2. An action whose opening line begins at ``kept`` or later is no longer one of the reply's.
3. The action named ``action``, if one is, is open again: neither closed nor complete, without an
   outcome, its content cut to the first ``content`` characters. Its run, where a person started
   one, stays.
4. The reply is unfinished: its reason is "" until the next ``ReplyFinished``. Reasoning, retries
   and switches stay. Tokens and cost add up over all its ``ReplyFinished``; ``None`` (unknown) in
   one of them makes that sum ``None``.

``TurnResumed`` makes the turn an unfinished one, without an error. ``ReplyStarted`` with
``retries`` gives that reply up: it stays in the turn, superseded, and counts for usage only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass, field
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


@dataclass(frozen=True)
class Usage:
    """Tokens, and US dollars, that answers took. ``None``: not all of it is known."""

    input_tokens: int | None = 0
    output_tokens: int | None = 0
    reasoning_tokens: int | None = 0
    cost: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            *(
                None if mine is None or its is None else mine + its
                for mine, its in zip(astuple(self), astuple(other), strict=True)
            )
        )


@dataclass
class ActionState:
    id: str
    reply: str
    kind: ev.ActionKind
    language: str = ""
    path: str = ""
    at: int = 0  # where its opening line begins in the reply as written, in characters
    parts: list[str] = field(default_factory=list)
    closed: bool = False
    complete: bool = False
    settled: bool = False  # it ran, was done, failed or was skipped
    outcome: ev.ActionFinished | None = None  # what became of it, where it did not run
    run: RunState | None = None  # the newest

    @property
    def content(self) -> str:
        return "".join(self.parts)


@dataclass
class ReplyState:
    id: str
    turn: str
    attempt: int
    model: str = ""
    parts: list[str] = field(default_factory=list)
    size: int = 0  # characters of the parts
    finished: bool = False
    reason: str = ""  # why it ended; "" while it goes on
    superseded: bool = False  # another reply took its place
    reasoned: bool = False  # reasoning came with it
    actions: list[ActionState] = field(default_factory=list)
    usage: Usage = Usage()

    @property
    def raw(self) -> str:
        """The reply as the model wrote it."""
        return "".join(self.parts)

    def add(self, raw: str) -> None:
        """Take in the next piece of the reply as the model wrote it."""
        self.parts.append(raw)
        self.size += len(raw)


@dataclass
class TurnState:
    id: str
    prompt: str
    model: str
    mode: ev.Mode
    status: str = ""  # "" while it goes on
    replies: list[ReplyState] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)  # what was sent back, one for each attempt

    @property
    def standing(self) -> list[ReplyState]:
        """The replies that were not given up for another."""
        return [reply for reply in self.replies if not reply.superseded]

    @property
    def usage(self) -> Usage:
        """What its finished replies took, those given up included."""
        return sum((reply.usage for reply in self.replies), Usage())


class ChatState:
    """The fold. ``apply`` each event once, in order."""

    def __init__(self) -> None:
        self.title = ""
        self.model = ""
        self.modified = 0.0
        self.fallback: list[str] | None = None
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

    @property
    def usage(self) -> Usage:
        """What the chat's finished replies took."""
        return sum((turn.usage for turn in self.turns), Usage())

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
            case ev.FallbackChosen():
                self.fallback = event.models
            case ev.TurnResumed():
                turn = self.turn(event.turn)
                turn.status = ""
                if event.model:
                    self.model = turn.model = event.model
            case ev.ReplyStarted():
                reply = ReplyState(event.reply, event.turn, event.attempt, event.model)
                self.turn(event.turn).replies.append(reply)
                self.replies[reply.id] = reply
                if event.retries:
                    self.replies[event.retries].superseded = True
            case ev.ReplyContinued():
                self._continue(self.replies[event.reply], event)
            case ev.ReplyReasoning():
                self.replies[event.reply].reasoned = True
            case ev.ReplyText():
                self.replies[event.reply].add(event.text)
            case ev.ActionOpened():
                reply = self.replies[event.reply]
                action = ActionState(
                    event.action, event.reply, event.kind, event.language, event.path, reply.size
                )
                reply.add(event.fence)
                self.actions[action.id] = action
                reply.actions.append(action)
            case ev.ActionDelta():
                action = self.actions[event.action]
                action.parts.append(event.text)
                raw = event.text if event.raw is None else event.raw
                self.replies[action.reply].add(raw)
            case ev.ActionClosed():
                action = self.actions[event.action]
                action.kind, action.language = event.kind, event.language
                action.path, action.complete, action.closed = event.path, event.complete, True
                self.replies[action.reply].add(event.fence)
            case ev.ReplyFinished():
                reply = self.replies[event.reply]
                reply.finished, reply.reason = True, event.reason
                reply.model = event.model or reply.model
                reply.usage += Usage(
                    event.input_tokens, event.output_tokens, event.reasoning_tokens, event.cost
                )
            case ev.ActionFinished():
                action = self.actions[event.action]
                action.settled, action.outcome = True, event
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

    def _continue(self, reply: ReplyState, event: ev.ReplyContinued) -> None:
        """Cut the reply, and open it again (see this module's first lines)."""
        raw = reply.raw[: event.kept]
        reply.parts, reply.size = [raw], len(raw)
        reply.finished, reply.reason = False, ""
        reply.model = event.model or reply.model
        for action in reply.actions:
            if action.at >= event.kept:
                action.closed = False  # nobody sees it: it cannot be run
        reply.actions = [action for action in reply.actions if action.at < event.kept]
        if event.action:
            action = self.actions[event.action]
            action.parts = [action.content[: event.content]]
            action.closed = action.complete = action.settled = False
            action.outcome = None


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
