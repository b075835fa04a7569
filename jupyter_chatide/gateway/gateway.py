"""The gateway: a request in, a stream of deltas out, whoever answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Self

from ..errors import ChatIDEError
from .adapter import Adapter, ProviderConfiguration, Target
from .connections import Connections
from .direct import DirectAdapter
from .errors import (
    AuthenticationError,
    GatewayError,
    ModelNotFoundError,
    ModelTimeoutError,
    UnreachableError,
)
from .keys import KeyStore
from .listing import get_json, list_models
from .messages import (
    AnyDelta,
    ChatMessage,
    ExamplePrompt,
    KeyCheck,
    KeyStatus,
    LLMRequest,
    ModelInfo,
    ProviderStatus,
    Purpose,
)
from .policy import Policy
from .preferences import PreferenceStore
from .providers import DEFAULT_PROVIDERS, icon_svg, is_loopback
from .registry import ProviderRegistry
from .settings import GatewaySettings
from .usage import UsageLedger
from .validation import validate

_PROBE = 0.5  # seconds that a local server has to show itself
_REMOTE_PROBE = 2.0  # the same for a server elsewhere
_PROBE_KEPT = 5.0  # seconds for which a probe's result is believed
_CHECK = 60.0  # seconds that a key's check may take
_DEMO = "demo/demo"


class Gateway:
    """Every provider behind one interface.

    Args:
        data_dir: the folder of keys, preferences and usage; ``None`` is Jupyter's data directory.
        settings: what the administrator decides; ``None`` is the defaults.
        keys: the key store; ``None`` makes one for ``data_dir``.
        providers: the providers there are; ``None`` is ``DEFAULT_PROVIDERS``.
        default_model: in place of that of the settings.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        settings: GatewaySettings | None = None,
        keys: KeyStore | None = None,
        providers: Sequence[ProviderConfiguration] | None = None,
        default_model: str = "",
    ) -> None:
        self.settings = GatewaySettings() if settings is None else settings
        self.preferences = PreferenceStore(data_dir)
        if providers is None:
            providers = DEFAULT_PROVIDERS if keys is None else keys.providers
        self.registry = ProviderRegistry(providers, self.settings.providers, self.preferences)
        self.keys = KeyStore(data_dir, self.registry.all()) if keys is None else keys
        self.policy = Policy(self.settings.allowed, self.settings.blocked)
        self.usage = UsageLedger(data_dir)
        self._default_model = default_model or self.settings.default_model
        self._adapters: dict[str, Adapter] = {}
        self._connections = Connections()
        self._probes: dict[str, tuple[float, list[ModelInfo] | None]] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and end the worker process. Safe to call twice."""
        self._closed = True
        adapters = list(self._adapters.values())
        self._adapters.clear()
        await asyncio.gather(*(adapter.aclose() for adapter in adapters))
        await self._connections.aclose()
        await self.usage.aclose()

    async def stream(
        self, request: LLMRequest, purpose: Purpose | None = None
    ) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer to a request; it ends with a ``FinishDelta``.

        Closing the generator (``aclosing``), or cancelling the task that reads it, closes the
        upstream connection at once. A bare ``break`` leaves it open until the generator is
        collected.

        Raises:
            InvalidRequestError: the request cannot be asked; the message names the field.
            GatewayError: the model could not answer; the class says why.
        """
        validate(request, self.registry.all())
        target = self._target(request.provider)
        async with aclosing(self._adapter(target.provider).stream(target, request)) as deltas:
            async for delta in deltas:
                yield delta

    def fallback_default(self) -> list[str]:
        """The chain of models to fall back on where a request names none: the user's, else the
        configured one."""
        wished = self.preferences.read().fallback
        return list(self.settings.fallback) if wished is None else wished

    async def providers(self) -> list[ProviderStatus]:
        """All providers with the status of their keys. Local servers are asked, briefly."""
        return list(await asyncio.gather(*map(self._status, self.registry.all())))

    async def models(self, provider: str) -> list[ModelInfo]:
        """The models that a provider lists now. Others can be named all the same.

        Raises:
            NotFoundError: there is no such provider.
            GatewayError: it does not answer with a list.
        """
        target = self._target(provider)
        configuration = target.provider
        if configuration.models == "none":
            default = configuration.default_model
            return [ModelInfo(id=default)] if default else []
        if configuration.models == "demo":
            return await self._adapter(configuration).models(target)
        return await list_models(self._connections, target)

    async def resolve_default_model(self) -> str:
        """The ``provider/model`` to ask when nobody chose one.

        The configured one, else that of the first provider with a key, else the first model of a
        local server that runs, else the demo.
        """
        if chosen := self.preferences.read().default_model or self._default_model:
            return chosen
        keyless = []
        for provider in self.registry.all():
            if self._key_status(provider).set:
                if provider.default_model:
                    return f"{provider.id}/{provider.default_model}"
                if models := await self._probe(provider):
                    return f"{provider.id}/{models[0].id}"
            elif provider.adapter == "direct" and not provider.needs_key:
                keyless.append(provider)
        found = await asyncio.gather(*map(self._probe, keyless))
        for provider, models in zip(keyless, found, strict=True):
            if models:
                return f"{provider.id}/{models[0].id}"
        return _DEMO

    async def check_key(self, provider: str) -> KeyCheck:
        """Make a real call with the key in force, and say what it gave.

        Raises:
            NotFoundError: there is no such provider.
        """
        label = self.registry.get(provider).label
        try:
            async with asyncio.timeout(_CHECK):
                return KeyCheck(ok=True, message=await self._prove_key(provider))
        except TimeoutError:
            error: ChatIDEError = ModelTimeoutError(
                f"{label} did not answer within {_CHECK:g} s.", "Try again."
            )
        except ChatIDEError as failure:
            error = failure
        return KeyCheck(ok=False, message=error.message, code=error.code, hint=error.hint)

    async def _prove_key(self, provider: str) -> str:
        target = self._target(provider)
        configuration = target.provider
        label = configuration.label
        if configuration.adapter == "demo":
            return "The demo needs no key."
        if configuration.key_check == "models":
            count = len(await self.models(provider))
            answers = "accepts the key" if target.key else "answers"
            return f"{label} {answers} and lists {count} model{'' if count == 1 else 's'}."
        if configuration.key_check != "completion":
            await get_json(self._connections, target, f"{target.base_url}{configuration.key_check}")
            return f"{label} accepts the key."
        model = configuration.default_model or await self._first_model(provider)
        question = LLMRequest(provider, model, [ChatMessage("user", "Say OK.")])
        async with aclosing(self.stream(question)) as deltas:
            async for _ in deltas:
                break  # the first sign of an answer is enough
        return f"{label} answers{' with the key' if target.key else ''}, as {model}."

    async def _first_model(self, provider: str) -> str:
        models = await self.models(provider)
        if not models:
            label = self.registry.get(provider).label
            raise ModelNotFoundError(f"{label} lists no model.", "Load or pull a model there.")
        return models[0].id

    async def _status(self, provider: ProviderConfiguration) -> ProviderStatus:
        key = self._key_status(provider)
        base_url = ""
        with suppress(ChatIDEError):
            base_url = self.keys.base_url(provider.id)
        if provider.local:
            ready = await self._probe(provider) is not None
        else:
            reachable = provider.adapter == "demo" or bool(base_url)
            ready = reachable and (key.set or not provider.needs_key)
        return ProviderStatus(
            id=provider.id,
            label=provider.label,
            icon=icon_svg(provider.icon),
            group=provider.group,
            needs_key=provider.needs_key,
            key=key,
            key_format=provider.key_format,
            key_url=provider.key_url,
            key_variable=provider.key_variables[0] if provider.key_variables else "",
            base_url=base_url,
            base_url_editable=provider.base_url_editable,
            local=provider.local,
            ready=ready,
            default_model=provider.default_model,
            examples=_examples() if provider.adapter == "demo" else [],
        )

    def _key_status(self, provider: ProviderConfiguration) -> KeyStatus:
        try:
            return self.keys.status(provider.id)
        except ChatIDEError as error:
            return KeyStatus(set=False, hint=error.message)

    async def _probe(self, provider: ProviderConfiguration) -> list[ModelInfo] | None:
        """The models of a server that answers at once; ``None`` when it does not."""
        with suppress(ChatIDEError):
            target = self._target(provider.id)
            await self._connections.to(target.base_url)  # importing httpx is not the server's time
            now = asyncio.get_running_loop().time()
            asked, models = self._probes.get(target.base_url, (-_PROBE_KEPT, None))
            if now - asked >= _PROBE_KEPT:
                patience = _PROBE if is_loopback(target.base_url) else _REMOTE_PROBE
                models = None
                with suppress(ChatIDEError):
                    models = await list_models(self._connections, target, patience=patience)
                self._probes[target.base_url] = now, models
            return models
        return None

    def _target(self, provider: str) -> Target:
        """Where a request goes.

        Raises:
            NotFoundError: there is no such provider.
            GatewayError: it has no address or no key yet, or its key cannot be read.
        """
        configuration = self.registry.get(provider)
        if configuration.adapter == "demo":
            return Target(configuration, "", None)
        target = self.keys.target(provider)
        label = configuration.label
        if not target.base_url:
            raise UnreachableError(f"{label} has no address yet.", "Set its base URL.")
        if configuration.needs_key and target.key is None:
            hint = f"Set a key for {label}"
            if configuration.key_variables:
                hint += f", or {configuration.key_variables[0]} in the environment"
            if configuration.key_url:
                hint += f"; get one at {configuration.key_url}"
            raise AuthenticationError(f"{label} needs a key.", hint)
        return target

    def _adapter(self, provider: ProviderConfiguration) -> Adapter:
        if self._closed:
            raise GatewayError("The gateway is closed.", "Open a new one.")
        if provider.adapter not in self._adapters:
            self._adapters[provider.adapter] = self._make_adapter(provider)
        return self._adapters[provider.adapter]

    def _make_adapter(self, provider: ProviderConfiguration) -> Adapter:
        if provider.adapter == "direct":
            return DirectAdapter(self._connections)
        if provider.adapter == "litellm":
            from .litellm_adapter import LiteLLMAdapter

            return LiteLLMAdapter()
        from .demo import DemoAdapter

        return DemoAdapter()


def _examples() -> list[ExamplePrompt]:
    from .demo import EXAMPLES

    return [ExamplePrompt(example.title, example.prompt, example.icon) for example in EXAMPLES]
