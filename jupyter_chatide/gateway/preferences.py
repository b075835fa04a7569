"""What the user wishes of the gateway, kept in ``preferences.json`` beside the keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ChatIDEError
from ..paths import default_data_dir
from .errors import KeyStoreError
from .private_files import FileState, locked, read_private, write_private

_log = logging.getLogger(__name__)


class CustomProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenAI-compatible server that the user named."""

    label: str
    base_url: str
    needs_key: bool = False
    default_model: str = ""


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """The user's wishes.

    Args:
        default_model: the ``provider/model`` that answers when a chat chose none; ``""`` is the
            configured one, or the first that can answer.
        fallback: the chain of models to fall back on; ``None`` is the configured one.
        endpoint: whether the OpenAI-compatible endpoint is switched on.
        providers: the user's own providers by id.
        options: what was set of providers' options, by provider's id and option's name.
    """

    default_model: str = ""
    fallback: list[str] | None = None
    endpoint: bool = False
    providers: dict[str, CustomProvider] = {}
    options: dict[str, dict[str, str]] = {}


class PreferenceStore:
    """The user's wishes in ``preferences.json``, read anew when another process changed them.

    A file that cannot be used counts as none: the next change moves it aside, to
    ``preferences.json.damaged``, and begins a new one.

    Args:
        data_dir: the folder of ``preferences.json``; ``None`` is Jupyter's data directory.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self._data_dir = data_dir
        self._known: tuple[FileState | None, Preferences | None] | None = None

    @property
    def path(self) -> Path:
        """Where ``preferences.json`` is, or will be."""
        return (self._data_dir or default_data_dir()) / "preferences.json"

    def read(self) -> Preferences:
        """The wishes as they are now; the defaults where there is no file, or none to be used."""
        return self._read() or Preferences()

    def change(self, **fields: Any) -> Preferences:
        """Set some fields, whatever other processes set meanwhile, and return all.

        Raises:
            KeyStoreError: the file cannot be written safely.
        """
        return self.update(lambda preferences: msgspec.structs.replace(preferences, **fields))

    def update(self, change: Callable[[Preferences], Preferences]) -> Preferences:
        """Put what ``change`` makes of the wishes in their place, and return it.

        No other process writes between its reading and our writing; so what is added to a table
        (``providers``, ``options``) takes nothing of another's away.

        Raises:
            KeyStoreError: the file cannot be written safely.
        """
        path = self.path
        with locked(path):
            now = self._read()
            if now is None:
                self._move_aside()
            new = change(now or Preferences())
            if new != now:
                encoded = msgspec.json.encode(new)
                write_private(path, msgspec.json.format(encoded, indent=2))
        return new

    def _read(self) -> Preferences | None:
        """What the file holds; ``None`` when it cannot be used."""
        path = self.path
        state = FileState.of(path)
        if self._known is None or self._known[0] != state or state is None:
            preferences = None
            try:
                content = read_private(path)
                if content is None:
                    return Preferences()
                preferences = msgspec.json.decode(content, type=Preferences)
            except ChatIDEError as error:
                _log.warning("Your preferences are not in force. %s", error.message)
            except ValueError:
                _log.warning("Your preferences are not in force: %s is damaged.", path)
            self._known = state, preferences
        return self._known[1]

    def _move_aside(self) -> None:
        path = self.path
        aside = path.with_name(f"{path.name}.damaged")
        try:
            path.rename(aside)
        except OSError as error:
            raise KeyStoreError(
                f"{path} cannot be used, nor moved aside: {error.strerror}.", "Move it away."
            ) from None
        _log.warning("%s could not be used and is now %s", path, aside)
