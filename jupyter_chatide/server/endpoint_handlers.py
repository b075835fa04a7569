"""The endpoint's switch and its tokens, for the user; what it serves is in ``v1_handlers``."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import ChatIDEError
from ..gateway.endpoint.tokens import TokenInfo
from ..gateway.settings import Budget
from .base import ChatIDEHandler
from .bodies import CreatedToken, EndpointChange, EndpointStatus, NewToken, TokenStatus

_DAY = 86_400.0  # seconds


class _EndpointHandler(ChatIDEHandler):
    async def status(self, token: TokenInfo) -> TokenStatus:
        """What may be said of a token."""
        spent = None
        with suppress(ChatIDEError):  # a record that cannot be read is unknown
            spent = await self.chatide.gateway.usage.spent(token.budget, token=token.id)
        return TokenStatus(
            id=token.id,
            label=token.label,
            created=token.created,
            expires=token.expires,
            last_used=self.chatide.endpoint.tokens.last_used(token.id),
            budget_cost=token.budget.cost,
            budget_tokens=token.budget.tokens,
            period=token.budget.period,
            # Nothing known of what was spent is unknown, and not nothing.
            spent_cost=spent.cost if spent and (spent.cost or not spent.unknown) else None,
            spent_tokens=spent.tokens if spent else None,
            estimated_tokens=spent.estimated if spent else 0,
        )


class EndpointHandler(_EndpointHandler):
    """``endpoint``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell whether it is on, and of its tokens."""
        await self._answer()

    @web.authenticated
    @authorized
    async def patch(self) -> None:
        """Switch it on or off."""
        await self.chatide.endpoint.switch(self.decode(EndpointChange).enabled)
        await self._answer()

    async def _answer(self) -> None:
        endpoint = self.chatide.endpoint
        tokens = await asyncio.to_thread(endpoint.tokens.all)
        known = list(await asyncio.gather(*map(self.status, tokens)))
        self.answer(EndpointStatus(endpoint.allowed, endpoint.enabled, self.url("v1"), known))


class TokensHandler(_EndpointHandler):
    """``endpoint/tokens``"""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a token."""
        body = self.decode(NewToken)
        budget = Budget(body.budget_cost, body.budget_tokens, body.period)
        expires = None if body.days is None else time.time() + body.days * _DAY
        create = self.chatide.endpoint.tokens.create
        info, secret = await asyncio.to_thread(create, body.label, budget, expires)
        self.set_header("Location", self.url("endpoint", "tokens", info.id))
        self.set_header("Cache-Control", "no-store")
        self.answer(CreatedToken(secret, await self.status(info)), 201)


class TokenHandler(_EndpointHandler):
    """``endpoint/tokens/{token}``"""

    @web.authenticated
    @authorized
    async def delete(self, token: str) -> None:
        """Revoke a token."""
        await self.chatide.endpoint.revoke(token)
        self.answer_nothing()
