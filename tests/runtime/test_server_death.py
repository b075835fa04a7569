"""When the server is killed, nothing of its sandboxes is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from .conftest import becomes, end_process, is_alive

SERVER = """
import asyncio, sys
from jupyter_chatide.runtime import Runtime

async def main():
    runtime = Runtime()
    temporary = await runtime.create_workspace()
    await temporary.run('''
import os, subprocess, time
subprocess.Popen(["sleep", "600"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
''')
    busy = await runtime.create_workspace()
    running = asyncio.create_task(busy.run("while True: pass"))
    while busy.kernel_id is None:
        await asyncio.sleep(0.05)
    folders = [
        runtime._manager.get_kernel(workspace.kernel_id).connection_file.rpartition("/")[0]
        for workspace in (temporary, busy)
    ]
    print(*folders, temporary.path, busy.path, flush=True)
    await running

asyncio.run(main())
"""


def descendants(root: int) -> set[int]:
    """Pids of all that descends from a process."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    pending = [root]
    while pending:
        parent = pending.pop()
        children = {pid for pid, its_parent in parents.items() if its_parent == parent}
        found |= children
        pending += children
    return found


async def test_a_killed_server_leaves_no_process_socket_or_folder() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        folders = [Path(path) for path in server.stdout.readline().split()]
        assert len(folders) == 4
        assert all(folder.is_dir() for folder in folders)
        pids = descendants(server.pid)
        # Two supervisors, two kernels, a session of its own, a daemon.
        assert len(pids) >= 6
        os.kill(server.pid, signal.SIGKILL)
    try:
        assert await becomes(lambda: not any(is_alive(pid) for pid in pids))
        assert await becomes(lambda: not any(folder.exists() for folder in folders))
    finally:
        for pid in pids:
            end_process(pid)
