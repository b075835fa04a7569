"""The file behind the usage ledger: SQLite, shared by processes, used from one thread of each."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import ChatIDEError
from .errors import GatewayError
from .private_files import check_private, locked

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds to wait for another process that writes
_KEPT = 10_000  # records that wait for a disk with room
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}  # primary result codes
_TABLE = """
CREATE TABLE IF NOT EXISTS requests (
    time REAL NOT NULL, day TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    client TEXT NOT NULL, chat TEXT NOT NULL, turn TEXT NOT NULL, token TEXT NOT NULL,
    input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER,
    estimate INTEGER NOT NULL, estimated_cost REAL NOT NULL, cost REAL,
    finished INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_time ON requests (time);
CREATE INDEX IF NOT EXISTS by_day ON requests (day);
CREATE INDEX IF NOT EXISTS by_chat ON requests (chat, day) WHERE chat != '';
CREATE INDEX IF NOT EXISTS by_token ON requests (token, time) WHERE token != '';
"""


class UsageRecord(msgspec.Struct, frozen=True):
    """One request, in the order of the table's columns.

    Tokens are ``None`` where the provider gave none; ``estimate`` (tokens) and ``estimated_cost``
    are what a budget counts beside them, of what nobody counted. Costs are in US dollars.
    """

    time: float
    day: str
    provider: str
    model: str
    client: str
    chat: str
    turn: str
    token: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    estimate: int
    estimated_cost: float
    cost: float | None
    finished: bool


_INSERT = f"INSERT INTO requests VALUES ({', '.join('?' * len(UsageRecord.__struct_fields__))})"


class UsageFile:
    """``usage.db``. To be used from one thread only.

    A damaged file is moved aside, to ``usage.db.damaged``, and a new one begun. What cannot be
    written waits in memory for the next time.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._waiting: deque[UsageRecord] = deque()
        self._dropped_at = 0.0
        self._told = False

    @property
    def damaged(self) -> Path:
        """Where a damaged file is moved to."""
        return self.path.with_name(f"{self.path.name}.damaged")

    def add(self, record: UsageRecord) -> None:
        """Write a record down, now or when there is room again. Never fails."""
        if len(self._waiting) >= _KEPT:
            self._dropped_at = self._waiting.popleft().time
        self._waiting.append(record)
        try:
            self._on_file(lambda connection: None)
        except Exception as error:  # whatever it is, it is no matter of the request's
            self._tell(error)

    def complete_since(self, start: float) -> None:
        """See that everything used since ``start`` (seconds since 1970) is in the file.

        Raises:
            ChatIDEError: it is not, or nobody knows.
        """
        self._on_file(lambda connection: None)
        if self._dropped_at >= start:
            raise GatewayError(
                "the record of usage has gaps.", "Make room on the disk; it ends with the period."
            )
        with suppress(FileNotFoundError):
            if self.damaged.stat().st_mtime >= start:
                raise GatewayError(
                    "the record of usage was damaged.",
                    f"Delete {self.damaged} to count from now on.",
                )

    def spent(self, start: float, token: str) -> tuple[float, int, int, int]:
        """Cost (US dollars) and tokens, both with what is estimated, requests of unknown cost, and
        estimated ones of the tokens, since ``start``.

        Args:
            start: seconds since 1970.
            token: only what this endpoint token used; ``""`` is everything.

        Raises:
            ChatIDEError: the file cannot be read.
        """
        query = """
            SELECT COALESCE(SUM(COALESCE(cost, 0.0) + estimated_cost), 0.0),
                   COALESCE(SUM(COALESCE(input_tokens + output_tokens, 0) + estimate), 0),
                   COUNT(*) - COUNT(cost), COALESCE(SUM(estimate), 0)
            FROM requests WHERE time >= ?"""
        if token:
            query += " AND token = ?"
        values = (start, token) if token else (start,)
        cost, *counts = self._on_file(lambda c: c.execute(query, values).fetchone())
        tokens, unknown, estimated = map(int, counts)
        return float(cost), tokens, unknown, estimated

    def by_day(self, day: str, chat: str) -> list[tuple[Any, ...]]:
        """Day, provider, model, requests, input tokens, output tokens, cost, requests of unknown
        cost and of unknown tokens, from ``day`` on, the newest first.

        Args:
            day: as ``2026-11-22``.
            chat: only what this chat used; ``""`` is everything.

        Raises:
            ChatIDEError: the file cannot be read.
        """
        query = f"""
            SELECT day, provider, model, COUNT(*), SUM(input_tokens), SUM(output_tokens),
                   SUM(cost), COUNT(*) - COUNT(cost), SUM(input_tokens IS NULL OR estimate > 0)
            FROM requests WHERE day >= ? {"AND chat = ?" if chat else ""}
            GROUP BY day, provider, model ORDER BY day DESC, provider, model"""
        values = (day, chat) if chat else (day,)
        return self._on_file(lambda c: c.execute(query, values).fetchall())

    def close(self) -> None:
        """Close the file. It opens again when it is needed."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _on_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` gives, once all that waits is written; a damaged file is replaced."""
        try:
            try:
                return self._flush_and(work)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                    raise
                self._replace()
                return self._flush_and(work)
        except (sqlite3.Error, OSError) as error:
            self.close()  # a disk that was full, or a folder that was gone, may be there next time
            raise GatewayError(
                f"{self.path} cannot be used ({_reason(error)}).",
                "Make room on the disk, or see to the file's permissions.",
            ) from None

    def _flush_and(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._open()
        if self._waiting:
            with connection:  # one transaction
                rows = [msgspec.structs.astuple(record) for record in self._waiting]
                connection.executemany(_INSERT, rows)
            self._waiting.clear()
        return work(connection)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            if self._inode == self._inode_on_disk():
                return self._connection
            self.close()  # another process moved it aside, or a person deleted it
        with locked(self.path):  # nobody moves it aside meanwhile
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, 0o600)
            try:
                check_private(self.path, os.fstat(descriptor), 0o600)
            finally:
                os.close(descriptor)
            connection = sqlite3.connect(self.path, timeout=_PATIENCE)
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLE)
            except BaseException:
                connection.close()
                raise
            self._connection, self._inode = connection, self._inode_on_disk()
        return connection

    def _replace(self) -> None:
        """Move a damaged file aside, unless another process did."""
        inode = self._inode
        self.close()
        with locked(self.path):
            if inode in (0, self._inode_on_disk()):
                for end in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        source = self.path.with_name(self.path.name + end)
                        source.replace(self.damaged.with_name(self.damaged.name + end))
                os.utime(self.damaged)  # from when on something is missing
        _log.warning("%s was damaged; it is now %s, and a new one begins.", self.path, self.damaged)

    def _inode_on_disk(self) -> int:
        with suppress(FileNotFoundError):
            return self.path.stat().st_ino
        return 0

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            said = error.message if isinstance(error, ChatIDEError) else type(error).__name__
            _log.warning("What requests use is not written down for now: %s", said)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
