"""What is said of each provider: its key, its options, whether it can be asked now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from ..errors import ChatIDEError
from .adapter import ProviderConfiguration
from .keys import KeyStore
from .messages import ExamplePrompt, KeyStatus, ProviderStatus
from .policy import Policy
from .probes import Found
from .providers import icon_svg
from .registry import ProviderRegistry

_DEMO = "demo/demo"

Running = Callable[[str], Awaitable[Found]]


async def statuses(
    registry: ProviderRegistry, keys: KeyStore, policy: Policy, running: Running
) -> list[ProviderStatus]:
    """The status of every provider.

    Args:
        registry: which there are.
        keys: their keys.
        policy: what may be asked.
        running: what a server says at once.
    """

    async def found(provider: ProviderConfiguration, status: ProviderStatus) -> ProviderStatus:
        if status.blocked or not (provider.local or provider.adapter == "local"):
            return status
        models, refusal = await running(provider.id)
        usable = models is not None if provider.local else bool(models)
        return msgspec.structs.replace(
            status,
            ready=status.ready and usable,
            running=usable or bool(refusal) if provider.local else None,
            refusal=refusal,
        )

    known = await asyncio.to_thread(_read, registry, keys, policy)
    return list(await asyncio.gather(*(found(*one) for one in known)))


async def first_ready(
    registry: ProviderRegistry, keys: KeyStore, policy: Policy, running: Running
) -> str:
    """The model of the first provider that has a key, else of a local server that runs, else the
    demo's, as ``provider/model``.

    Args:
        registry: which providers there are.
        keys: their keys.
        policy: what may be asked.
        running: as for ``statuses``.
    """

    def named(provider: ProviderConfiguration) -> str:
        model = provider.default_model
        return "" if policy.reason(provider.id, model) else model

    keyless = []
    for provider, status in await asyncio.to_thread(_read, registry, keys, policy):
        if not status.ready or provider.adapter == "demo":
            continue
        if not status.key.set:
            if provider.adapter != "litellm":
                keyless.append(provider)
        elif model := named(provider):
            return f"{provider.id}/{model}"
        elif models := (await running(provider.id)).models:
            return f"{provider.id}/{models[0].id}"
    found = await asyncio.gather(*(running(provider.id) for provider in keyless))
    for provider, (listed, _) in zip(keyless, found, strict=True):
        if listed:
            return f"{provider.id}/{named(provider) or listed[0].id}"
    return _DEMO


def _read(
    registry: ProviderRegistry, keys: KeyStore, policy: Policy
) -> list[tuple[ProviderConfiguration, ProviderStatus]]:
    """What files and the environment say; local servers count as ready."""
    return [(one, _status(registry, keys, policy, one)) for one in registry.all()]


def _status(
    registry: ProviderRegistry, keys: KeyStore, policy: Policy, provider: ProviderConfiguration
) -> ProviderStatus:
    id, base_url = provider.id, ""
    try:
        key = keys.status(id)
    except ChatIDEError as error:
        key = KeyStatus(set=False, hint=error.message)
    with suppress(ChatIDEError):
        base_url = keys.base_url(id)
    options = registry.options(id)
    blocked = policy.reason(id)
    reachable = provider.adapter in ("demo", "local") or bool(base_url)
    complete = all(option.value for option in options if option.required)
    return ProviderStatus(
        id=id,
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
        ready=reachable and complete and (key.set or not provider.needs_key) and not blocked,
        default_model=provider.default_model,
        removable=registry.is_custom(id),
        blocked=blocked,
        options=options,
        examples=_examples() if provider.adapter == "demo" else [],
    )


def _examples() -> list[ExamplePrompt]:
    from .demo import EXAMPLES

    return [ExamplePrompt(example.title, example.prompt, example.icon) for example in EXAMPLES]
