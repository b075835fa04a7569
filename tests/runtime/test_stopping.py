"""Stop stops: the code, what it started, and a kernel that does not obey."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_chatide
from jupyter_chatide.runtime import (
    Limits,
    OutputChange,
    RunResult,
    Runtime,
    Workspace,
    WorkspaceClosedError,
)

from .conftest import becomes, end_process, is_alive

# A daemon as daemons are made: two forks and a session of its own.
DAEMON = """
import os, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open("daemon.pid.new", "w") as file:
                file.write(str(os.getpid()))
            os.rename("daemon.pid.new", "daemon.pid")
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not os.path.exists("daemon.pid"):
        time.sleep(0.01)
"""


async def start(workspace: Workspace, code: str) -> asyncio.Task[RunResult]:
    """Start code that prints a line once it runs, and wait for that."""
    running = asyncio.Event()

    def shown(change: OutputChange) -> None:
        running.set()

    task = asyncio.create_task(workspace.run(code, on_output=shown))
    await running.wait()
    return task


@pytest.mark.parametrize(
    "code",
    [
        "import time; print('on', flush=True); time.sleep(600)",
        "print('on', flush=True)\nwhile True: pass",
        "import subprocess; print('on', flush=True); subprocess.run(['sleep', '600'])",
        "print('on', flush=True)\n!sleep 600",
        "import asyncio; print('on', flush=True); await asyncio.sleep(600)",
    ],
    ids=["sleep", "busy loop", "subprocess", "shell", "await"],
)
async def test_stop_interrupts_code_and_keeps_the_kernel(workspace: Workspace, code: str) -> None:
    await workspace.run("kept = 1")
    task = await start(workspace, code)
    await workspace.interrupt()
    result = await task
    assert result.status == "interrupted"
    assert result.notices == []
    assert (await workspace.run("kept")).status == "ok"


async def test_code_that_ignores_the_interrupt_loses_its_kernel(own_workspace: Workspace) -> None:
    own_workspace.write_file("file.txt", b"kept")
    task = await start(
        own_workspace,
        "import time\n"
        "while True:\n"
        "    try: print('on', flush=True); time.sleep(600)\n"
        "    except KeyboardInterrupt: pass",
    )
    await own_workspace.interrupt()
    result = await task
    assert result.status == "interrupted"
    assert [notice.code for notice in result.notices] == ["killed"]
    after = await own_workspace.run("open('file.txt').read()")
    assert after.status == "ok"
    assert [notice.code for notice in after.notices] == ["variables-gone"]
    assert (await own_workspace.run("1")).notices == []


async def test_code_that_ignores_one_interrupt_is_asked_again(own_workspace: Workspace) -> None:
    await own_workspace.run("kept = 1")
    task = await start(
        own_workspace,
        "import time\n"
        "try: print('on', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt: time.sleep(600)",
    )
    await own_workspace.interrupt()
    assert (await task).status == "interrupted"
    assert (await own_workspace.run("kept")).status == "ok"


async def test_a_timeout_stops_the_code(workspace: Workspace) -> None:
    await workspace.run("1")
    result = await workspace.run("import time; print('on'); time.sleep(600)", timeout=0.5)
    assert result.status == "timeout"
    assert result.outputs[0]["text"] == "on\n"
    assert [notice.code for notice in result.notices] == ["timeout"]
    assert result.notices[0].hint
    assert (await workspace.run("1")).status == "ok"


async def test_stop_ends_daemons_that_the_code_started(workspace: Workspace) -> None:
    task = await start(
        workspace, DAEMON + "daemon(); print('on', flush=True)\nwhile True: time.sleep(1)"
    )
    pid = int(workspace.read_file("daemon.pid"))
    assert is_alive(pid)
    await workspace.interrupt()
    assert not is_alive(pid)
    assert (await task).status == "interrupted"
    assert (await workspace.run("1")).notices == []


async def test_stop_without_a_run_ends_what_earlier_runs_left(workspace: Workspace) -> None:
    await workspace.run("import subprocess; left = subprocess.Popen(['sleep', '600'])")
    result = await workspace.run("left.pid")
    pid = int(result.outputs[0]["data"]["text/plain"])
    assert is_alive(pid)
    started = time.monotonic()
    await asyncio.gather(*(workspace.interrupt() for _ in range(3)))
    assert time.monotonic() - started < 3
    assert not is_alive(pid)


async def test_closing_ends_everything_and_removes_the_folder(runtime: Runtime) -> None:
    workspace = await runtime.create_workspace()
    task = await start(
        workspace, DAEMON + "daemon(); print('on', flush=True)\nwhile True: time.sleep(1)"
    )
    daemon = int(workspace.read_file("daemon.pid"))
    private = await private_folder(workspace)
    await workspace.close()
    assert (await task).status == "interrupted"
    assert not is_alive(daemon)
    assert not workspace.path.exists()
    assert not private.exists()
    with pytest.raises(WorkspaceClosedError):
        await workspace.run("1")
    await workspace.close()


async def test_cancelling_a_run_interrupts_its_code(workspace: Workspace) -> None:
    await workspace.run("kept = 1")
    task = await start(workspace, "import time; print('on', flush=True); time.sleep(600)")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    result = await workspace.run("kept")
    assert result.status == "ok"
    assert result.duration < 60


async def test_cancelling_a_run_that_waits_leaves_the_other_alone(workspace: Workspace) -> None:
    first = await start(workspace, "import time; print('on', flush=True); time.sleep(0.5); 'done'")
    second = asyncio.create_task(workspace.run("open('never', 'w')"))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await first).status == "ok"
    assert "never" not in dict(workspace.list_files())


async def test_stop_before_the_kernel_is_up_runs_nothing(own_workspace: Workspace) -> None:
    task = asyncio.create_task(own_workspace.run("open('never', 'w').close()"))
    await asyncio.sleep(0.01)
    await own_workspace.interrupt()
    assert (await task).status == "interrupted"
    assert own_workspace.list_files() == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(3)", "status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "memory"),
    ],
    ids=["exit", "crash", "killed"],
)
async def test_a_kernel_that_dies_is_noticed_and_replaced(
    own_workspace: Workspace, code: str, reason: str
) -> None:
    await own_workspace.start()
    started = time.monotonic()
    result = await own_workspace.run(
        "import time; print('last words', flush=True); time.sleep(0.3)\n" + code
    )
    assert time.monotonic() - started < 10
    assert result.status == "died"
    assert result.outputs[0]["text"] == "last words\n"
    [notice] = result.notices
    assert notice.code == "died"
    assert reason in notice.message
    after = await own_workspace.run("1 + 1")
    assert after.status == "ok"
    assert [notice.code for notice in after.notices] == ["variables-gone"]


async def test_daemons_do_not_outlive_a_kernel_that_dies(own_workspace: Workspace) -> None:
    await own_workspace.run(DAEMON + "daemon()")
    pid = int(own_workspace.read_file("daemon.pid"))
    result = await own_workspace.run("os._exit(0)")
    assert result.status == "died"
    assert not is_alive(pid)


async def test_killing_its_supervisor_ends_the_kernel_too(own_workspace: Workspace) -> None:
    result = await own_workspace.run(
        "import os, signal, time\nprint(os.getpid(), flush=True)\n"
        "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)"
    )
    assert result.status == "died"
    kernel = int(result.outputs[0]["text"]) if result.outputs else None
    if kernel is not None:
        assert await becomes(lambda: not is_alive(kernel))
    assert (await own_workspace.run("1")).status == "ok"


async def test_a_stopped_supervisor_does_not_keep_a_workspace_open(runtime: Runtime) -> None:
    workspace = await runtime.create_workspace()
    result = await workspace.run(
        "import os, signal\nprint(os.getpid(), os.getppid(), flush=True)\n"
        "os.kill(os.getppid(), signal.SIGSTOP)"
    )
    kernel, supervisor = map(int, result.outputs[0]["text"].split())
    await workspace.close()
    try:
        assert await becomes(lambda: not is_alive(kernel) and not is_alive(supervisor))
    finally:
        end_process(kernel)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a supervisor")
async def test_a_kernel_has_left_the_process_table_when_it_is_closed(runtime: Runtime) -> None:
    workspace = await runtime.create_workspace()
    # Memory and threads take the system a moment to clear away.
    result = await workspace.run(
        "import os, threading, time\n"
        "ballast = b'x' * 200_000_000\n"
        "for _ in range(100):\n"
        "    threading.Thread(target=time.sleep, args=[600], daemon=True).start()\n"
        "print(os.getpid())"
    )
    kernel = Path("/proc", result.outputs[0]["text"].strip())
    assert kernel.exists()
    await workspace.close()
    assert not kernel.exists()


async def test_restart_forgets_variables_and_says_nothing(workspace: Workspace) -> None:
    await workspace.run("forgotten = 1")
    await workspace.restart()
    result = await workspace.run("forgotten")
    assert result.status == "error"
    assert result.notices == []


async def test_closing_the_runtime_closes_its_workspaces() -> None:
    async with Runtime(limits=Limits(interrupt_grace=1)) as runtime:
        workspace = await runtime.create_workspace()
        await workspace.start()
        private = await private_folder(workspace)
        path = workspace.path
    assert not path.exists()
    assert not private.exists()
    with pytest.raises(WorkspaceClosedError):
        await runtime.create_workspace()


async def private_folder(workspace: Workspace) -> Path:
    """The folder of a workspace's sockets."""
    assert workspace.kernel_id is not None
    manager = workspace._manager.get_kernel(workspace.kernel_id)
    folder = Path(manager.connection_file).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    return folder


async def test_a_start_that_nobody_waits_for_leaves_no_process(own_workspace: Workspace) -> None:
    import psutil

    before = set(psutil.Process().children(recursive=True))
    starting = asyncio.create_task(own_workspace.start())
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await own_workspace.close()
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.fixture
def hanging_workspace(
    jp_asyncio_loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> Iterator[Workspace]:
    """A workspace whose kernel starts and never answers."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.multikernelmanager import AsyncMultiKernelManager

    sandbox = Path(jupyter_chatide.__file__).parent / "etc" / "kernels" / "chatide-sandbox"
    spec = json.loads((sandbox / "kernel.json").read_text())
    spec["argv"] = ["sleep", "600"]
    (tmp_path / "chatide-sandbox").mkdir()
    (tmp_path / "chatide-sandbox" / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path)])
    manager = AsyncMultiKernelManager(kernel_spec_manager=specs)
    runtime = Runtime(kernel_manager=manager)
    yield jp_asyncio_loop.run_until_complete(runtime.create_workspace())
    jp_asyncio_loop.run_until_complete(runtime.aclose())


async def test_nothing_waits_for_a_kernel_that_does_not_come_up(
    hanging_workspace: Workspace,
) -> None:
    import psutil

    def processes() -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True))

    before = processes()
    async with asyncio.timeout(20):  # a kernel may take 60 s to start
        warming_up = asyncio.create_task(hanging_workspace.start())
        for _ in range(2):
            stopped = asyncio.create_task(hanging_workspace.run("1"))
            await asyncio.sleep(0.1)
            assert await becomes(lambda: len(processes() - before) >= 2)
            await hanging_workspace.interrupt()
            assert (await stopped).status == "interrupted"
        hanging = processes() - before
        cancelled = asyncio.create_task(hanging_workspace.run("1"))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert processes() - before == hanging  # still the one start
        restarting = asyncio.create_task(hanging_workspace.restart())
        assert await becomes(lambda: not any(is_alive(process.pid) for process in hanging))
        assert await becomes(lambda: len(processes() - before) >= 2)
        await hanging_workspace.close()
        for waiting in (warming_up, restarting):
            with pytest.raises(WorkspaceClosedError):
                await waiting
    assert processes() <= before


async def test_the_kernel_of_a_run_stopped_early_serves_the_next(own_workspace: Workspace) -> None:
    import psutil

    stopped = asyncio.create_task(own_workspace.run("1"))
    await asyncio.sleep(0.1)
    begun = set(psutil.Process().children(recursive=True))
    await own_workspace.interrupt()
    assert (await stopped).status == "interrupted"
    result = await own_workspace.run("1")
    assert result.status == "ok"
    assert result.notices == []
    assert result.execution_count == 1
    assert begun <= set(psutil.Process().children(recursive=True))
