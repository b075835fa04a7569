"""Models on this machine: fetch them, add files, remove them."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import ChatIDEHandler
from .bodies import LocalModelList, NewLocalModel


class LocalModelsHandler(ChatIDEHandler):
    """``local``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the models."""
        local = self.chatide.gateway.local
        available, reason = await asyncio.to_thread(local.available)
        self.answer(LocalModelList(available, reason, local.serving(), await local.list()))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Take in a file of the user's."""
        self.answer(await self.chatide.gateway.local.add(self.decode(NewLocalModel).path), 201)


class LocalModelHandler(ChatIDEHandler):
    """``local/{model}``"""

    @web.authenticated
    @authorized
    async def delete(self, model: str) -> None:
        """Remove a model, or forget a file."""
        await self.chatide.gateway.local.remove(model)
        self.answer_nothing()


class DownloadHandler(ChatIDEHandler):
    """``local/{model}/download``"""

    @web.authenticated
    @authorized
    async def post(self, model: str) -> None:
        """Begin to fetch a model, or go on."""
        self.answer(await self.chatide.gateway.local.download(model))


class CancelHandler(ChatIDEHandler):
    """``local/{model}/cancel``"""

    @web.authenticated
    @authorized
    async def post(self, model: str) -> None:
        """Stop fetching a model."""
        self.answer(await self.chatide.gateway.local.cancel(model))
