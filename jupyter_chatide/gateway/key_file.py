"""``keys.json``: the users' base URLs, the keys that are kept in a file, and where others are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from .errors import KeyStoreError
from .private_files import locked, read_private, write_private


class KeyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file holds of one provider.

    Args:
        base_url: the user's own; ``""`` is the provider's.
        key: the key, where it is kept in this file.
        key_for: the URL that the key was given for.
        keyring: the name of the key's entry in the keyring, where it is kept there.
        hint: that key's mask: so that listing providers does not have to unlock the keyring.
    """

    base_url: str = ""
    key: str = ""
    key_for: str = ""
    keyring: str = ""
    hint: str = ""

    def __repr__(self) -> str:
        return f"KeyEntry({self.base_url!r}, key={'set' if self.key else None})"


NO_ENTRY = KeyEntry()


class _Content(msgspec.Struct, frozen=True):
    version: int = 1
    providers: dict[str, KeyEntry] = {}


class KeyFile:
    """The file, read anew for every question and changed by one process at a time.

    Args:
        path: where it is, or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entry(self, provider: str) -> KeyEntry:
        """What it holds of one provider.

        Raises:
            KeyStoreError: it cannot be read safely, or holds something else.
        """
        return self._read().get(provider, NO_ENTRY)

    def change(
        self, provider: str, change: Callable[[KeyEntry], KeyEntry]
    ) -> tuple[KeyEntry, KeyEntry]:
        """Put what ``change`` makes of a provider's entry in its place.

        Returns:
            The entry as it was, and as it is now.

        Raises:
            KeyStoreError: it cannot be read or written safely.
        """
        before = self.entry(provider)
        if change(before) == before:
            return before, before  # the file may not even be writable
        with locked(self.path):
            entries = self._read()
            before = entries.get(provider, NO_ENTRY)
            entries[provider] = after = change(before)
            kept = {name: entry for name, entry in entries.items() if entry != NO_ENTRY}
            content = msgspec.json.encode(_Content(providers=kept))
            write_private(self.path, msgspec.json.format(content, indent=2))
        return before, after

    def _read(self) -> dict[str, KeyEntry]:
        content = read_private(self.path)
        if content is None:
            return {}
        try:
            return dict(msgspec.json.decode(content, type=_Content).providers)
        except ValueError:  # msgspec's messages may quote the content
            raise KeyStoreError(
                f"{self.path} does not hold keys in our format.",
                "Move it away and set your keys again.",
            ) from None
