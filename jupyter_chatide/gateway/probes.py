"""Which servers answer: each asked briefly for its models, and believed for a few seconds."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ..errors import ChatIDEError
from .adapter import Target
from .addresses import is_loopback
from .errors import AuthenticationError, PermissionDeniedError
from .listing import list_models
from .messages import ModelInfo
from .wire.connections import Connections

_PATIENCE = 0.5  # seconds that a server on this machine has to show itself
_REMOTE_PATIENCE = 2.0  # the same for a server elsewhere
_BELIEVED = 5.0  # seconds

Place = tuple[str, str | None]  # a base URL, and the key: another key may get another answer


class Found(NamedTuple):
    """What a server says at once.

    Args:
        models: what it lists; ``None`` when it does not answer, or gives no list.
        refusal: why it answers with no list, though it is there: it does not take the key.
    """

    models: list[ModelInfo] | None
    refusal: str = ""


NOTHING = Found(None)


class Probes:
    """Asks servers whether they are there.

    Args:
        connections: whose connections to use.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._answers: dict[Place, tuple[float, Found]] = {}

    async def ask(self, target: Target) -> Found:
        """What a server says at once, or said a few seconds ago."""
        try:
            await self._connections.to(target.base_url)  # importing httpx is not the server's time
        except ChatIDEError:
            return NOTHING
        now = asyncio.get_running_loop().time()
        place = target.base_url, target.key
        asked, found = self._answers.get(place, (-_BELIEVED, NOTHING))
        if now - asked >= _BELIEVED:
            found = await self._listed(target)
            self._answers[place] = now, found
        return found

    async def _listed(self, target: Target) -> Found:
        patience = _PATIENCE if is_loopback(target.base_url) else _REMOTE_PATIENCE
        try:
            return Found(await list_models(self._connections, target, patience=patience))
        except (AuthenticationError, PermissionDeniedError) as error:
            return Found(None, error.message)
        except ChatIDEError:
            return NOTHING

    def forget(self) -> None:
        """Ask anew the next time."""
        self._answers.clear()
