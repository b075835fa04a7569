"""A Jupyter server in a process of its own, which a test can end as it likes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds that a server may take to answer, or a turn to get somewhere
TOKEN = "the-token-of-these-tests"
REPOSITORY = Path(__file__).parents[2]


class JupyterProcess:
    """A server whose every file is under ``folder``, so that a second one finds what a first left.

    Args:
        folder: where it keeps everything.
        app: the module to run.
        base_url: below which path it answers.
        extensions: which server extensions are loaded, and which not.
        options: more of the command line.
        python: the interpreter that runs it.
        environment: its environment variables, beside those that say where its files are. Default:
            those of the tests, with this checkout's package.
    """

    def __init__(
        self,
        folder: Path,
        *,
        app: str = "jupyter_server",
        base_url: str = "/",
        extensions: dict[str, bool] | None = None,
        options: tuple[str, ...] = (),
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "chatide"
        self.log = folder / "server.log"
        self.root = folder / "root"
        self.root.mkdir(exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.origin = f"http://127.0.0.1:{port}"
        self.url = self.origin + base_url
        chosen = {"jupyter_chatide": True} if extensions is None else extensions
        if app == "jupyter_server":
            chosen = dict.fromkeys(("jupyterlab", "jupyter_lsp", "notebook_shim"), False) | chosen
        settings = {
            "ServerApp": {"jpserver_extensions": chosen},
            "ChatIDEExtension": {"data_dir": str(self.data_dir)},
        }
        (folder / "jupyter_server_config.json").write_text(json.dumps(settings))
        self._command = [
            *(python, "-m", app, "--no-browser", "--allow-root"),
            *(f"--port={port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.base_url={base_url}"),
            f"--ServerApp.root_dir={self.root}",
            *options,
        ]
        if environment is None:
            environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        self._environment = {
            **environment,
            "JUPYTER_CONFIG_DIR": str(folder),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }

    def start(self) -> None:
        """Start the server, and return when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.wait_for(self._answers)

    def stop(self) -> None:
        """End the server as a person does."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End the server as a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Return what ``condition`` gives, once it gives something."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            if result := condition():
                return result
            time.sleep(0.05)
        raise AssertionError(f"it did not happen:\n{self.log.read_text()}")

    def page(self, path: str = "lab?reset") -> str:
        """The address of a page, with the token."""
        return f"{self.url}{path}{'&' if '?' in path else '?'}token={TOKEN}"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API (or, with ``../``, Jupyter's), and return its JSON."""
        return json.loads(self.fetch(method, path, body) or "null")

    def events(self, chat: str) -> list[dict[str, Any]]:
        """The log of a chat."""
        return [json.loads(line) for line in self.fetch("GET", f"chats/{chat}/events").splitlines()]

    def fetch(self, method: str, path: str, body: Any = None) -> bytes:
        """Ask the API, and return the answer's body."""
        path = f"api/{path[3:]}" if path.startswith("../") else f"api/chatide/{path}"
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def _answers(self) -> bool:
        try:
            self.fetch("GET", "../status")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True
