"""A lock that one process holds at a time, and that ends with it."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PATIENCE = 0.5  # seconds: who only looks whether it is held, holds it for a moment


class FileLock:
    """A lock on a file of its own, which stays when the lock is released.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, patience: float = _PATIENCE) -> bool:
        """Take the lock, and say whether that worked. Blocks for ``patience`` seconds at most.

        Raises:
            OSError: the file cannot be made.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while not _lock(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return False
            time.sleep(0.02)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # which unlocks it
            self._descriptor = None

    def held_elsewhere(self) -> bool:
        """Whether someone else holds it now."""
        if not self._path.exists():
            return False
        if not self.acquire(patience=0):
            return True
        self.release()
        return False


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some file systems know no locks: there it is as if nobody else were.
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True
