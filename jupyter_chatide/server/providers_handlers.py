"""Providers, their models and their keys. A key comes in and never goes out."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidRequestError
from ..gateway.preferences import CustomProvider
from .base import ChatIDEHandler
from .bodies import ModelList, ProviderList, SetKey


class ProvidersHandler(ChatIDEHandler):
    """``providers``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the providers."""
        gateway = self.chatide.gateway
        providers = await gateway.providers()
        default = await gateway.resolve_default_model()
        places = await asyncio.to_thread(gateway.keys.places)
        self.answer(ProviderList(providers, default, places))


class ProviderHandler(ChatIDEHandler):
    """``providers/{provider}``"""

    body_bytes = 20_000

    @web.authenticated
    @authorized
    async def put(self, provider: str) -> None:
        """Name a server of the user's own, or change it."""
        custom = self.decode(CustomProvider)
        gateway = self.chatide.gateway
        known = gateway.registry.is_custom(provider)
        await asyncio.to_thread(gateway.registry.put_custom, provider, custom)
        if not known:
            self.set_header("Location", self.url("providers", provider))
        status = next(found for found in await gateway.providers() if found.id == provider)
        self.answer(status, 200 if known else 201)

    @web.authenticated
    @authorized
    async def delete(self, provider: str) -> None:
        """Forget a server of the user's own, with its key."""
        await asyncio.to_thread(self._forget, provider)
        self.answer_nothing()

    def _forget(self, provider: str) -> None:
        gateway = self.chatide.gateway
        if gateway.registry.is_custom(provider):
            gateway.keys.delete(provider)
        gateway.registry.remove_custom(provider)


class OptionsHandler(ChatIDEHandler):
    """``providers/{provider}/options``"""

    body_bytes = 20_000

    @web.authenticated
    @authorized
    async def put(self, provider: str) -> None:
        """Set options."""
        registry = self.chatide.gateway.registry
        await asyncio.to_thread(registry.set_options, provider, self.decode(dict[str, str]))
        self.answer(registry.options(provider))


class ModelsHandler(ChatIDEHandler):
    """``models?provider=``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List a provider's models."""
        provider = self.argument("provider")
        self.answer(ModelList(provider, await self.chatide.gateway.models(provider)))


class KeyHandler(ChatIDEHandler):
    """``keys/{provider}``"""

    body_bytes = 20_000

    @web.authenticated
    @authorized
    async def put(self, provider: str) -> None:
        """Keep a key, a base URL, or both."""
        try:
            body = self.decode(SetKey)
        except InvalidRequestError:  # it may quote a key that is in the wrong field
            raise InvalidRequestError(
                "The request's body is no key, base URL and place.",
                'Send JSON such as {"key": "…", "base_url": null, "place": "file"}.',
            ) from None
        # In threads, here and below: a keyring takes its time, and so does a disk.
        keys = self.chatide.gateway.keys
        given = provider, body.key, body.base_url, body.place
        self.answer(await asyncio.to_thread(keys.set, *given))

    @web.authenticated
    @authorized
    async def delete(self, provider: str) -> None:
        """Forget a key."""
        await asyncio.to_thread(self.chatide.gateway.keys.delete, provider)
        self.answer_nothing()


class KeyCheckHandler(ChatIDEHandler):
    """``keys/{provider}/check``"""

    @web.authenticated
    @authorized
    async def post(self, provider: str) -> None:
        """Make a real call with the key."""
        self.answer(await self.chatide.gateway.check_key(provider))
