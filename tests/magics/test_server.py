"""``%%chat`` in a notebook on a Jupyter server: the chat is the server's, and in its sidebar."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes.provider import HOLD, FakeProvider
from tests.server.process import TOKEN, JupyterProcess

from .conftest import MODEL

CANARY = "sk-canary-0123456789abcdef"

_EXECUTE = """
import json, sys
from jupyter_client import BlockingKernelClient

client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
for attempt in range(60):
    try:  # a kernel whose heart does not beat yet counts as dead
        client.wait_for_ready(timeout=60)
        break
    except RuntimeError:
        continue
outputs = []

def take(message):
    if message["msg_type"] in ("display_data", "update_display_data", "stream", "error"):
        outputs.append(message["content"])

reply = client.execute_interactive(sys.argv[2], output_hook=take, timeout=120)
client.stop_channels()
print(json.dumps([reply["content"]["status"], outputs]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    server = JupyterProcess(tmp_path_factory.mktemp("server"), base_url="/user/me/")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def provider(server: JupyterProcess) -> Iterator[FakeProvider]:
    with FakeProvider(key=CANARY) as provider:
        address = {"key": CANARY, "base_url": provider.base_url}
        server.api("PUT", "keys/openai-compatible", address)
        yield provider


@pytest.fixture
def kernel(server: JupyterProcess) -> Iterator[str]:
    kernel = server.api("POST", "../kernels", {"name": "python3"})["id"]
    assert execute(server, kernel, "%load_ext jupyter_chatide")[0] == "ok"
    yield kernel
    server.fetch("DELETE", f"../kernels/{kernel}")


def execute(server: JupyterProcess, kernel: str, code: str) -> tuple[str, str]:
    """Execute a cell; gives its status, and all that it shows as JSON."""
    file = server.data_dir.parent / "runtime" / f"kernel-{kernel}.json"
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, str(file), code],
        check=True,
        capture_output=True,
        text=True,
    )
    status, outputs = json.loads(done.stdout)
    return status, json.dumps(outputs, ensure_ascii=False)


def newest(server: JupyterProcess) -> dict[str, Any]:
    chat: dict[str, Any] = server.api("GET", "chats")["chats"][0]
    return chat


def children_of_the_kernel(server: JupyterProcess, kernel: str) -> list[psutil.Process]:
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if f"kernel-{kernel}.json" in " ".join(process.cmdline()):
            return process.children(recursive=True)
    raise AssertionError("the kernel does not run")


def test_the_chat_is_the_server_s(
    server: JupyterProcess, kernel: str, provider: FakeProvider
) -> None:
    provider.reply("See:\n\n```python\nimport os\nx = 6 * 7\nprint(x)\n```\n\nThat ", 1, "is all.")
    provider.reply("Again.")
    status, outputs = execute(server, kernel, f"%%chat --model {MODEL}\nMultiply, please")
    assert status == "ok"
    for part in (MODEL.replace("_", "\\_"), "See:", "print(x)", '"42"', "That is all."):
        assert part in outputs
    assert newest(server)["title"] == "Multiply, please"
    assert "turn_finished" in {event["type"] for event in server.events(newest(server)["id"])}
    assert execute(server, kernel, "%chat And now?")[0] == "ok"
    assert [chat["title"] for chat in server.api("GET", "chats")["chats"]].count("Multiply, please")
    assert "Multiply, please" in str(provider.chats[1].json["messages"])
    assert "in the Jupyter server at http" in execute(server, kernel, "%chat")[1]
    # All of it happens in the server: the kernel has no process of its own, and no key.
    assert children_of_the_kernel(server, kernel) == []
    _, seen = execute(server, kernel, "import os; print(dict(os.environ), dict(globals()))")
    assert CANARY not in seen + outputs
    assert TOKEN not in outputs


def test_interrupting_the_kernel_stops_the_turn(
    server: JupyterProcess, kernel: str, provider: FakeProvider
) -> None:
    provider.reply("Half", HOLD)

    def interrupt() -> None:
        provider.wait_for_requests(1)
        server.wait_for(lambda: "Half" in json.dumps(server.events(newest(server)["id"])))
        server.fetch("POST", f"../kernels/{kernel}/interrupt")

    thread = threading.Thread(target=interrupt)
    thread.start()
    status, outputs = execute(server, kernel, f"%%chat --model {MODEL}\nGo")
    thread.join()
    assert status == "error"
    assert "ChatStopped" in outputs
    assert provider.chats[0].wait_left()
    assert server.events(newest(server)["id"])[-1]["status"] == "stopped"


def test_a_chat_that_was_deleted_is_begun_anew(
    server: JupyterProcess, kernel: str, provider: FakeProvider
) -> None:
    provider.otherwise("Fine.")
    execute(server, kernel, f"%%chat --model {MODEL}\nFirst")
    gone = newest(server)["id"]
    server.fetch("DELETE", f"chats/{gone}")
    status, outputs = execute(server, kernel, f"%%chat --model {MODEL}\nSecond")
    assert (status, "Fine." in outputs) == ("ok", True)
    assert newest(server)["id"] != gone


def test_a_turn_in_the_sidebar_is_not_disturbed(
    server: JupyterProcess, kernel: str, provider: FakeProvider
) -> None:
    provider.reply("Fine.")
    provider.reply("Busy", HOLD)
    execute(server, kernel, f"%%chat --model {MODEL}\nFirst")
    chat = newest(server)["id"]
    server.api("POST", f"chats/{chat}/turns", {"prompt": "Sidebar", "model": MODEL})
    provider.wait_for_requests(2)
    status, outputs = execute(server, kernel, f"%%chat --model {MODEL}\nSecond")
    assert (status, "still answering" in outputs) == ("ok", True)
    provider.release()
    server.wait_for(lambda: server.events(chat)[-1]["type"] == "turn_finished")
    provider.reply("Third answer")
    _, outputs = execute(server, kernel, f"%%chat --model {MODEL}\nThird")
    assert "Third answer" in outputs
    assert "Busy" not in outputs


def test_without_the_extension_the_session_runs_it_by_itself(tmp_path: Path) -> None:
    server = JupyterProcess(tmp_path, extensions={"jupyter_chatide": False})
    server.start()
    try:
        kernel = server.api("POST", "../kernels", {"name": "python3"})["id"]
        execute(server, kernel, "%load_ext jupyter_chatide")
        status, outputs = execute(server, kernel, "%chat --model demo/demo Hello?")
        assert (status, "demo" in outputs) == ("ok", True)
        processes = children_of_the_kernel(server, kernel)
        assert any("jupyter_chatide.magics.engine" in " ".join(p.cmdline()) for p in processes)
        server.fetch("DELETE", f"../kernels/{kernel}")
        assert psutil.wait_procs(processes, timeout=20)[1] == []
    finally:
        server.stop()
