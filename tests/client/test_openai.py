"""``jupyter_chatide.openai_client()`` in a notebook's kernel."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_chatide.client.openai import EndpointError, openai_client
from tests.fakes.provider import FakeProvider
from tests.server.process import JupyterProcess

KEY = "sk-canary-00112233445566778899"
MODEL = "openai-compatible/fake-model"
ASK = f"""
import jupyter_chatide
client = jupyter_chatide.openai_client(timeout=60)
answer = client.chat.completions.create(
    model={MODEL!r}, messages=[dict(role="user", content="Hi")]
)
print(answer.choices[0].message.content)
"""
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
said = []

def take(message):
    content = message["content"]
    said.append(content.get("text") or " ".join(content.get("traceback", [])))

client.execute_interactive(sys.argv[2], output_hook=take, timeout=120)
client.stop_channels()
print(json.dumps("".join(said)))
"""


class Notebook:
    """A notebook on a server, with its kernel."""

    def __init__(self, server: JupyterProcess, name: str) -> None:
        self.server = server
        session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        made = server.api("POST", "../sessions", session)
        self.session, self.kernel = made["id"], made["kernel"]["id"]

    def execute(self, code: str) -> str:
        """Execute a cell; gives all that it shows."""
        file = self.server.data_dir.parent / "runtime" / f"kernel-{self.kernel}.json"
        command = [sys.executable, "-c", _EXECUTE, str(file), code]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
        return str(json.loads(done.stdout))

    def close(self) -> None:
        self.server.fetch("DELETE", f"../sessions/{self.session}")


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
    with FakeProvider(key=KEY) as provider:
        address = {"key": KEY, "base_url": provider.base_url}
        server.api("PUT", "keys/openai-compatible", address)
        yield provider


def tokens(server: JupyterProcess) -> list[dict[str, object]]:
    return list(server.api("GET", "endpoint")["tokens"])


def test_a_notebook_asks_with_one_token_and_no_key(
    server: JupyterProcess, provider: FakeProvider
) -> None:
    provider.otherwise("Hello from the provider")
    notebook = Notebook(server, "analysis.ipynb")

    assert (
        "switched off" in (said := notebook.execute(ASK)) and "Models and keys → Endpoint" in said
    )
    assert provider.chats == []

    server.api("PATCH", "endpoint", {"enabled": True})
    assert notebook.execute(ASK) == "Hello from the provider\n"
    assert provider.chats[0].key == KEY
    assert notebook.execute(ASK) == "Hello from the provider\n"
    (token,) = tokens(server)
    assert token["label"] == "Notebook analysis.ipynb"

    told = notebook.execute(
        "import os, jupyter_chatide.client.openai as ours\n"
        "secret = client.api_key\n"
        "print(secret.startswith('chatide-'), secret in str(dict(os.environ)),"
        " secret in repr(ours._tokens))"
    )
    assert told == "True False False\n"
    assert KEY not in notebook.execute("print(dict(globals()), dict(os.environ))")

    # Revoked by the user: the old client is refused, a new one gets another token.
    server.fetch("DELETE", f"endpoint/tokens/{token['id']}")
    again = ASK.replace("client = jupyter_chatide.openai_client(timeout=60)", "")
    assert "AuthenticationError" in notebook.execute(again)
    assert notebook.execute(ASK) == "Hello from the provider\n"
    assert len(tokens(server)) == 1

    notebook.close()
    deadline = time.monotonic() + 20
    while tokens(server):  # it goes with the kernel
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.api("PATCH", "endpoint", {"enabled": False})


def test_a_sandbox_gets_none(server: JupyterProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATIDE_SANDBOX", "1")
    monkeypatch.setenv("JPY_PARENT_PID", str(server.process.pid))
    with pytest.raises(EndpointError, match="sandbox"):
        openai_client()


def test_without_a_jupyter_server_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.delenv("CHATIDE_SANDBOX", raising=False)
    with pytest.raises(EndpointError, match="not started by a Jupyter server") as error:
        openai_client()
    assert "openai.OpenAI" in str(error.value)
    # IPython shows this instead of a traceback through our code.
    assert error.value._render_traceback_() == [f"EndpointError: {error.value}"]


def test_without_the_openai_package_it_says_how_to_get_it(
    server: JupyterProcess, tmp_path: Path
) -> None:
    (tmp_path / "openai.py").write_text("raise ImportError('not here')")
    notebook = Notebook(server, "bare.ipynb")
    said = notebook.execute(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + ASK)
    assert "%pip install openai" in said
    notebook.close()
