"""The bodies of requests and answers that are not types of another part."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..chat.events import AnyEvent, Mode
from ..gateway.local.models import LocalModel, Serving
from ..gateway.messages import KeyPlace, ModelInfo, ProviderStatus
from ..gateway.usage import UsageRow, UsageTotals


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body: a field that nobody knows is an error, not a surprise."""


class SetKey(_Request, frozen=True):
    """A key, a base URL, or both; ``None`` leaves that one as it is.

    ``place`` is where the key is kept; ``None`` is the default place.
    """

    key: str | None = None
    base_url: str | None = None
    place: KeyPlace | None = None


class PreferencesChange(_Request, frozen=True):
    """What to change of the user's wishes; what is absent stays."""

    default_model: str | UnsetType = UNSET
    fallback: list[str] | UnsetType | None = UNSET


class EndpointChange(_Request, frozen=True):
    """Switch the endpoint on or off."""

    enabled: bool


class NewToken(_Request, frozen=True):
    """A token of the endpoint to make; ``None`` is no limit, ``days`` how long it is good."""

    label: str
    budget_cost: float | None = None  # US dollars
    budget_tokens: int | None = None
    period: Literal["day", "month"] = "day"
    days: float | None = None


class NewLocalModel(_Request, frozen=True):
    """A GGUF file on this machine."""

    path: str


class NewChat(_Request, frozen=True):
    """A chat to make; without a title it is named after its first prompt."""

    title: str = ""


class ChatChange(_Request, frozen=True):
    """What to change of a chat; what is absent stays."""

    title: str | UnsetType = UNSET
    fallback: list[str] | UnsetType | None = UNSET


class NewTurn(_Request, frozen=True):
    """A prompt; ``model`` is ``provider/model`` or empty, ``key`` an idempotency key."""

    prompt: str
    model: str = ""
    mode: Mode = "build"
    key: str = ""


class ResumeTurn(_Request, frozen=True):
    """How a turn that failed or was stopped goes on; ``model`` as in ``NewTurn``."""

    how: Literal["continue", "retry"]
    model: str = ""


class NewRun(_Request, frozen=True):
    """An action to run again."""

    action: str


class NewPreview(_Request, frozen=True):
    """A page of the workspace to show."""

    path: str


class ProviderList(msgspec.Struct, frozen=True):
    """All providers, the model that answers when none is named, and where a key can be kept."""

    providers: list[ProviderStatus]
    default_model: str
    key_places: list[KeyPlace]


class ModelList(msgspec.Struct, frozen=True):
    """The models that one provider lists."""

    provider: str
    models: list[ModelInfo]


class PreferencesStatus(msgspec.Struct, frozen=True):
    """The user's wishes, and the configured chain that ``None`` stands for."""

    default_model: str
    fallback: list[str] | None
    default_fallback: list[str]
    endpoint: bool


class BudgetStatus(msgspec.Struct, frozen=True):
    """The budget, what is spent of it, and when its period ends (seconds since 1970).

    ``estimated_tokens`` of the spent ones are an estimate, of requests that nobody counted.
    """

    cost: float | None
    tokens: int | None
    period: Literal["day", "month"]
    spent_cost: float
    spent_tokens: int
    estimated_tokens: int
    resets: float


class UsageStatus(msgspec.Struct, frozen=True):
    """What was used in the last ``days`` days, and the budget where there is one."""

    days: int
    rows: list[UsageRow]
    totals: UsageTotals
    budget: BudgetStatus | None


class TokenStatus(msgspec.Struct, frozen=True):
    """What may be said of a token of the endpoint. Times are seconds since 1970."""

    id: str
    label: str
    created: float
    expires: float | None
    last_used: float | None
    budget_cost: float | None
    budget_tokens: int | None
    period: Literal["day", "month"]
    spent_cost: float | None
    spent_tokens: int | None
    estimated_tokens: int


class EndpointStatus(msgspec.Struct, frozen=True):
    """The gateway for other programs; ``url`` is from the server's root on, as only the client
    knows by what name it reaches the server."""

    allowed: bool
    enabled: bool
    url: str
    tokens: list[TokenStatus]


class CreatedToken(msgspec.Struct, frozen=True):
    """A new token, this once."""

    token: str
    info: TokenStatus


class LocalModelList(msgspec.Struct, frozen=True):
    """The models that this machine can serve; ``reason`` says why it cannot."""

    available: bool
    reason: str
    serving: Serving
    models: list[LocalModel]


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
