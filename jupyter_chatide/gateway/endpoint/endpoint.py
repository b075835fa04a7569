"""The gateway for other programs: who may use it, how much at a time, and when that ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...errors import ChatIDEError, InvalidRequestError, NotFoundError
from ..errors import KeyStoreError, ModelNotFoundError, RateLimitError
from ..messages import AnyDelta, Purpose
from .requests import DEFAULT_MODEL, CompletionRequest, model_of
from .tokens import EndpointOffError, EndpointTokens, TokenError, TokenInfo

if TYPE_CHECKING:
    from ..gateway import Gateway

_log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between two looks whether the tokens in use are still good
_LISTING = 5.0  # seconds that a provider may take to list its models
_SWITCH = "Switch it on in JupyterLab: Models and keys → Endpoint."


class Endpoint:
    """Who asks the gateway through ``v1``, with what token.

    Args:
        gateway: who answers.
        data_dir: the folder of the tokens; ``None`` is Jupyter's data directory.
        allowed: whether users may switch it on.
        streams: the most answers that one token may have at a time.
    """

    def __init__(
        self,
        gateway: Gateway,
        data_dir: Path | None = None,
        *,
        allowed: bool = True,
        streams: int = 8,
    ) -> None:
        self.tokens = EndpointTokens(data_dir)
        self.allowed = allowed
        self._gateway = gateway
        self._streams = streams
        self._sessions: dict[asyncio.Future[ChatIDEError], str] = {}
        self._watching: asyncio.Task[None] | None = None

    @property
    def enabled(self) -> bool:
        """Whether it is allowed and switched on."""
        return self.allowed and self._gateway.preferences.read().endpoint

    async def switch(self, on: bool) -> None:
        """Switch it on or off; off ends what runs.

        Raises:
            EndpointOffError: it is not allowed here.
            KeyStoreError: the preferences cannot be written.
        """
        if on and not self.allowed:
            raise self._off()
        await asyncio.to_thread(self._gateway.preferences.change, endpoint=on)
        if not on:
            self._end(set(self._sessions.values()), self._off())

    async def revoke(self, id: str) -> None:
        """Revoke a token; what runs with it ends at once.

        Raises:
            NotFoundError: there is no such token.
            KeyStoreError: the tokens cannot be written.
        """
        await asyncio.to_thread(self.tokens.revoke, id)
        self._end({id}, _revoked())

    async def check(self, secret: str) -> TokenInfo:
        """Whose token this is.

        Raises:
            EndpointOffError: the endpoint is off; the token was not looked at.
            TokenError: the token is not good, or none is as the file of tokens is not safe.
        """
        if not self.enabled:
            raise self._off()
        try:
            return await asyncio.to_thread(self.tokens.check, secret)
        except KeyStoreError as error:
            _log.warning("No token of the endpoint is good. %s %s", error.message, error.hint)
            raise TokenError(  # whoever asks is not known: nothing of this machine
                "No token is good now.",
                "Look at Models and keys → Endpoint, or into Jupyter's log.",
            ) from None

    @contextmanager
    def session(self, token: TokenInfo) -> Iterator[asyncio.Future[ChatIDEError]]:
        """Count an answer; gives a future that gets an error when the answer must end.

        Raises:
            RateLimitError: the token has as many answers as it may.
        """
        if sum(id == token.id for id in self._sessions.values()) >= self._streams:
            raise RateLimitError(
                f"This token has {self._streams} answers under way already.",
                "Wait until one is done.",
                retry_after=1.0,
            )
        ended: asyncio.Future[ChatIDEError] = asyncio.get_running_loop().create_future()
        self._sessions[ended] = token.id
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield ended
        finally:
            del self._sessions[ended]

    async def stream(
        self, token: TokenInfo, completion: CompletionRequest
    ) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer to a question that came with a token.

        Raises:
            InvalidRequestError: it cannot be asked; the message names the field.
            ModelNotFoundError: the model is of no provider that there is.
            BudgetError: the token's budget, or the user's, is used up.
            GatewayError: the model could not answer.
        """
        name = completion.model
        if name == DEFAULT_MODEL:
            name = await self._gateway.resolve_default_model()
        provider, model = model_of(name)
        self._known(provider)
        await self._gateway.usage.check(token.budget, token=token.id)
        request = msgspec.structs.replace(completion.request, provider=provider, model=model)
        purpose = Purpose(client="v1", token=token.id)
        async with aclosing(self._gateway.stream(request, purpose)) as deltas:
            async for delta in deltas:
                yield delta

    async def models(self) -> list[tuple[str, str]]:
        """The models of all providers that are ready: provider and name."""
        ready = [
            status.id
            for status in await self._gateway.providers()
            if status.ready and not status.blocked
        ]
        found = await asyncio.gather(*map(self._models_of, ready))
        return [pair for pairs in found for pair in pairs]

    async def model(self, name: str) -> tuple[str, str]:
        """A listed model's provider and its name there.

        Raises:
            ModelNotFoundError: no provider lists it.
            PolicyError: it may not be asked.
        """
        try:
            provider, model = model_of(name)
        except InvalidRequestError as error:
            raise ModelNotFoundError(error.message, error.hint) from None
        self._known(provider)
        self._gateway.policy.check(provider, model)
        if (provider, model) in await self._models_of(provider):
            return provider, model
        raise ModelNotFoundError(
            f"{name[:200]} is not among the models that {provider} lists.",
            "It can be asked all the same, if there is such a model.",
        )

    async def aclose(self) -> None:
        """End what runs. Safe to call twice."""
        self._end(set(self._sessions.values()), ChatIDEError("The server ends.", "Start it again."))
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    def _known(self, provider: str) -> None:
        try:
            self._gateway.registry.get(provider)
        except NotFoundError as error:
            raise ModelNotFoundError(error.message, error.hint) from None

    async def _models_of(self, provider: str) -> list[tuple[str, str]]:
        with suppress(ChatIDEError, TimeoutError):
            async with asyncio.timeout(_LISTING):
                return [(provider, model.id) for model in await self._gateway.models(provider)]
        return []

    async def _watch(self) -> None:
        """End what runs with a token that expired, or that another process revoked."""
        while self._sessions:
            await asyncio.sleep(_LOOK)
            if not self.enabled:
                self._end(set(self._sessions.values()), self._off())
                continue
            try:
                good = {info.id for info in await asyncio.to_thread(self.tokens.all)}
            except ChatIDEError:
                good = set()
            self._end(set(self._sessions.values()) - good, _revoked())

    def _end(self, tokens: set[str], error: ChatIDEError) -> None:
        for ended, id in self._sessions.items():
            if id in tokens and not ended.done():
                ended.set_result(error)

    def _off(self) -> ChatIDEError:
        if not self.allowed:
            return EndpointOffError(
                "This server does not allow Jupyter ChatIDE's endpoint.",
                "Ask whoever runs the server: c.ChatIDEExtension.endpoint_allowed.",
            )
        return EndpointOffError("Jupyter ChatIDE's endpoint is switched off.", _SWITCH)


def _revoked() -> TokenError:
    return TokenError(
        "This token was revoked, or has expired.",
        "Make a new one under Models and keys → Endpoint.",
    )
