"""Keys and base URLs: whence they come, where they are kept, and whither a key may go.

A key is bound to the base URL that it was given for, and is never sent to another one. No key
stands in a message, a ``repr`` or a log: see ``key_text``.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ..errors import InvalidRequestError
from ..paths import default_data_dir
from .adapter import ProviderConfiguration, Target
from .addresses import base_url_from_variable, check_base_url
from .errors import KeyStoreError
from .key_file import NO_ENTRY, KeyEntry, KeyFile
from .key_ring import KeyRing
from .key_text import check_key, mask
from .messages import KeyPlace, KeySource, KeyStatus
from .preferences import PreferenceStore
from .registry import ProviderRegistry

T = TypeVar("T")

_BINDER = ("BINDER_SERVICE_HOST", "BINDER_LAUNCH_HOST")
_REMEMBERED = 60.0  # seconds for which what the keyring said is believed
_PLACES: tuple[KeyPlace, ...] = ("keyring", "file", "memory")
_IN_WORDS = {"keyring": "a keyring", "file": "a file", "memory": "memory"}
_TRAIT = "ChatIDEExtension.keys"


class _BoundKey(msgspec.Struct, frozen=True):
    """A key with the URL that it was given for, as memory and the keyring hold it."""

    base_url: str
    key: str

    def __repr__(self) -> str:
        return f"_BoundKey({self.base_url!r})"


class _Secret(dict[str, T]):
    """A table that shows nothing of what it holds."""

    def __repr__(self) -> str:
        return f"_Secret({list(self)})"


_UNKNOWN = _BoundKey("", "")


class KeyStore:
    """The keys and base URLs in force.

    The environment comes first, then the administrator's keys; both are read-only and go to the
    provider's default base URL or to the one that the provider's own variable names, and nowhere
    else. Then comes the user's key, which is in one place: the computer's keyring, the file
    ``keys.json``, or this process's memory. The file also says what the keyring holds; it is read
    anew for every question, so that the terminal and a running server agree.

    Safe in threads. Whatever reads or sets a key may wait for the keyring, up to ten seconds.

    Args:
        data_dir: the folder of ``keys.json``; ``None`` is Jupyter's data directory.
        providers: the providers whose keys these are; ``None`` is ours and the user's own.
        environ: the environment to read; ``None`` is the process's.
        keys: the administrator's keys by provider's id.
        places: where a user's keys may be kept, the default first.
        ring: who asks the computer's keyring; ``None`` makes one.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        providers: ProviderRegistry | Sequence[ProviderConfiguration] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        places: Iterable[KeyPlace] = _PLACES,
        ring: KeyRing | None = None,
    ) -> None:
        self._file = KeyFile((data_dir or default_data_dir()) / "keys.json")
        if providers is None:
            self._registry = ProviderRegistry(preferences=PreferenceStore(data_dir))
        elif isinstance(providers, ProviderRegistry):
            self._registry = providers
        else:
            self._registry = ProviderRegistry(providers)
        self._environ = os.environ if environ is None else environ
        self._trait_keys = _Secret(keys or {})
        self._allowed = tuple(dict.fromkeys(places))
        self._ring = ring or KeyRing()
        self._guard = threading.Lock()
        self._memory: _Secret[_BoundKey] = _Secret()
        self._remembered: _Secret[tuple[float, _BoundKey | None]] = _Secret()

    @property
    def registry(self) -> ProviderRegistry:
        """Where the providers are known whose keys these are."""
        return self._registry

    @property
    def providers(self) -> tuple[ProviderConfiguration, ...]:
        """The providers whose keys these are."""
        return self._registry.all()

    @property
    def path(self) -> Path:
        """Where ``keys.json`` is, or will be."""
        return self._file.path

    def places(self) -> list[KeyPlace]:
        """Where a key can be kept here, the default first.

        On Binder that is the memory: others may get this machine's disk after us.
        """
        places = [place for place in self._allowed if place != "keyring" or self._ring.works()]
        if any(self._environ.get(name) for name in _BINDER):
            places.sort(key=lambda place: place != "memory")
        return places

    def target(self, provider: str) -> Target:
        """Where a request to ``provider`` goes, with the options in force and the key bound to
        that place.

        Raises:
            NotFoundError: there is no such provider.
            InvalidRequestError: the environment variable of its base URL holds none.
            KeyStoreError: the file cannot be read safely, the keyring does not answer, or the
                environment's key is unusable.
        """
        configuration = self._registry.get(provider)
        entry = self._file.entry(provider)
        base_url = self._base_url(configuration, entry)
        source, name, value = self._given(configuration, base_url)
        key: str | None
        if source:
            key = check_key(value, name, configuration.key_format)
        else:
            key = self._own(provider, entry, base_url)
        options = self._registry.option_values(provider, self._environ)
        return Target(configuration, base_url, key, options)

    def may_wait(self, provider: str) -> bool:
        """Whether ``target`` may ask the keyring, which takes its time; else it reads a file.

        Raises:
            KeyStoreError: the file cannot be read safely.
        """
        name = self._file.entry(provider).keyring
        with self._guard:
            asked, _ = self._remembered.get(name, (-_REMEMBERED, None))
        return bool(name) and time.monotonic() - asked > _REMEMBERED / 2

    def get(self, provider: str) -> str | None:
        """The key in force.

        Raises:
            ChatIDEError: as ``target``.
        """
        return self.target(provider).key

    def base_url(self, provider: str) -> str:
        """The base URL in force; ``""`` where none is known. The keyring is not asked.

        Raises:
            ChatIDEError: as ``target``.
        """
        configuration = self._registry.get(provider)
        return self._base_url(configuration, self._file.entry(provider))

    def status(self, provider: str) -> KeyStatus:
        """What may be said of the key in force. The keyring is not asked.

        Raises:
            ChatIDEError: as ``target``.
        """
        configuration = self._registry.get(provider)
        entry = self._file.entry(provider)
        base_url = self._base_url(configuration, entry)
        source, name, value = self._given(configuration, base_url)
        if source:
            check_key(value, name, configuration.key_format)
            return KeyStatus(set=True, source=source, hint=name)
        if entry.key_for == base_url:
            if entry.keyring and not self._is_gone(entry.keyring):
                return KeyStatus(set=True, source="keyring", hint=entry.hint)
            if entry.key:
                return KeyStatus(set=True, source="file", hint=mask(entry.key))
        kept = self._memory.get(provider)
        if kept is not None and kept.base_url == base_url:
            return KeyStatus(set=True, source="memory", hint=mask(kept.key))
        return KeyStatus(set=False)

    def set(
        self,
        provider: str,
        key: str | None,
        base_url: str | None = None,
        place: KeyPlace | None = None,
    ) -> KeyStatus:
        """Keep a key, a base URL, or both.

        A new base URL drops the key that was given for the old one, unless a key comes with it.
        A key that is set in one place is removed from the others. A place alone moves the key
        that there is.

        Args:
            provider: its id.
            key: the key; ``None`` leaves it as it is.
            base_url: where the provider answers; ``""`` is its default, ``None`` leaves it.
            place: where to keep the key; ``None`` is the default.

        Raises:
            NotFoundError: there is no such provider.
            InvalidRequestError: there is nothing to set, the base URL is none or is fixed, or
                keys are not kept in that place.
            KeyStoreError: the key is unusable, the environment's or the administrator's comes
                first, or it cannot be kept safely.
        """
        configuration = self._registry.get(provider)
        if key is None and base_url is None:
            if place is None:
                raise InvalidRequestError(
                    "key: there is nothing to set.", "Give a key or a base URL."
                )
            key = self._movable(configuration)
        own_url = None if base_url is None else _own_url(configuration, base_url)
        entry = _with_url(self._file.entry(provider), own_url)
        target_url = self._base_url(configuration, entry)
        if key is None:
            self._ring.forget(self._keep(configuration, own_url, None))
            return self.status(provider)
        key = self._settable(configuration, target_url, key)
        place = self._place(place)
        bound = _BoundKey(target_url, key)
        kept = NO_ENTRY
        if place == "keyring":
            name = f"{provider} {secrets.token_hex(4)}"
            self._ring.set(name, msgspec.json.encode(bound).decode())
            kept = KeyEntry(key_for=target_url, keyring=name, hint=mask(key))
        elif place == "file":
            kept = KeyEntry(key_for=target_url, key=key)
        try:
            replaced = self._keep(configuration, own_url, kept)
        except BaseException:
            self._ring.forget(kept.keyring)
            raise
        self._ring.forget(replaced)
        with self._guard:
            if place == "memory":
                self._memory[provider] = bound
            else:
                self._memory.pop(provider, None)
        return self.status(provider)

    def delete(self, provider: str) -> None:
        """Forget the user's key, wherever it is; the base URL stays. Safe when there is none.

        Raises:
            NotFoundError: there is no such provider.
            KeyStoreError: the file or the keyring cannot be read or written safely; what could be
                forgotten is.
        """
        configuration = self._registry.get(provider)
        with self._guard:
            self._memory.pop(provider, None)
        if name := self._keep(configuration, None, NO_ENTRY):
            self._ring.delete(name)

    def _given(self, provider: ProviderConfiguration, base_url: str) -> tuple[KeySource, str, str]:
        """Source, name and value of a key that the user cannot change; empty where there is none.

        Such a key goes to the provider's own address, or to the one that its variable names.
        """
        if base_url in (self._url_from_environment(provider), provider.base_url):
            for variable in provider.key_variables:
                if value := self._environ.get(variable, "").strip():
                    return "environment", variable, value
            # One of the user's own providers is nobody that the administrator meant.
            if (value := self._trait_keys.get(provider.id, "")) and not self._registry.is_custom(
                provider.id
            ):
                return "trait", _TRAIT, value
        return "", "", ""

    def _own(self, provider: str, entry: KeyEntry, base_url: str) -> str | None:
        """The user's key for this URL, wherever it is."""
        bound: _BoundKey | None = None
        if entry.key_for == base_url:
            if entry.key:
                return entry.key
            if entry.keyring:
                bound = self._from_ring(entry.keyring)
        bound = bound or self._memory.get(provider)
        return bound.key if bound is not None and bound.base_url == base_url else None

    def _from_ring(self, name: str) -> _BoundKey | None:
        """What the keyring holds under this name; it is asked again after a minute."""
        now = time.monotonic()
        with self._guard:
            asked, bound = self._remembered.get(name, (-_REMEMBERED, None))
        if now - asked < _REMEMBERED:
            return bound
        secret = self._ring.get(name)
        bound = None
        if secret is not None:
            try:
                bound = msgspec.json.decode(secret, type=_BoundKey)
            except ValueError:  # msgspec's messages may quote the content
                raise KeyStoreError(
                    f"The keyring's entry {name!r} does not hold a key in our format.",
                    "Set the key again.",
                ) from None
        with self._guard:
            self._remembered[name] = now, bound
        return bound

    def _is_gone(self, name: str) -> bool:
        """Whether the keyring, when it was last asked, had nothing under this name."""
        with self._guard:
            return self._remembered.get(name, (0.0, _UNKNOWN))[1] is None

    def _movable(self, provider: ProviderConfiguration) -> str:
        status = self.status(provider.id)
        key = None
        if status.source not in ("environment", "trait"):
            key = self.get(provider.id)
        if key is None:
            raise InvalidRequestError(
                f"key: there is none of {provider.label} to keep elsewhere.", "Give the key."
            )
        return key

    def _settable(self, provider: ProviderConfiguration, base_url: str, key: str) -> str:
        """The key as it is kept, if there is nothing against keeping it."""
        source, name, _ = self._given(provider, base_url)
        if source == "environment":
            raise KeyStoreError(
                f"{name} is set in the environment and comes first.",
                f"Unset {name} and start Jupyter again to use a key of your own.",
            )
        if source == "trait":
            raise KeyStoreError(
                f"The administrator set the key of {provider.label}, and it comes first.",
                "Ask the administrator to change it.",
            )
        if provider.adapter == "demo":
            raise InvalidRequestError("key: the demo needs none.", "Just ask it.")
        if not base_url:
            raise InvalidRequestError(
                f"base_url: {provider.label} needs one before it can have a key.",
                "Give the base URL along with the key.",
            )
        return check_key(key, "The key", provider.key_format)

    def _place(self, place: KeyPlace | None) -> KeyPlace:
        """Where to keep a key.

        Raises:
            InvalidRequestError: no key can be kept there.
        """
        places = self.places()
        if place is None and places:
            return places[0]
        if place is not None and place in places:
            return place
        raise InvalidRequestError(
            f"place: no key is kept in {_IN_WORDS[place]} here."
            if place
            else "place: no keys of your own are kept here.",
            f"Choose one of {', '.join(places)}."
            if places
            else "Set the key in the environment before you start Jupyter.",
        )

    def _keep(
        self, provider: ProviderConfiguration, own_url: str | None, kept: KeyEntry | None
    ) -> str:
        """Change what the file holds of a provider, and forget a key in memory that is not for
        the base URL any more.

        Args:
            provider: whose entry.
            own_url: the user's base URL; ``None`` leaves it as it is.
            kept: what to say of the key; ``None`` leaves it, if it is for the same URL.

        Returns:
            The name in the keyring of a key that is replaced, or an empty string.
        """

        def change(before: KeyEntry) -> KeyEntry:
            entry = _with_url(before, own_url)
            if kept is None and entry.key_for == self._base_url(provider, entry):
                return entry
            return msgspec.structs.replace(kept or NO_ENTRY, base_url=entry.base_url)

        before, after = self._file.change(provider.id, change)
        with self._guard:
            bound = self._memory.get(provider.id)
            if bound is not None and bound.base_url != self._base_url(provider, after):
                del self._memory[provider.id]
            if before.keyring == after.keyring:
                return ""
            self._remembered.pop(before.keyring, None)
            return before.keyring

    def _base_url(self, provider: ProviderConfiguration, entry: KeyEntry) -> str:
        return entry.base_url or self._url_from_environment(provider) or provider.base_url

    def _url_from_environment(self, provider: ProviderConfiguration) -> str:
        value = self._environ.get(provider.base_url_variable, "").strip()
        return base_url_from_variable(provider, value) if value else ""


def _own_url(provider: ProviderConfiguration, base_url: str) -> str:
    if not base_url:
        return ""
    url = check_base_url(provider, base_url)
    if url == provider.base_url:
        return ""
    if not provider.base_url_editable:
        raise InvalidRequestError(
            f"base_url: {provider.label} answers at {provider.base_url} only.",
            "For another address, use the OpenAI-compatible provider.",
        )
    return url


def _with_url(entry: KeyEntry, own_url: str | None) -> KeyEntry:
    return entry if own_url is None else msgspec.structs.replace(entry, base_url=own_url)
