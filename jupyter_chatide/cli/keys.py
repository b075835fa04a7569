"""``keys``: which providers have a key, and what it is worth."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from ..client.own_parts import OwnParts
from .arguments import Arguments
from .process import FAILED, OK, UsageError, tell
from .tables import print_table

if TYPE_CHECKING:
    from ..gateway import KeyCheck, ProviderStatus

_LONGEST = 20_000  # characters


def set_key(arguments: Arguments) -> int:
    """Keep a key that a person types unseen, or that standard input holds."""
    name = arguments.provider
    options = dict(_option(text) for text in arguments.option)
    gateway = OwnParts().gateway()
    store = gateway.keys
    store.status(name)  # an unknown provider is said before a key is asked for
    if options:
        gateway.registry.set_options(name, options)
    key = _read_key(
        name,
        optional=arguments.base_url is not None or bool(options),
        document=gateway.registry.get(name).key_format == "json",
    )
    if key or arguments.base_url is not None:
        # This process's memory, the default on Binder, would end with the command.
        lasting = [place for place in store.places() if place != "memory"]
        place = arguments.place or (lasting[0] if lasting else "file")
        store.set(name, key or None, arguments.base_url, place=place)
    status = store.status(name)
    where = f" for {store.base_url(name)}" if store.base_url(name) else ""
    if status.set:
        tell(f"{name} has a key{where} ({status.source} {status.hint}).")
    elif store.base_url(name):
        tell(f"{name} answers at {store.base_url(name)}, without a key.")
    for option in gateway.registry.options(name):
        if option.name in options:
            tell(f"{name}: {option.label} is {option.value or option.default or 'not set'}.")
    return OK


def remove_key(arguments: Arguments) -> int:
    """Forget a key."""
    store = OwnParts().gateway().keys
    before = store.status(arguments.provider)
    store.delete(arguments.provider)
    if before.source == "environment":
        tell(
            f"The key of {arguments.provider} is in the environment.",
            f"Unset {before.hint} to remove it.",
        )
        return FAILED
    if before.source == "trait":
        tell(
            f"The key of {arguments.provider} is in Jupyter's configuration.",
            "Remove it there.",
        )
        return FAILED
    tell(f"{arguments.provider} has no key{' any more' * before.set}.")
    return OK


def list_keys(arguments: Arguments) -> int:
    """Show the providers, and which have a key."""
    providers = asyncio.run(_providers())
    if arguments.json:
        print(msgspec.json.encode([provider_facts(provider) for provider in providers]).decode())
        return OK
    print_table((p.id, key_words(p), p.base_url or "–", p.label) for p in providers)
    return OK


def check_keys(arguments: Arguments) -> int:
    """Make a real call with one key, or with all there are."""
    checks = asyncio.run(_check(arguments.provider))
    if arguments.json:
        print(msgspec.json.encode(checks).decode())
    elif not checks:
        tell("No provider has a key.", "Set one: jupyter chatide keys set PROVIDER")
    else:
        print_table(
            (name, "ok" if check.ok else "failed", f"{check.message} {check.hint}")
            for name, check in checks.items()
        )
    return OK if all(check.ok for check in checks.values()) else FAILED


def provider_facts(provider: ProviderStatus) -> dict[str, Any]:
    """What JSON says of a provider; no icon, no examples, and never a key."""
    facts: dict[str, Any] = msgspec.to_builtins(provider)
    return {name: fact for name, fact in facts.items() if name not in {"icon", "examples"}}


def _read_key(provider: str, optional: bool, document: bool) -> str:
    if sys.stdin.isatty() and document and not optional:
        raise UsageError(
            f"The key of {provider} is a JSON document.",
            f"Give its file: jupyter chatide keys set {provider} < FILE",
        )
    if sys.stdin.isatty():
        ending = " (empty for none)" if optional else ""
        return getpass.getpass(f"Key for {provider}{ending}: ", sys.stderr).strip()
    key = (sys.stdin.read(_LONGEST) if document else sys.stdin.readline(_LONGEST)).strip()
    if not key and not optional:
        raise UsageError(
            "There is no key on standard input.",
            f"Type it: jupyter chatide keys set {provider}",
        )
    return key


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{text!r} is no option.", "Write it as NAME=VALUE.")
    return name, value


def key_words(provider: ProviderStatus) -> str:
    """What to say of a provider's key, or whether it can be asked without one."""
    if provider.blocked:
        return "blocked"
    if provider.key.set:
        return f"{provider.key.source} {provider.key.hint}"
    if provider.key.hint:
        return provider.key.hint
    if provider.needs_key:
        return "no key"
    return "ready" if provider.ready else "not running" if provider.local else "no key needed"


async def _providers() -> list[ProviderStatus]:
    async with OwnParts().gateway() as gateway:
        return await gateway.providers()


async def _check(provider: str) -> dict[str, KeyCheck]:
    async with OwnParts().gateway() as gateway:
        names = [provider] if provider else [p.id for p in await gateway.providers() if p.key.set]
        checks = await asyncio.gather(*map(gateway.check_key, names))
    return dict(zip(names, checks, strict=True))
