"""What ``run --json`` prints: a turn as one document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..chat import events as ev
from ..chat.state import ActionState
from ..runtime.outputs import Outputs
from ..runtime.results import OutputChange, RunError

if TYPE_CHECKING:
    from ..chat import Chat


class TurnDocument(msgspec.Struct):
    """A turn. ``reply`` is all that was said, repairs included, as the model wrote it."""

    chat: str
    title: str
    turn: str
    model: str
    status: str
    error: ev.ErrorInfo | None
    reply: str
    actions: list[ActionDocument]
    runs: list[RunDocument]
    notices: list[NoticeDocument]
    workspace: str


class ActionDocument(msgspec.Struct):
    """An action. ``status``: ``ran``, or ``done``, ``failed``, ``skipped``; ``""`` for examples."""

    id: str
    kind: str
    language: str
    path: str
    content: str
    complete: bool
    status: str = ""
    message: str = ""


class RunDocument(msgspec.Struct):
    """A run of an action's code. ``outputs`` are nbformat 4 outputs; ``duration`` in seconds."""

    id: str
    action: str
    status: str = ""
    outputs: list[dict[str, Any]] = []
    error: RunError | None = None
    execution_count: int | None = None
    duration: float = 0.0


class NoticeDocument(msgspec.Struct):
    """Something to know of the turn or of one of its runs."""

    code: str
    message: str
    hint: str
    run: str


def turn_document(chat: Chat, turn: str) -> str:
    """A turn as JSON.

    Args:
        chat: the chat it belongs to.
        turn: its id.
    """
    state = chat.state.turn(turn)
    document = TurnDocument(
        chat=chat.id,
        title=chat.state.title,
        turn=turn,
        model=state.model,
        status=state.status,
        error=None,
        reply="\n\n".join(reply.raw for reply in state.standing),
        actions=[_action(action) for reply in state.standing for action in reply.actions],
        runs=[],
        notices=[],
        workspace=str(chat.workspace_path),
    )
    actions = {action.id: action for action in document.actions}
    runs: dict[str, RunDocument] = {}
    outputs: dict[str, Outputs] = {}
    for event in chat.read():
        match event:
            case ev.RunStarted(turn=of) if of == turn and event.action in actions:
                runs[event.run] = RunDocument(event.run, event.action)
                outputs[event.run] = Outputs()
                actions[event.action].status = "ran"
            case ev.RunOutput() if event.run in runs:
                outputs[event.run].apply(
                    OutputChange(event.op, event.output, event.display_id, event.wait)
                )
            case ev.RunFinished() if event.run in runs:
                run = runs[event.run]
                run.status, run.error, run.duration = event.status, event.error, event.duration
                run.execution_count = event.execution_count
                run.outputs = outputs[event.run].as_list()
            case ev.ActionFinished() if event.action in actions:
                actions[event.action].status = event.status
                actions[event.action].message = event.message
            case ev.Notice() if event.turn == turn or event.run in runs:
                document.notices.append(
                    NoticeDocument(event.code, event.message, event.hint, event.run)
                )
            case ev.TurnFinished(turn=of) if of == turn:
                document.error = event.error
    document.runs = list(runs.values())
    return msgspec.json.encode(document).decode()


def _action(action: ActionState) -> ActionDocument:
    return ActionDocument(
        id=action.id,
        kind=action.kind,
        language=action.language,
        path=action.path,
        content=action.content,
        complete=action.complete,
    )
