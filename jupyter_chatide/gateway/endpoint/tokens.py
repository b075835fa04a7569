"""The tokens that open the endpoint to other programs: kept as hashes, each with its budget.

A token is random and long, so a plain SHA-256 of it cannot be turned back. The file is read anew
whenever it has changed: what one process revokes is revoked in all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ...errors import ChatIDEError, InvalidRequestError, NotFoundError
from ...paths import default_data_dir
from ..errors import KeyStoreError
from ..private_files import FileState, locked, read_private, write_private
from ..settings import Budget

PREFIX = "chatide-"  # so that people, and programs that hunt secrets, know one when they see it
LONGEST_LABEL = 80  # characters
MOST_TOKENS = 200
UNLIMITED = Budget()
_LONGEST = 3660 * 86_400.0  # seconds that a token may be good for, if it ends at all


class EndpointOffError(ChatIDEError):
    """The endpoint is switched off, or not allowed here."""

    code = "endpoint_off"


class TokenError(ChatIDEError):
    """A token of the endpoint is missing, unknown, revoked or expired."""

    code = "invalid_token"


class TokenInfo(msgspec.Struct, frozen=True):
    """What may be said of a token: never the token.

    Args:
        id: what to revoke it by.
        label: which program it is for.
        created: seconds since 1970.
        expires: seconds since 1970; ``None`` is never.
        budget: what it may spend.
    """

    id: str
    label: str
    created: float
    expires: float | None = None
    budget: Budget = Budget()


class _Entry(msgspec.Struct, frozen=True):
    hash: str  # SHA-256 of the token, in hexadecimal digits
    info: TokenInfo


class _File(msgspec.Struct, frozen=True):
    version: int = 1
    tokens: list[_Entry] = []


class EndpointTokens:
    """The tokens of ``endpoint_tokens.json``. Safe in threads; calls read, and some write, a file.

    Args:
        data_dir: its folder; ``None`` is Jupyter's data directory.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._state: FileState | None = None
        self._entries: list[_Entry] = []
        self._used: dict[str, float] = {}

    @property
    def path(self) -> Path:
        """Where the file is, or will be."""
        return (self._data_dir or default_data_dir()) / "endpoint_tokens.json"

    def create(
        self, label: str, budget: Budget = UNLIMITED, expires: float | None = None
    ) -> tuple[TokenInfo, str]:
        """Make a token.

        Args:
            label: which program it is for.
            budget: what it may spend.
            expires: seconds since 1970; ``None`` is never.

        Returns:
            What may be said of it, and the token itself, which nothing gives again.

        Raises:
            InvalidRequestError: the label, the budget or the end is none, or there are too many.
            KeyStoreError: the file cannot be read or written safely.
        """
        now = time.time()
        label = label.strip()
        _check(label, budget, expires, now)
        secret = PREFIX + secrets.token_urlsafe(32)
        info = TokenInfo(secrets.token_hex(6), label, now, expires, budget)
        with self._change() as entries:
            entries[:] = [entry for entry in entries if _is_good(entry.info, now)]
            if len(entries) >= MOST_TOKENS:
                raise InvalidRequestError(
                    f"label: there are {MOST_TOKENS} tokens already.", "Revoke some first."
                )
            entries.append(_Entry(_hash(secret), info))
        return info, secret

    def check(self, secret: str) -> TokenInfo:
        """Whose token this is.

        Takes as long for a wrong one as for a right one.

        Raises:
            TokenError: it is not one of ours, or is no longer good.
            KeyStoreError: the file cannot be read safely.
        """
        given = _hash(secret)
        found: TokenInfo | None = None
        for entry in self._read():
            if hmac.compare_digest(entry.hash, given):
                found = entry.info
        if found is None:
            raise TokenError(
                "This is not a token of Jupyter ChatIDE's endpoint, or it was revoked.",
                "Make one under Models and keys → Endpoint; Jupyter's own token does not open it.",
            )
        now = time.time()
        if not _is_good(found, now):
            raise TokenError(
                "This token has expired.", "Make a new one under Models and keys → Endpoint."
            )
        self._used[found.id] = now
        return found

    def last_used(self, id: str) -> float | None:
        """When a token was last used in this process, in seconds since 1970."""
        return self._used.get(id)

    def all(self) -> list[TokenInfo]:
        """The tokens that are good, the newest first.

        Raises:
            KeyStoreError: the file cannot be read safely.
        """
        now = time.time()
        good = [entry.info for entry in self._read() if _is_good(entry.info, now)]
        return sorted(good, key=lambda info: info.created, reverse=True)

    def revoke(self, id: str) -> None:
        """Make a token good for nothing.

        Raises:
            NotFoundError: there is no such token.
            KeyStoreError: the file cannot be read or written safely.
        """
        with self._change() as entries:
            kept = [entry for entry in entries if entry.info.id != id]
            if len(kept) == len(entries):
                raise NotFoundError("There is no such token.", "It may have been revoked already.")
            entries[:] = kept

    def _read(self) -> list[_Entry]:
        with self._lock:
            state = FileState.of(self.path)
            if state is None or state != self._state:
                content = read_private(self.path)
                self._entries = [] if content is None else self._decode(content)
                self._state = state
            return self._entries

    @contextmanager
    def _change(self) -> Iterator[list[_Entry]]:
        with locked(self.path):
            content = read_private(self.path)
            entries = [] if content is None else list(self._decode(content))
            yield entries
            encoded = msgspec.json.encode(_File(tokens=entries))
            write_private(self.path, msgspec.json.format(encoded, indent=2))
        with self._lock:
            self._state = None

    def _decode(self, content: bytes) -> list[_Entry]:
        try:
            return msgspec.json.decode(content, type=_File).tokens
        except ValueError:
            raise KeyStoreError(
                f"{self.path} does not hold tokens in our format, so none is good.",
                "Move it away, and make your tokens anew.",
            ) from None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _is_good(info: TokenInfo, now: float) -> bool:
    return info.expires is None or now < info.expires


def _check(label: str, budget: Budget, expires: float | None, now: float) -> None:
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidRequestError(
            f"label: 1 to {LONGEST_LABEL} printable characters.", "Say which program it is for."
        )
    for name, value in (("budget_cost", budget.cost), ("budget_tokens", budget.tokens)):
        if value is not None and not value > 0:
            raise InvalidRequestError(f"{name}: it must be more than 0.", "Or leave it out.")
    if expires is not None and not expires > now:
        raise InvalidRequestError("days: the token would have expired already.", "Give more.")
    if expires is not None and expires > now + _LONGEST:
        raise InvalidRequestError("days: at most 10 years.", "Or leave it out.")
