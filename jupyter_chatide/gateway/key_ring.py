"""The operating system's keyring: asked in a thread, because it may hang until it is unlocked."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import KeyStoreError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]

SERVICE = "Jupyter ChatIDE"  # under this name a person finds the entries
_DETECTION = 3.0  # seconds that a keyring has to say that it is there
_IDLE = 5.0  # seconds after which the thread ends
_HINT = "Unlock it and try again, or keep the key in a file or in memory."


class KeyRing:
    """Secrets by name, in the keyring that this computer has.

    Only a backend that the keyring library recommends counts: not one that refuses, forgets, or
    keeps plain text. The library is imported at first use, in the thread. Safe in threads.

    Args:
        patience: how long it may take to answer, in seconds.
    """

    def __init__(self, patience: float = 10.0) -> None:
        self._patience = patience
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None
        self._detection: Future[KeyringBackend | None] | None = None
        self._detected_by = 0.0
        self._backend: KeyringBackend | None = None

    def works(self) -> bool:
        """Whether there is a keyring that answers; the first time this takes a moment."""
        with self._guard:
            detection, first = self._detection, self._detection is None
            if detection is None:
                self._detection = detection = Future()
                self._detected_by = time.monotonic() + _DETECTION
        if first:
            self._put(_real_backend, detection)
        try:
            self._backend = detection.result(max(0, self._detected_by - time.monotonic()))
        except FutureTimeoutError:
            return False  # for now
        except Exception:  # whatever a backend raises, it is none that works
            return False
        return self._backend is not None

    def get(self, name: str) -> str | None:
        """The secret of this name; ``None`` when there is none.

        Raises:
            KeyStoreError: the keyring does not answer, is locked or fails.
        """
        backend = self._working()
        return self._said(lambda: backend.get_password(SERVICE, name))

    def set(self, name: str, secret: str) -> None:
        """Keep a secret.

        Raises:
            KeyStoreError: the keyring does not answer, is locked or fails; then it is not kept.
        """
        backend = self._working()
        # Given up, it may still come about when the keyring is unlocked: then it is taken back.
        self._said(
            lambda: backend.set_password(SERVICE, name, secret),
            given_up=lambda: self.forget(name),
        )

    def delete(self, name: str) -> None:
        """Forget a secret. Safe when there is none.

        Raises:
            KeyStoreError: the keyring does not answer, is locked or fails.
        """
        backend = self._working()

        def delete() -> None:
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)

        self._said(delete)

    def forget(self, name: str) -> None:
        """Have a secret forgotten when the keyring can, and wait for nothing; ``""`` is none."""

        def forget() -> None:
            backend = self._backend or _real_backend()
            if backend is not None:
                backend.delete_password(SERVICE, name)

        if name:
            self._put(forget)

    def _working(self) -> KeyringBackend:
        if not self.works() or self._backend is None:
            detected = self._detection is not None and self._detection.done()
            raise KeyStoreError(
                "This computer has no keyring that works."
                if detected
                else "This computer's keyring does not answer.",
                _HINT,
            )
        return self._backend

    def _said(self, work: Callable[[], T], given_up: Callable[[], None] | None = None) -> T:
        """What ``work`` gives; what it raises, in our words: a backend's may quote the secret."""
        try:
            return self._ask(work)
        except _NoAnswerError:
            if given_up is not None:
                given_up()
            message = f"This computer's keyring did not answer within {self._patience:g} s."
        except Exception as error:
            kind = type(error).__name__
            locked = kind in ("KeyringLocked", "InitError")
            message = f"This computer's keyring {'is locked' if locked else f'failed ({kind})'}."
        raise KeyStoreError(message, _HINT)

    def _ask(self, work: Callable[[], T]) -> T:
        if self._hangs():
            raise _NoAnswerError
        future = self._put(work)
        try:
            return future.result(self._patience)
        except FutureTimeoutError:
            future.cancel()  # when it has not begun
            raise _NoAnswerError from None

    def _hangs(self) -> bool:
        since = self._busy_since
        return since is not None and time.monotonic() - since >= self._patience

    def _put(self, work: Callable[[], T], future: Future[T] | None = None) -> Future[T]:
        future = future or Future()
        with self._guard:
            self._jobs.put((future, work))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="chatide-keyring", daemon=True
                )
                self._thread.start()
        return future

    def _work(self) -> None:
        while True:
            try:
                future, work = self._jobs.get(timeout=_IDLE)
            except queue.Empty:
                with self._guard:
                    if self._jobs.empty():
                        self._thread = None
                        return
                continue
            if not future.set_running_or_notify_cancel():
                continue
            self._busy_since = time.monotonic()
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            finally:
                self._busy_since = None
                del future, work  # they hold the secret


class _NoAnswerError(Exception):
    """The keyring did not answer in time."""


def _real_backend() -> KeyringBackend | None:
    """The backend that keeps secrets, if there is one."""
    import keyring
    from keyring.backends import chainer, fail, null

    chosen = keyring.get_keyring()
    chain: Any = chosen if isinstance(chosen, chainer.ChainerBackend) else None
    for backend in [chosen] if chain is None else chain.backends:
        if not isinstance(backend, fail.Keyring | null.Keyring) and backend.priority >= 1:
            return backend
    return None
