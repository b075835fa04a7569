"""The bodies of requests and answers that are not types of another part."""

from __future__ import annotations

import msgspec

from ..chat.events import AnyEvent, Mode
from ..gateway.messages import ModelInfo, ProviderStatus


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body: a field that nobody knows is an error, not a surprise."""


class SetKey(_Request, frozen=True):
    """A key, a base URL, or both; ``None`` leaves that one as it is."""

    key: str | None = None
    base_url: str | None = None


class NewChat(_Request, frozen=True):
    """A chat to make; without a title it is named after its first prompt."""

    title: str = ""


class ChatChange(_Request, frozen=True):
    """What to change of a chat."""

    title: str


class NewTurn(_Request, frozen=True):
    """A prompt; ``model`` is ``provider/model`` or empty, ``key`` an idempotency key."""

    prompt: str
    model: str = ""
    mode: Mode = "build"
    key: str = ""


class NewRun(_Request, frozen=True):
    """An action to run again."""

    action: str


class NewPreview(_Request, frozen=True):
    """A page of the workspace to show."""

    path: str


class ProviderList(msgspec.Struct, frozen=True):
    """All providers, and the model that answers when none is named."""

    providers: list[ProviderStatus]
    default_model: str


class ModelList(msgspec.Struct, frozen=True):
    """The models that one provider lists."""

    provider: str
    models: list[ModelInfo]


class StartedTurn(msgspec.Struct, frozen=True):
    """The id of a turn."""

    turn: str


class StartedRun(msgspec.Struct, frozen=True):
    """The id of a run."""

    run: str


class EventBatch(msgspec.Struct, frozen=True):
    """One message of the events' WebSocket."""

    events: list[AnyEvent]


class WorkspaceFile(msgspec.Struct, frozen=True):
    """A file: its path relative to the workspace, its size in bytes."""

    path: str
    size: int


class WorkspaceFiles(msgspec.Struct, frozen=True):
    """The files of a workspace."""

    files: list[WorkspaceFile]


class OpenedPreview(msgspec.Struct, frozen=True):
    """Where a page can be shown: the outer frame's URL, from the server's root on."""

    url: str
    path: str
