"""The gateway: a request in, a stream of deltas out, whoever answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from ..errors import ChatIDEError, InvalidRequestError, NotFoundError
from .adapter import ProviderConfiguration, Target
from .adapters import Adapters
from .addresses import is_loopback
from .breaker import Breaker
from .catalog import Catalog
from .errors import (
    AuthenticationError,
    GatewayError,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    UnreachableError,
)
from .estimate import Estimate
from .fallback import Candidate, Skipped, answer
from .keys import KeyStore
from .listing import get_json, list_models
from .local import LocalModels
from .messages import (
    AnyDelta,
    ChatMessage,
    FinishDelta,
    ImagePart,
    KeyCheck,
    LLMRequest,
    ModelInfo,
    ProviderStatus,
    Purpose,
    UsageDelta,
)
from .policy import Policy
from .preferences import PreferenceStore
from .probes import NOTHING, Found, Probes
from .providers import DEFAULT_PROVIDERS
from .registry import ProviderRegistry
from .settings import GatewaySettings
from .status import first_ready, statuses
from .usage import UsageLedger
from .validation import LONGEST_CHAIN, bad_name, validate

_CHECK = 60.0  # seconds that a key's check may take
_ANYBODY = Purpose()
_CHECKING = Purpose(client="check")


class Gateway:
    """Every provider behind one interface.

    Args:
        data_dir: the folder of keys, preferences and usage; ``None`` is Jupyter's data directory.
        settings: what the administrator decides; ``None`` is the defaults.
        keys: the key store; ``None`` makes one for ``data_dir``.
        providers: the providers that there are at first; ``None`` is ``DEFAULT_PROVIDERS``.
        default_model: in place of that of the settings.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        settings: GatewaySettings | None = None,
        keys: KeyStore | None = None,
        providers: Sequence[ProviderConfiguration] = DEFAULT_PROVIDERS,
        default_model: str = "",
    ) -> None:
        settings = GatewaySettings() if settings is None else settings
        if default_model:
            settings = msgspec.structs.replace(settings, default_model=default_model)
        if keys is not None:
            data_dir = keys.path.parent
        self.settings = settings
        self.preferences = PreferenceStore(data_dir)
        self.registry = (
            ProviderRegistry(providers, settings.providers, self.preferences)
            if keys is None
            else keys.registry
        )
        self.keys = keys or KeyStore(
            data_dir, self.registry, keys=settings.keys, places=settings.key_places
        )
        self.policy = Policy(settings.allowed, settings.blocked)
        self.catalog = Catalog()
        self.usage = UsageLedger(data_dir)
        models_dir = Path(settings.local_models_dir) if settings.local_models_dir else None
        self.local = LocalModels(data_dir, models_dir=models_dir)
        self._adapters = Adapters(settings, self.local)
        self._probes = Probes(self._adapters.connections)
        self._breaker = Breaker()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and end all processes. Safe to call twice."""
        await self._adapters.aclose()
        await self.local.aclose()
        await self.usage.aclose()

    async def stream(
        self, request: LLMRequest, purpose: Purpose = _ANYBODY
    ) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer to a request; it ends with a ``FinishDelta``.

        Closing the generator (``aclosing``), or cancelling the task that reads it, closes the
        upstream connection at once. A bare ``break`` leaves it open until the generator is
        collected.

        Args:
            request: what is asked.
            purpose: what for, so that its usage can be told apart later.

        Raises:
            InvalidRequestError: the request cannot be asked; the message names the field.
            GatewayError: no model could answer; the class says why the first one could not.
        """
        validate(request, self.registry.all())
        first = await self._candidate(request, purpose)
        others = partial(self._others, request, purpose)
        async with aclosing(answer(first, others, self._breaker)) as deltas:
            async for delta in deltas:
                yield delta

    def fallback_default(self) -> list[str]:
        """The chain of models to fall back on where a request names none: the user's, else the
        configured one."""
        wished = self.preferences.read().fallback
        return list(self.settings.fallback) if wished is None else wished

    async def providers(self) -> list[ProviderStatus]:
        """All providers with the status of their keys. Local servers are asked, briefly."""
        return await statuses(self.registry, self.keys, self.policy, self._running)

    async def models(self, provider: str) -> list[ModelInfo]:
        """The models that a provider lists now, with what else is known of them, without those
        that policy forbids. Others can be named all the same.

        Raises:
            NotFoundError: there is no such provider.
            PolicyError: it may not be asked.
            GatewayError: it does not answer with a list.
        """
        configuration = self.registry.get(provider)
        self.policy.check(provider)
        await self.catalog.load()
        if configuration.adapter in ("demo", "local"):
            target = Target(configuration, "", None)
            models = await self._adapters.of(configuration).models(target)
        elif configuration.models == "none":
            region = self.registry.option_values(provider).get("region", "")
            models = await asyncio.to_thread(self.catalog.known, configuration, region)
        else:
            target = await self._target(provider)
            models = await list_models(self._adapters.connections, target)
            self.catalog.note(provider, models)
            models = [self.catalog.fill(configuration, model) for model in models]
        return self._allowed(provider, models)

    async def resolve_default_model(self) -> str:
        """The ``provider/model`` to ask when nobody chose one.

        The user's, else the configured one, else that of the first provider with a key, else the
        first model of a local server that runs, else the demo. What policy forbids is left out.
        """
        for chosen in (self.preferences.read().default_model, self.settings.default_model):
            provider, _, model = chosen.partition("/")
            if chosen and not self.policy.reason(provider, model):
                return chosen
        return await first_ready(self.registry, self.keys, self.policy, self._running)

    async def check_key(self, provider: str) -> KeyCheck:
        """Make a real call with the key in force, and say what it gave.

        Raises:
            NotFoundError: there is no such provider.
        """
        configuration = self.registry.get(provider)
        try:
            async with asyncio.timeout(_CHECK):
                message = await self._prove_key(configuration)
            self._breaker.forget(provider)  # whatever ailed it before
            return KeyCheck(ok=True, message=message)
        except TimeoutError:
            error: ChatIDEError = ModelTimeoutError(
                f"{configuration.label} did not answer within {_CHECK:g} s.", "Try again."
            )
        except ChatIDEError as failure:
            error = failure
        return KeyCheck(ok=False, message=error.message, code=error.code, hint=error.hint)

    async def _prove_key(self, provider: ProviderConfiguration) -> str:
        label = provider.label
        self.policy.check(provider.id)
        if provider.adapter == "demo":
            return "The demo needs no key."
        if provider.adapter == "local" or provider.key_check == "models":
            listed = await self.models(provider.id)
            target = await self._target(provider.id)
            answers = "accepts the key" if target.key else "answers"
            many = "" if len(listed) == 1 else "s"
            return f"{label} {answers} and lists {len(listed)} model{many}."
        target = await self._target(provider.id)
        if provider.key_check != "completion":
            url = f"{target.base_url}{provider.key_check}"
            await get_json(self._adapters.connections, target, url)
            return f"{label} accepts the key."
        model = provider.default_model
        if not model or self.policy.reason(provider.id, model):
            models = await self.models(provider.id)
            if not models:
                hint = "Load or pull a model there."
                raise ModelNotFoundError(f"{label} lists no model.", hint)
            model = models[0].id
        question = LLMRequest(provider.id, model, [ChatMessage("user", "Say OK.")])
        candidate = await self._candidate(question, _CHECKING)
        async with aclosing(candidate.ask()) as deltas:
            async for _ in deltas:
                break  # the first sign of an answer is enough
        return f"{label} answers{' with the key' if target.key else ''}, as {model}."

    async def _candidate(self, request: LLMRequest, purpose: Purpose) -> Candidate:
        """The model of a request, ready to be asked.

        Raises:
            ChatIDEError: it may not be asked, or cannot be.
        """
        provider = self.registry.get(request.provider)
        self.policy.check(provider.id, request.model)
        target = await self._target(provider.id)
        if target.base_url != provider.base_url or self.registry.is_custom(provider.id):
            self.policy.check_address(target, request.model, self.registry.all())
        await self._check_images(provider, request)
        await self._check_budget(target, request.model)
        return Candidate(
            model=f"{provider.id}/{request.model}",
            label=provider.label,
            near=provider.adapter in ("demo", "local") or is_loopback(target.base_url),
            ask=partial(self._ask, target, request, purpose),
        )

    async def _others(self, request: LLMRequest, purpose: Purpose) -> list[Candidate | Skipped]:
        """The models to fall back on; a temperature is what each can take."""
        chain = self.fallback_default() if request.fallback is None else request.fallback
        asked = f"{request.provider}/{request.model}"
        others: list[Candidate | Skipped] = []
        for name in dict.fromkeys(chain[:LONGEST_CHAIN]):
            if name == asked:
                continue
            id, _, model = name.partition("/")
            try:
                provider = self.registry.get(id)
                if what := bad_name(model, provider):
                    raise NotFoundError(f"it names no model: {what}")
                temperature = request.temperature
                if temperature is not None:
                    temperature = min(temperature, provider.hottest)
                question = msgspec.structs.replace(
                    request, provider=id, model=model, temperature=temperature
                )
                others.append(await self._candidate(question, purpose))
            except ChatIDEError as error:
                others.append(Skipped(name, error.message.rstrip(".")))
        return others

    async def _ask(
        self, target: Target, request: LLMRequest, purpose: Purpose
    ) -> AsyncGenerator[AnyDelta, None]:
        """Ask one model once, and write down what that took, however it ends."""
        usage: UsageDelta | None = None
        estimate = Estimate(request)
        heard = finished = refused = False
        try:
            adapter = self._adapters.of(target.provider)
            async with aclosing(adapter.stream(target, request)) as deltas:
                async for delta in deltas:
                    heard = True
                    if isinstance(delta, UsageDelta):
                        delta = usage = await self._priced(target, request.model, delta)
                    elif isinstance(delta, FinishDelta):
                        finished = True
                    estimate.take(delta)
                    yield delta
        except GatewayError as error:
            refused = not heard and _took_nothing(error)
            if refused:
                usage = UsageDelta(0, 0, cost=0.0)
            raise
        finally:  # the upstream connection is closed by now
            model = f"{target.provider.id}/{request.model}"
            counted = finished and usage is not None
            await self.usage.record(
                purpose,
                model,
                usage,
                finished=finished,
                estimate=(
                    None
                    if refused or counted
                    else self._with_cost(target, request.model, estimate.usage)
                ),
                free=usage is None and self._is_free(target, request.model),
            )

    async def _priced(self, target: Target, model: str, usage: UsageDelta) -> UsageDelta:
        if usage.cost is not None:  # the provider's own word
            return usage
        await self.catalog.load()
        return self._with_cost(target, model, usage)

    def _with_cost(self, target: Target, model: str, usage: UsageDelta) -> UsageDelta:
        cost = self.catalog.cost(target.provider, model, usage, base_url=target.base_url)
        return usage if cost is None else msgspec.structs.replace(usage, cost=cost)

    def _is_free(self, target: Target, model: str) -> bool:
        much = UsageDelta(1_000_000, 1_000_000)
        return self.catalog.cost(target.provider, model, much, base_url=target.base_url) == 0

    async def _check_budget(self, target: Target, model: str) -> None:
        """Hold a request to the budgets; one of money does not stop what costs none.

        Raises:
            BudgetError: a budget is used up.
        """
        budget = self.settings.budget
        if budget.cost is not None:
            await self.catalog.load()
            if self._is_free(target, model):
                budget = msgspec.structs.replace(budget, cost=None)
        await self.usage.check(budget)

    async def _check_images(self, provider: ProviderConfiguration, request: LLMRequest) -> None:
        """Refuse images where the model is known not to see them.

        Raises:
            InvalidRequestError: the message names the field.
        """
        for number, message in enumerate(request.messages):
            if isinstance(message.content, str):
                continue
            if any(isinstance(part, ImagePart) for part in message.content):
                await self.catalog.load()
                known = self.catalog.info(provider, request.model)
                if known is not None and known.vision is False:
                    raise InvalidRequestError(
                        f"messages[{number}].content: {provider.id}/{request.model} does not see "
                        "images.",
                        "Choose a model that does, or leave the images out.",
                    )
                return

    async def _running(self, provider: str) -> Found:
        """What a server says at once, with the allowed ones of its models."""
        configuration = self.registry.get(provider)
        if self.policy.reason(provider):
            return NOTHING
        try:
            if configuration.adapter == "local":
                return Found(await self.models(provider) if self.local.available()[0] else None)
            found = await self._probes.ask(await self._target(provider))
        except ChatIDEError:
            return NOTHING
        if found.models is None:
            return found
        return Found(self._allowed(provider, found.models))

    def _allowed(self, provider: str, models: list[ModelInfo]) -> list[ModelInfo]:
        return [model for model in models if not self.policy.reason(provider, model.id)]

    async def _target(self, provider: str) -> Target:
        """Where a request goes. A keyring, which takes its time, is asked in a thread.

        Raises:
            NotFoundError: there is no such provider.
            GatewayError: it has no address or no key yet, or its key cannot be read.
        """
        configuration = self.registry.get(provider)
        if configuration.adapter in ("demo", "local"):
            return Target(configuration, "", None)
        if self.keys.may_wait(provider):
            target = await asyncio.to_thread(self.keys.target, provider)
        else:
            target = self.keys.target(provider)
        label = configuration.label
        if not target.base_url:
            raise UnreachableError(f"{label} has no address yet.", "Set its base URL.")
        for option in configuration.options:
            if option.required and not target.options.get(option.name):
                hint = f"Set it under {label}"
                if option.variables:
                    hint += f", or {option.variables[0]} in the environment"
                raise AuthenticationError(f"{label} needs a {option.label.lower()}.", f"{hint}.")
        if configuration.needs_key and target.key is None:
            hint = f"Set a key for {label}"
            if configuration.key_variables:
                hint += f", or {configuration.key_variables[0]} in the environment"
            if configuration.key_url:
                hint += f"; get one at {configuration.key_url}"
            raise AuthenticationError(f"{label} needs a key.", hint)
        return target


def _took_nothing(error: GatewayError) -> bool:
    """Whether a request that failed before any answer surely took no tokens: it was refused."""
    return not isinstance(error, ModelTimeoutError | MalformedReplyError)
