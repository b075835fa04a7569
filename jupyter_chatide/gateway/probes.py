"""Which servers answer: each asked briefly for its models, and believed for a few seconds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..errors import ChatIDEError
from .adapter import Target
from .addresses import is_loopback
from .connections import Connections
from .listing import list_models
from .messages import ModelInfo

_PATIENCE = 0.5  # seconds that a server on this machine has to show itself
_REMOTE_PATIENCE = 2.0  # the same for a server elsewhere
_BELIEVED = 5.0  # seconds

Place = tuple[str, str | None]  # a base URL, and the key: another key may get another answer


class Probes:
    """Asks servers whether they are there.

    Args:
        connections: whose connections to use.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._answers: dict[Place, tuple[float, list[ModelInfo] | None]] = {}

    async def models(self, target: Target) -> list[ModelInfo] | None:
        """The models of a server that answers at once; ``None`` when it does not."""
        with suppress(ChatIDEError):
            await self._connections.to(target.base_url)  # importing httpx is not the server's time
            now = asyncio.get_running_loop().time()
            place = target.base_url, target.key
            asked, models = self._answers.get(place, (-_BELIEVED, None))
            if now - asked >= _BELIEVED:
                patience = _PATIENCE if is_loopback(target.base_url) else _REMOTE_PATIENCE
                models = None
                with suppress(ChatIDEError):
                    models = await list_models(self._connections, target, patience=patience)
                self._answers[place] = now, models
            return models
        return None

    def forget(self) -> None:
        """Ask anew the next time."""
        self._answers.clear()
