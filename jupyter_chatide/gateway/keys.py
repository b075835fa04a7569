"""Keys and base URLs: read from the environment, kept in a file that only the user can read.

A key is bound to the base URL that it was given for, and is never sent to another one. No key
stands in a message, a ``repr`` or a log: see ``mask`` and ``scrub``.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ..errors import InvalidRequestError, NotFoundError
from ..paths import default_data_dir, private_dir
from .adapter import ProviderConfiguration, Target
from .errors import KeyStoreError
from .messages import KeyStatus
from .providers import DEFAULT_PROVIDERS, base_url_from_variable, check_base_url

_LONGEST_KEY = 4096  # characters; OAuth tokens come near 2,000
_LARGEST_FILE = 1_000_000  # bytes
_FRAGMENT = 6  # characters of a key that are taken for a piece of it
_POSIX = os.name == "posix"  # elsewhere the profile folder's ACLs guard the file, not its mode


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file holds of one provider.

    ``base_url`` is the user's own, ``""`` the provider's; ``key_for`` is the URL that the key was
    given for.
    """

    base_url: str = ""
    key: str = ""
    key_for: str = ""

    def __repr__(self) -> str:
        return f"_Entry({self.base_url!r}, key={'set' if self.key else None})"


class _File(msgspec.Struct, frozen=True):
    version: int = 1
    providers: dict[str, _Entry] = {}


class KeyStore:
    """The keys and base URLs in force.

    The environment comes first and is read-only; its key goes to the provider's default base URL
    or to the one that the provider's own variable names, and nowhere else. Then comes
    ``keys.json``, which is read anew for every question, so that the terminal and a running
    server agree.

    Args:
        data_dir: the folder of ``keys.json``; ``None`` is Jupyter's data directory.
        providers: the providers whose keys these are.
        environ: the environment to read; ``None`` is the process's.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        providers: Sequence[ProviderConfiguration] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._providers = {p.id: p for p in (DEFAULT_PROVIDERS if providers is None else providers)}
        self._environ = os.environ if environ is None else environ

    @property
    def providers(self) -> tuple[ProviderConfiguration, ...]:
        """The providers whose keys these are."""
        return tuple(self._providers.values())

    @property
    def path(self) -> Path:
        """Where ``keys.json`` is, or will be."""
        return (self._data_dir or default_data_dir()) / "keys.json"

    def target(self, provider: str) -> Target:
        """Where a request to ``provider`` goes, with the key bound to that place.

        Raises:
            NotFoundError: there is no such provider.
            InvalidRequestError: the environment variable of its base URL holds none.
            KeyStoreError: the file cannot be read safely, or the environment's key is unusable.
        """
        configuration = self._provider(provider)
        entry = self._read().providers.get(provider, _Entry())
        base_url = self._base_url(configuration, entry)
        key: str | None = None
        variable, value = self._from_environment(configuration, base_url)
        if variable:
            key = _checked(value, variable)
        elif entry.key and entry.key_for == base_url:
            key = entry.key
        return Target(configuration, base_url, key)

    def get(self, provider: str) -> str | None:
        """The key in force.

        Raises:
            ChatIDEError: as ``target``.
        """
        return self.target(provider).key

    def base_url(self, provider: str) -> str:
        """The base URL in force; ``""`` where none is known.

        Raises:
            ChatIDEError: as ``target``.
        """
        configuration = self._provider(provider)
        return self._base_url(configuration, self._read().providers.get(provider, _Entry()))

    def status(self, provider: str) -> KeyStatus:
        """What may be said of the key in force.

        Raises:
            ChatIDEError: as ``target``.
        """
        target = self.target(provider)
        if target.key is None:
            return KeyStatus(set=False)
        variable, _ = self._from_environment(target.provider, target.base_url)
        if variable:
            return KeyStatus(set=True, source="environment", hint=variable)
        return KeyStatus(set=True, source="file", hint=mask(target.key))

    def set(self, provider: str, key: str | None, base_url: str | None = None) -> KeyStatus:
        """Keep a key, a base URL, or both.

        A new base URL drops the key that was given for the old one, unless a key comes with it.

        Args:
            provider: its id.
            key: the key; ``None`` leaves it as it is.
            base_url: where the provider answers; ``""`` is its default, ``None`` leaves it.

        Raises:
            NotFoundError: there is no such provider.
            InvalidRequestError: there is nothing to set, or the base URL is none, or is fixed.
            KeyStoreError: the key is unusable, the environment's comes first, or the file cannot
                be written safely.
        """
        configuration = self._provider(provider)
        if key is None and base_url is None:
            raise InvalidRequestError("key: there is nothing to set.", "Give a key or a base URL.")
        file = self._read()
        entry = file.providers.get(provider, _Entry())
        if base_url is not None:
            entry = msgspec.structs.replace(entry, base_url=_own_url(configuration, base_url))
        target_url = self._base_url(configuration, entry)
        if key is not None:
            variable, _ = self._from_environment(configuration, target_url)
            if variable:
                raise KeyStoreError(
                    f"{variable} is set in the environment and comes first.",
                    f"Unset {variable} and start Jupyter again to use a key of your own.",
                )
            if configuration.adapter == "demo":
                raise InvalidRequestError("key: the demo needs none.", "Just ask it.")
            if not target_url:
                raise InvalidRequestError(
                    f"base_url: {configuration.label} needs one before it can have a key.",
                    "Give the base URL along with the key.",
                )
            key = _checked(key, "The key")
            entry = msgspec.structs.replace(entry, key=key, key_for=target_url)
        elif entry.key_for != target_url:
            entry = msgspec.structs.replace(entry, key="", key_for="")
        self._write({**file.providers, provider: entry})
        return self.status(provider)

    def delete(self, provider: str) -> None:
        """Forget the key that the file holds; the base URL stays. Safe when there is none.

        Raises:
            NotFoundError: there is no such provider.
            KeyStoreError: the file cannot be read or written safely.
        """
        self._provider(provider)
        providers = dict(self._read().providers)
        entry = providers.pop(provider, None)
        if entry is None or not entry.key:
            return
        if entry.base_url:
            providers[provider] = _Entry(base_url=entry.base_url)
        self._write(providers)

    def _provider(self, provider: str) -> ProviderConfiguration:
        configuration = self._providers.get(provider)
        if configuration is None:
            known = ", ".join(self._providers)
            raise NotFoundError(f"There is no provider {provider!r}.", f"Choose one of {known}.")
        return configuration

    def _base_url(self, provider: ProviderConfiguration, entry: _Entry) -> str:
        return entry.base_url or self._url_from_environment(provider) or provider.base_url

    def _url_from_environment(self, provider: ProviderConfiguration) -> str:
        value = self._environ.get(provider.base_url_variable, "").strip()
        return base_url_from_variable(provider, value) if value else ""

    def _from_environment(self, provider: ProviderConfiguration, base_url: str) -> tuple[str, str]:
        """The variable that holds the key for ``base_url`` and its value, or empty strings."""
        if base_url in (self._url_from_environment(provider), provider.base_url):
            for variable in provider.key_variables:
                if value := self._environ.get(variable, "").strip():
                    return variable, value
        return "", ""

    def _read(self) -> _File:
        path = self.path
        flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # links and pipes
        try:
            with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
                _check_private(path.parent, path.parent.stat(), 0o700)
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise KeyStoreError(f"{path} is not a file.", "Move it away.")
                _check_private(path, status, 0o600)
                content = file.read(_LARGEST_FILE + 1)
        except FileNotFoundError:
            return _File()
        except OSError as error:
            if path.is_symlink():
                raise KeyStoreError(
                    f"{path} is a symbolic link, so the keys in it are not used.",
                    "Put the file itself there.",
                ) from None
            raise KeyStoreError(
                f"{path} cannot be read: {error.strerror}.", "Set its permissions, or move it away."
            ) from None
        try:
            if len(content) > _LARGEST_FILE:
                raise ValueError
            return msgspec.json.decode(content, type=_File)
        except ValueError:  # msgspec's messages may quote the content
            raise KeyStoreError(
                f"{path} does not hold keys in our format.",
                "Move it away and set your keys again.",
            ) from None

    def _write(self, providers: dict[str, _Entry]) -> None:
        kept = {name: entry for name, entry in providers.items() if entry.key or entry.base_url}
        content = msgspec.json.format(msgspec.json.encode(_File(providers=kept)), indent=2)
        folder = self.path.parent
        temporary: str | None = None
        try:
            if not folder.exists():
                private_dir(folder)
            _check_private(folder, folder.stat(), 0o700)
            descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".keys-")  # made 0600
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)  # noqa: PTH105  (a str and a Path)
        except OSError as error:
            if temporary is not None:
                with suppress(OSError):
                    Path(temporary).unlink()
            raise KeyStoreError(
                f"{self.path} cannot be written: {error.strerror}.",
                "Make room or set the permissions of its folder, and try again.",
            ) from None


def mask(key: str) -> str:
    """The end of a key, enough to tell two apart; nothing of a short one."""
    return f"…{key[-4:]}" if len(key) >= 16 else "…"


def scrub(text: str, key: str | None) -> str:
    """``text`` without the key, whole or in pieces: providers quote keys in what they answer."""
    if not key:
        return text
    text = text.replace(key, "[key]")
    length = min(_FRAGMENT, len(key))
    pieces = {key[i : i + length] for i in range(len(key) - length + 1)}

    def veil(word: re.Match[str]) -> str:
        found = word[0]
        inside = (found[i : i + length] in pieces for i in range(len(found) - length + 1))
        return "[key]" if any(inside) else found

    return re.sub(r"[^\s\"'`,;()<>]+", veil, text)


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


def _checked(key: str, name: str) -> str:
    """The key without the white space around it, as pasting leaves it.

    Raises:
        KeyStoreError: it is empty, too long, or holds what no HTTP header may.
    """
    key = key.strip()
    if not key:
        raise KeyStoreError(f"{name} is empty.", "Paste the whole key.")
    if len(key) > _LONGEST_KEY:
        raise KeyStoreError(f"{name} is longer than {_LONGEST_KEY} characters.", "Paste one key.")
    if not all("!" <= character <= "~" for character in key):
        raise KeyStoreError(
            f"{name} holds white space or characters that no key has.",
            "Paste the key again, in one line and without quotes.",
        )
    return key


def _check_private(path: Path, status: os.stat_result, mode: int) -> None:
    if not _POSIX:
        return
    if status.st_uid != os.geteuid():
        raise KeyStoreError(
            f"{path} belongs to another user, so the keys in it are not used.",
            "Make it your own, or choose another data directory.",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyStoreError(
            f"{path} can be read or written by other users, so the keys in it are not used.",
            f"Run: chmod {mode:o} {path}",
        )
