"""The adapters, each made when it is first needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .adapter import Adapter, ProviderConfiguration
from .errors import GatewayError
from .settings import GatewaySettings
from .wire.connections import Connections
from .wire.direct import DirectAdapter

if TYPE_CHECKING:
    from .local import LocalModels


class Adapters:
    """Who speaks to which provider.

    Args:
        settings: deadlines, and how many worker processes there may be.
        local: the models of this machine.
    """

    def __init__(self, settings: GatewaySettings, local: LocalModels) -> None:
        self.connections = Connections(settings.deadlines.connect)
        self._settings = settings
        self._local = local
        self._made: dict[str, Adapter] = {}
        self._closed = False

    def of(self, provider: ProviderConfiguration) -> Adapter:
        """The adapter of a provider.

        Raises:
            GatewayError: all are closed.
        """
        if self._closed:
            raise GatewayError("The gateway is closed.", "Open a new one.")
        kind = provider.adapter
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    async def aclose(self) -> None:
        """Close every connection and end the worker processes. Safe to call twice."""
        self._closed = True
        adapters = list(self._made.values())
        self._made.clear()
        await asyncio.gather(*(adapter.aclose() for adapter in adapters))
        await self.connections.aclose()

    def _make(self, kind: str) -> Adapter:
        deadlines = self._settings.deadlines
        if kind == "direct":
            return DirectAdapter(self.connections, deadlines)
        if kind == "ollama":
            from .wire.ollama import OllamaAdapter

            return OllamaAdapter(self.connections, deadlines)
        if kind == "litellm":
            from .litellm.adapter import LiteLLMAdapter

            return LiteLLMAdapter(deadlines, self._settings.workers)
        if kind == "local":
            from .local import LocalAdapter

            return LocalAdapter(self._local, deadlines)
        from .demo import DemoAdapter

        return DemoAdapter()
