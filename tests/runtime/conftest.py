"""One event loop and one runtime for a module's tests: a kernel is started once, not per test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_core.utils import ensure_event_loop

from jupyter_chatide.runtime import Limits, Runtime, Workspace


@pytest.fixture(autouse=True, scope="module")
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """pytest-jupyter's fixture of this name makes a loop for each test."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def runtime(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Runtime]:
    runtime = Runtime(limits=Limits(interrupt_grace=2.0, output_bytes=2_000_000))
    yield runtime
    jp_asyncio_loop.run_until_complete(runtime.aclose())


@pytest.fixture(scope="module")
def workspace(jp_asyncio_loop: asyncio.AbstractEventLoop, runtime: Runtime) -> Iterator[Workspace]:
    """A workspace that the module's tests share."""
    workspace = jp_asyncio_loop.run_until_complete(runtime.create_workspace())
    yield workspace
    jp_asyncio_loop.run_until_complete(workspace.close())


@pytest.fixture
def own_workspace(
    jp_asyncio_loop: asyncio.AbstractEventLoop, runtime: Runtime
) -> Iterator[Workspace]:
    """A workspace of the test's own."""
    workspace = jp_asyncio_loop.run_until_complete(runtime.create_workspace())
    yield workspace
    jp_asyncio_loop.run_until_complete(workspace.close())


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def becomes(condition: Callable[[], bool], seconds: float = 2.0) -> bool:
    """Whether ``condition`` holds within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return condition()


def processes_naming(text: str) -> list[int]:
    """Pids of the processes with ``text`` in their command line, but not of this one."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in command and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def end_process(pid: int) -> None:
    """End a process that a test started; it may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
