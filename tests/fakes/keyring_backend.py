"""Backends for the keyring library, as an operating system's would be, to be named in
``PYTHON_KEYRING_BACKEND``. They stand at the edge: all that is ours is real above them."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import ClassVar

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError

STORE = "CHATIDE_TEST_KEYRING"  # the variable that names the folder which stands for the keyring
CLASS = f"{__name__}.FolderKeyring"


class FolderKeyring(KeyringBackend):
    """Keeps its entries in a folder, so that several processes have one keyring.

    A file in the folder makes it misbehave: ``locked`` refuses, ``hangs`` answers when that file
    is gone, ``full`` takes nothing and quotes what it was given.
    """

    priority: ClassVar[float] = 5

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(os.environ[STORE])

    def get_password(self, service: str, username: str) -> str | None:
        entry = self._entry(service, username)
        return json.loads(entry.read_text())["secret"] if entry.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        entry = self._entry(service, username)
        if (self._folder / "full").exists():
            raise PasswordSetError(f"no room for {password}")
        entry.write_text(json.dumps({"name": username, "secret": password}))

    def delete_password(self, service: str, username: str) -> None:
        entry = self._entry(service, username)
        if not entry.exists():
            raise PasswordDeleteError(username)
        entry.unlink()

    def _entry(self, service: str, username: str) -> Path:
        while (self._folder / "hangs").exists():
            time.sleep(0.02)
        if (self._folder / "locked").exists():
            raise KeyringLocked("Failed to unlock the collection!")
        return self._folder / f"{service}--{username}.entry"


class PlainTextKeyring(FolderKeyring):
    """Works, but is not recommended: as those that write plain text."""

    priority: ClassVar[float] = 0.5


class HangingKeyring(KeyringBackend):
    """Does not even say whether it is there, until it is ``released``."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    @property
    def priority(self) -> float:  # type: ignore[override]
        self.released.wait()
        return 5

    def get_password(self, service: str, username: str) -> str | None:
        raise NotImplementedError

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError
