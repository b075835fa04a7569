"""How much memory is free here, and how long a conversation of a model fits into it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .gguf import Header

_MB = 1_000_000
_KEPT_FREE = 500 * _MB  # for everything else on the machine
_PROGRAM = 200 * _MB  # llama.cpp itself, and its buffers besides those below
_BATCH = 512  # tokens that are read at once: each has a number for every token of the vocabulary
_SHORTEST = 2048  # tokens of a conversation that is of any use
_COMFORTABLE = 8192
_LONGEST = 65_536
_STEP = 256


class Plan(msgspec.Struct, frozen=True):
    """How a model would be served here.

    Args:
        context: tokens of a conversation.
        needed: bytes of memory for that.
        available: bytes that are free.
    """

    context: int
    needed: int
    available: int

    @property
    def fits(self) -> bool:
        """Whether there is memory enough."""
        return self.needed <= self.available


def plan(header: Header, available: int | None) -> Plan:
    """The longest context that memory allows, within reason.

    A conversation takes a quarter of what is free at most, unless that is less than 8,192 tokens.

    Args:
        header: the model's.
        available: bytes that are free; ``None`` is unknown, and taken for enough.
    """
    longest = min(header.context_window or _COMFORTABLE, _LONGEST)
    shortest = min(longest, _SHORTEST)
    weights = header.file_size + _PROGRAM + _BATCH * header.vocabulary * 4
    per_token = max(header.cache_per_token, 1)
    if available is None:
        return Plan(min(longest, _COMFORTABLE), 0, 0)
    rest = available - _KEPT_FREE - weights
    comfortable = min(longest, _COMFORTABLE) * per_token
    tokens = min(rest, max(available // 4, comfortable)) // per_token
    context = max(shortest, min(longest, tokens // _STEP * _STEP))
    return Plan(context, weights + context * per_token + _KEPT_FREE, available)


def available_memory() -> int | None:
    """Bytes of memory that a new process can have; ``None`` where the system does not say.

    In a container it is what the container may still use.
    """
    if sys.platform != "linux":
        import psutil

        return int(psutil.virtual_memory().available)
    found = [_from_meminfo(), *_from_groups()]
    known = [number for number in found if number is not None]
    return max(0, min(known)) if known else None


def _from_meminfo() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _from_groups() -> Iterator[int | None]:
    """What is left in each control group that this process is in, and in those above."""
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, name = line.split(":", 2)
        if not controllers:  # version 2
            yield from _upwards(
                Path("/sys/fs/cgroup"), name, "memory.max", "memory.current", "inactive_file"
            )
        elif "memory" in controllers.split(","):
            yield from _upwards(
                Path("/sys/fs/cgroup/memory"),
                name,
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )


def _upwards(root: Path, name: str, limit: str, usage: str, cached: str) -> Iterator[int | None]:
    group = root / name.lstrip("/")
    while group.is_relative_to(root):
        most, used = _number(group / limit), _number(group / usage)
        if most is not None and used is not None:
            yield most - used + _statistic(group / "memory.stat", cached)
        group = group.parent


def _number(path: Path) -> int | None:
    for line in _lines(path):
        return int(line) if line.isdecimal() else None  # "max" is no limit
    return None


def _statistic(path: Path, name: str) -> int:
    """Of the pages in use, those that give way: the cache of files."""
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
