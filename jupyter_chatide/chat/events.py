"""The lines of a chat's log. Everything that happens in a chat is one of these.

The log's first line is a header (see ``log.py``); each further line is one event as JSON, with
``type``, ``n`` (its number, from 1, without gaps) and ``t`` (seconds since 1970, UTC).
Ids (``t1``, ``r1``, ``a1``, ``x1``) are unique within their chat.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..runtime.results import RunError

Mode = Literal["ask", "build"]
ActionKind = Literal["cell", "file", "edit", "shell", "pip", "serve", "example"]


class ErrorInfo(msgspec.Struct, frozen=True):
    """An error as people see it: one sentence, and one thing to do."""

    message: str
    code: str
    hint: str = ""


class Event(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """One line of a chat's log."""

    n: int = 0
    t: float = 0.0


class ChatRenamed(Event, tag="chat_renamed"):
    title: str


class FallbackChosen(Event, tag="fallback_chosen"):
    """The chat's own chain of models (``provider/model``) to fall back on; ``None``: default."""

    models: list[str] | None = None


class TurnStarted(Event, tag="turn_started"):
    """A person asked. ``model`` is ``provider/model``; ``key`` the client's idempotency key."""

    turn: str
    prompt: str
    model: str
    mode: Mode
    key: str = ""


class TurnResumed(Event, tag="turn_resumed"):
    """A person had a failed, stopped or interrupted turn go on.

    ``continue``: the last reply goes on where it broke off. ``retry``: that reply is given up
    (it stays in the log, and out of what the model is told) and the model answers anew.
    """

    turn: str
    how: Literal["continue", "retry"]
    model: str = ""


class ReplyStarted(Event, tag="reply_started"):
    """A model begins to answer. ``attempt`` is 0 for the prompt's answer, 1, 2… for repairs.

    ``retries`` is the reply that this one takes the place of.
    """

    turn: str
    reply: str
    model: str
    attempt: int = 0
    retries: str = ""


class ReplyText(Event, tag="reply_text"):
    """Markdown of the reply, outside any action."""

    reply: str
    text: str


class ReplyContinued(Event, tag="reply_continued"):
    """The model is asked to go on with a reply that broke off: the same reply grows on.

    ``reason`` is ``length`` (by itself, ``attempt`` of ``limit``) or ``asked`` (by a person). What
    was written past ``kept`` characters (of the reply as the model wrote it) is taken back; an
    action that was open there (``action``) opens again with ``content`` characters of its content.
    """

    reply: str
    reason: Literal["length", "asked"]
    kept: int
    attempt: int = 0
    limit: int = 0
    action: str = ""
    content: int = 0
    model: str = ""


class ReplyReasoning(Event, tag="reply_reasoning"):
    """The model's reasoning, kept apart from the reply."""

    reply: str
    text: str


class ActionOpened(Event, tag="action_opened"):
    """The reply opened a fence. ``fence`` is the opening line as the model wrote it.

    ``kind`` may still change from ``file`` to ``edit`` when the action closes.
    """

    reply: str
    action: str
    kind: ActionKind
    language: str = ""
    path: str = ""
    fence: str = ""


class ActionDelta(Event, tag="action_delta"):
    """Content of an action. ``raw`` is the text as written, where it differs (indented fence)."""

    action: str
    text: str
    raw: str | None = None


class ActionClosed(Event, tag="action_closed"):
    """The fence closed, or the reply ended before it did (``complete`` is false: not applied).

    ``kind``, ``language`` and ``path`` are final here; ``fence`` is the closing line.
    """

    action: str
    kind: ActionKind
    complete: bool
    language: str = ""
    path: str = ""
    fence: str = ""


class ModelRetried(Event, tag="model_retried"):
    """The same model is asked again after ``seconds``."""

    reply: str
    model: str
    reason: str
    code: str
    seconds: float
    attempt: int


class ModelSwitched(Event, tag="model_switched"):
    """Another model answers than the one that was asked; ``code`` classes the reason."""

    reply: str
    from_model: str
    to_model: str
    reason: str
    code: str = ""


class ReplyFinished(Event, tag="reply_finished"):
    """The reply is over. ``reason``: the provider's, or stopped, failed, interrupted.

    Tokens and cost (US dollars) are of all requests that the reply took since it started or was
    last continued by a person; ``None`` is unknown.
    """

    reply: str
    reason: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None


class RunStarted(Event, tag="run_started"):
    """Code of an action runs. The newest run of an action is the one shown."""

    run: str
    action: str
    turn: str = ""


class RunOutput(Event, tag="run_output"):
    """One change to a run's outputs (see ``runtime.results.OutputChange``)."""

    run: str
    op: Literal["append", "update", "clear"]
    output: dict[str, Any] | None = None
    display_id: str = ""
    wait: bool = False


class RunFinished(Event, tag="run_finished"):
    """``status``: ok, error, interrupted (Stop), timeout, died; ``lost`` when the server died."""

    run: str
    status: Literal["ok", "error", "interrupted", "timeout", "died", "lost"]
    duration: float = 0.0  # seconds
    execution_count: int | None = None
    error: RunError | None = None


class ActionFinished(Event, tag="action_finished"):
    """What became of an action that is not a run, or of one that did not run.

    ``status``: ``done`` (a file was written or edited; ``size`` in bytes), ``failed``,
    ``skipped`` (an earlier cell failed, the turn was stopped, or this kind is not run).
    """

    action: str
    status: Literal["done", "failed", "skipped"]
    message: str = ""
    hint: str = ""
    size: int = 0


class RepairStarted(Event, tag="repair_started"):
    """An error goes back to the model. ``attempt`` counts from 1 to ``limit``.

    ``reason`` is for people, in a few words; ``message`` is what the model is told.
    """

    turn: str
    attempt: int
    limit: int
    reason: str
    message: str = ""


class PreviewOpened(Event, tag="preview_opened"):
    """A page in the workspace can be shown."""

    turn: str
    action: str
    path: str


class Notice(Event, tag="notice"):
    """Something to know: a limit that was hit, variables that are gone."""

    level: Literal["info", "warning"]
    code: str
    message: str
    hint: str = ""
    turn: str = ""
    run: str = ""


class TurnFinished(Event, tag="turn_finished"):
    """The turn is over. ``interrupted``: the server ended in the middle of it."""

    turn: str
    status: Literal["finished", "stopped", "failed", "interrupted"]
    error: ErrorInfo | None = None


AnyEvent = (
    ChatRenamed
    | FallbackChosen
    | TurnStarted
    | TurnResumed
    | ReplyStarted
    | ReplyContinued
    | ReplyText
    | ReplyReasoning
    | ActionOpened
    | ActionDelta
    | ActionClosed
    | ModelRetried
    | ModelSwitched
    | ReplyFinished
    | RunStarted
    | RunOutput
    | RunFinished
    | ActionFinished
    | RepairStarted
    | PreviewOpened
    | Notice
    | TurnFinished
)
