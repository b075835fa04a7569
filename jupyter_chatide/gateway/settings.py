"""What an administrator, or a user's configuration file, decides about the gateway."""

from __future__ import annotations

from typing import Literal

import msgspec

from .adapter import ProviderConfiguration


class Deadlines(msgspec.Struct, frozen=True):
    """How long each step of an answer may take, in seconds.

    ``first_token`` counts from the request: a local server may load a model first. ``idle`` is
    the longest pause after that, and ``trailing`` the time for what follows the finish reason.
    """

    connect: float = 10.0
    first_token: float = 300.0
    idle: float = 120.0
    total: float = 3600.0
    trailing: float = 3.0


class Budget(msgspec.Struct, frozen=True):
    """What a user may spend in a period (UTC days and months); ``None`` is no limit."""

    cost: float | None = None  # US dollars
    tokens: int | None = None  # input and output together
    period: Literal["day", "month"] = "day"


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's configuration. The user's own wishes (``preferences``) come before the first
    two; nothing comes before the others.

    Args:
        default_model: the ``provider/model`` to ask when nobody chose one; ``""`` finds one.
        fallback: the chain of models to fall back on where neither user nor chat has one.
        providers: providers that the administrator adds, or puts in place of ours of the same id.
        keys: keys by provider's id, read-only for users.
        key_places: where a user's keys may be kept, the default first.
        allowed: patterns of providers and models that may be asked; empty allows all.
        blocked: patterns of those that may not.
        deadlines: how long each step of an answer may take.
        budget: what may be spent.
        workers: the most litellm worker processes.
        local_models_dir: where fetched local models go; ``""`` is ``models`` in the data directory.
    """

    default_model: str = ""
    fallback: tuple[str, ...] = ()
    providers: tuple[ProviderConfiguration, ...] = ()
    keys: dict[str, str] = {}
    key_places: tuple[Literal["keyring", "file", "memory"], ...] = ("keyring", "file", "memory")
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    deadlines: Deadlines = Deadlines()
    budget: Budget = Budget()
    workers: int = 4
    local_models_dir: str = ""

    def __repr__(self) -> str:  # keys belong into no log
        return f"GatewaySettings(default_model={self.default_model!r}, keys={list(self.keys)})"
