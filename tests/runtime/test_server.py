"""In a Jupyter server: its kernel manager starts the sandboxes, Lab sees and attaches to them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.session import Session
from jupyter_server.serverapp import ServerApp

import jupyter_chatide
from jupyter_chatide.runtime import Runtime, Workspace

from .conftest import becomes, processes_naming

Fetch = Callable[..., Awaitable[Any]]


@pytest.fixture
def server_workspace(
    jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Workspace]:
    """A workspace whose kernel the server's own kernel manager starts."""
    runtime = Runtime(kernel_manager=jp_serverapp.kernel_manager)
    yield jp_asyncio_loop.run_until_complete(runtime.create_workspace())
    jp_asyncio_loop.run_until_complete(runtime.aclose())


async def websocket_run(connect: Callable[..., Awaitable[Any]], kernel: str, code: str) -> str:
    """Run code as a console in Lab does, and return what it printed."""
    socket = await connect("api", "kernels", kernel, "channels")
    session = Session()
    request = session.msg("execute_request", {"code": code, "silent": False})
    request["header"]["date"] = request["header"]["date"].isoformat()
    await socket.write_message(json.dumps({**request, "channel": "shell"}))
    printed, idle = "", False
    while not idle:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 20))
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            printed += message["content"]["text"]
        idle = message["content"].get("execution_state") == "idle"
    socket.close()
    return printed


async def test_a_person_starts_a_sandboxed_kernel_and_a_console_attaches(
    jp_fetch: Fetch,
    jp_ws_fetch: Callable[..., Awaitable[Any]],
    jp_root_dir: Path,
    jp_kernel_dir: Path,
) -> None:
    # As an installation does; the server under test has a Jupyter path of its own.
    installed = Path(jupyter_chatide.__file__).parent / "etc" / "kernels" / "chatide-sandbox"
    shutil.copytree(installed, jp_kernel_dir / "chatide-sandbox")
    (jp_root_dir / "project").mkdir()
    body = json.dumps({"name": "chatide-sandbox", "path": "project"})
    response = await jp_fetch("api", "kernels", method="POST", body=body)
    kernel = json.loads(response.body)["id"]
    code = "import os; print(os.getcwd(), os.environ['CHATIDE_SANDBOX'], 'kept' in globals())"
    expected = f"{jp_root_dir / 'project'} 1 False\n"
    assert await websocket_run(jp_ws_fetch, kernel, code + "; kept = 1") == expected
    for action in ("interrupt", "restart"):
        await jp_fetch(
            "api", "kernels", kernel, action, method="POST", allow_nonstandard_methods=True
        )
    assert await websocket_run(jp_ws_fetch, kernel, code) == expected
    pid = int(await websocket_run(jp_ws_fetch, kernel, "print(os.getpid())"))
    await jp_fetch("api", "kernels", kernel, method="DELETE")
    assert not Path(f"/proc/{pid}").exists()


async def test_a_workspaces_kernel_shows_under_running_and_can_be_attached_to(
    server_workspace: Workspace, jp_fetch: Fetch, jp_ws_fetch: Callable[..., Awaitable[Any]]
) -> None:
    await server_workspace.run("shared = 'from the chat'")
    kernels = json.loads((await jp_fetch("api", "kernels")).body)
    [kernel] = [k for k in kernels if k["id"] == server_workspace.kernel_id]
    assert kernel["name"] == "chatide-sandbox"
    assert await websocket_run(jp_ws_fetch, kernel["id"], "print(shared)") == "from the chat\n"


async def test_shutting_it_down_in_lab_lets_the_next_run_start_afresh(
    server_workspace: Workspace, jp_fetch: Fetch
) -> None:
    await server_workspace.run("x = 1")
    first = server_workspace.kernel_id
    assert first is not None
    await jp_fetch("api", "kernels", first, method="DELETE")
    result = await server_workspace.run("'x' in globals()")
    assert result.outputs[0]["data"]["text/plain"] == "False"
    assert [notice.code for notice in result.notices] == ["variables-gone"]
    assert server_workspace.kernel_id != first


async def test_restarting_it_in_lab_is_noticed(
    server_workspace: Workspace, jp_fetch: Fetch
) -> None:
    await server_workspace.run("x = 1")
    kernel = server_workspace.kernel_id
    assert kernel is not None
    await jp_fetch(
        "api", "kernels", kernel, "restart", method="POST", allow_nonstandard_methods=True
    )
    result = await server_workspace.run("import os; print('x' in globals(), os.getcwd())")
    assert result.outputs[0]["text"] == f"False {server_workspace.path}\n"
    assert [notice.code for notice in result.notices] == ["variables-gone"]
    assert server_workspace.kernel_id == kernel


async def test_shutting_it_down_in_mid_run_ends_the_run(
    server_workspace: Workspace, jp_fetch: Fetch
) -> None:
    await server_workspace.start()
    kernel = server_workspace.kernel_id
    assert kernel is not None
    task = asyncio.create_task(server_workspace.run("import time; time.sleep(600)"))
    await asyncio.sleep(0.3)
    await jp_fetch("api", "kernels", kernel, method="DELETE")
    result = await task
    assert result.status == "died"
    assert "shut down" in result.notices[0].message


async def test_the_server_does_not_restart_a_workspaces_dead_kernel(
    server_workspace: Workspace, jp_serverapp: ServerApp
) -> None:
    await server_workspace.start()
    kernel = server_workspace.kernel_id
    assert kernel is not None
    assert jp_serverapp.kernel_manager.get_kernel(kernel).autorestart is False
    assert (await server_workspace.run("import os; os._exit(1)")).status == "died"
    assert kernel not in jp_serverapp.kernel_manager
    assert (await server_workspace.run("1")).status == "ok"


async def test_the_server_ends_its_sandboxes_when_it_ends(
    server_workspace: Workspace, jp_serverapp: ServerApp
) -> None:
    await server_workspace.start()
    assert server_workspace.kernel_id is not None
    manager = jp_serverapp.kernel_manager.get_kernel(server_workspace.kernel_id)
    folder = Path(manager.connection_file).parent
    await jp_serverapp.kernel_manager.shutdown_all()
    assert await becomes(lambda: not processes_naming(str(folder)))
    assert not folder.exists()
