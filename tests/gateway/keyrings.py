"""A keyring of the test's own, in place of the operating system's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend

from tests.fakes import keyring_backend


@contextmanager
def this_computer_has(backend: KeyringBackend) -> Iterator[None]:
    """Have the keyring library find ``backend``."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


@contextmanager
def a_keyring_in(folder: Path) -> Iterator[keyring_backend.FolderKeyring]:
    """Have the keyring library find one that keeps its entries in ``folder``."""
    folder.mkdir(exist_ok=True)
    os.environ[keyring_backend.STORE] = str(folder)
    try:
        backend = keyring_backend.FolderKeyring()
        with this_computer_has(backend):
            yield backend
    finally:
        del os.environ[keyring_backend.STORE]
