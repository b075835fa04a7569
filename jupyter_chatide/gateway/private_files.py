"""Files that only the user can read: checked when read, replaced whole, changed under a lock."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..paths import private_dir
from .errors import KeyStoreError

_LARGEST = 1_000_000  # bytes
_POSIX = os.name == "posix"  # elsewhere the profile folder's ACLs guard the file, not its mode
_PATIENCE = 10.0  # seconds to wait for another writer
_PAUSE = 0.01  # seconds between two tries to get the lock


class FileState(NamedTuple):
    """What tells whether a file was replaced."""

    inode: int
    size: int
    written: int  # nanoseconds
    changed: int  # nanoseconds; of its mode and owner too

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """The state of a file; ``None`` when there is none."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read_private(path: Path) -> bytes | None:
    """The content of a file; ``None`` when there is none.

    Raises:
        KeyStoreError: it cannot be read, is too large, or others could have read or written it.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # links and pipes
    try:
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            check_private(path.parent, path.parent.stat(), 0o700)
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyStoreError(f"{path} is not a file.", "Move it away.")
            check_private(path, status, 0o600)
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise KeyStoreError(
                f"{path} is a symbolic link, so it is not used.", "Put the file itself there."
            ) from None
        raise KeyStoreError(
            f"{path} cannot be read: {error.strerror}.", "Set its permissions, or move it away."
        ) from None
    if len(content) > _LARGEST:
        raise KeyStoreError(f"{path} is too large to be ours.", "Move it away.")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Replace a file's content, whole or not at all.

    Raises:
        KeyStoreError: it cannot be written, or its folder is open to others.
    """
    temporary: str | None = None
    try:
        _make_folder(path.parent)
        name = f".{path.stem}-"
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=name)  # made 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105  (a str and a Path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        raise KeyStoreError(
            f"{path} cannot be written: {error.strerror}.",
            "Make room or set the permissions of its folder, and try again.",
        ) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file's folder: no other thread or process changes what is in it.

    It cannot be held twice. On a file system without locks (some network ones) there is none to
    be had, and it goes on.

    Raises:
        KeyStoreError: the folder cannot be used, or another writer does not come to its end.
    """
    folder = path.parent
    try:
        _make_folder(folder)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        lock = os.open(folder / ".lock", flags, 0o600)
    except OSError as error:
        raise KeyStoreError(
            f"{folder} cannot be written: {error.strerror}.",
            "Make room or set its permissions, and try again.",
        ) from None
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _take(lock):
            if time.monotonic() >= deadline:
                raise KeyStoreError(
                    f"Another program keeps {folder} locked.", "End it, or try again in a moment."
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(lock)  # which also gives the lock up


def check_private(path: Path, status: os.stat_result, mode: int) -> None:
    """Refuse what another user owns, can read or can write.

    Args:
        path: the file or folder, for the message.
        status: what the system says of it.
        mode: what it should be, for the hint.

    Raises:
        KeyStoreError: it is not private.
    """
    if not _POSIX:
        return
    if status.st_uid != os.geteuid():
        raise KeyStoreError(
            f"{path} belongs to another user, so what is in it is not used.",
            "Make it your own, or choose another data directory.",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyStoreError(
            f"{path} can be read or written by other users, so what is in it is not used.",
            f"Run: chmod {mode:o} {path}",
        )


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        private_dir(folder)
    check_private(folder, folder.stat(), 0o700)


if sys.platform == "win32":
    import msvcrt

    def _take(lock: int) -> bool:
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        except OSError:  # no locks here: as good as it gets
            return True
        return True

else:
    import fcntl

    def _take(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # no locks here: as good as it gets
            return True
        return True
