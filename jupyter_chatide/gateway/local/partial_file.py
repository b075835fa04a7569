"""The part of a file that is here already, and a note of what it is a part of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

_BLOCK = 1 << 20  # bytes that are written at once


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a partial file is a part of; kept beside it.

    Args:
        url: where it is fetched from.
        tag: what names the content: its checksum, or the server's own tag.
        validator: what the server compares before it sends the rest.
    """

    url: str
    tag: str = ""
    validator: str = ""


def partial_path(path: Path) -> Path:
    """Where the first part of a file is kept until the rest is there."""
    return path.with_name(f"{path.name}.part")


def size_of(path: Path) -> int | None:
    """A file's size in bytes; ``None`` where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def read_source(path: Path) -> Source:
    """What the part of a file is a part of; nothing where that is not known."""
    try:
        return msgspec.json.decode(_source_path(path).read_bytes(), type=Source)
    except (OSError, msgspec.MsgspecError):
        return Source("")


def write_source(path: Path, source: Source) -> None:
    """Note what the part of a file is a part of.

    Raises:
        OSError: it cannot be written.
    """
    _source_path(path).write_bytes(msgspec.json.encode(source))


def remove_partial(path: Path) -> None:
    """Delete what is there of a file that is not complete.

    Raises:
        OSError: it cannot be deleted.
    """
    partial_path(path).unlink(missing_ok=True)
    _source_path(path).unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Give a file that is complete its name.

    Raises:
        OSError: it cannot be renamed.
    """
    with partial_path(path).open("rb+") as file:
        os.fsync(file.fileno())
    partial_path(path).replace(path)
    with suppress(OSError):
        _source_path(path).unlink()


@asynccontextmanager
async def appending(path: Path) -> AsyncGenerator[Callable[[bytes], Awaitable[None]], None]:
    """Append to a file as long as the block lasts, in large pieces; all of it is written at the
    end of the block, however it ends.

    Raises:
        OSError: it cannot be written.
    """
    waiting = bytearray()
    descriptor = await asyncio.to_thread(
        os.open, path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600
    )

    async def write(packet: bytes) -> None:
        waiting.extend(packet)
        if len(waiting) >= _BLOCK:
            block = bytes(waiting)
            waiting.clear()
            await _to_the_end(_write_all, descriptor, block)

    try:
        yield write
    finally:
        try:
            _write_all(descriptor, bytes(waiting))  # a block at most, and also when cancelled
        finally:
            os.close(descriptor)


async def _to_the_end(
    function: Callable[[int, bytes], None], descriptor: int, block: bytes
) -> None:
    """Run it in a thread, and wait for it also when cancelled: the file must not close before."""
    work = asyncio.ensure_future(asyncio.to_thread(function, descriptor, block))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _write_all(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _source_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.part.json")
