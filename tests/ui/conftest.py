"""A real JupyterLab in a process of its own, and a real browser in front of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds that a server may take to answer
TOKEN = "the-token-of-these-tests"
BASE_URL = "/user/some one/".replace(" ", "%20")  # as a hub has it, with what must be escaped


@pytest.fixture
def jp_asyncio_loop() -> None:
    """None: pytest-jupyter's loop would stand in the way of Playwright's."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing: no server runs in this process."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium where there is one; without its own sandbox for root."""
    found = shutil.which("chromium")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {
        **browser_type_launch_args,
        **({"executable_path": found} if found else {}),
        "args": ["--no-sandbox"] if root else [],
    }


class Lab:
    """A running JupyterLab.

    Args:
        folder: where it keeps everything.
    """

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "chatide"
        self.log = folder / "lab.log"
        self.root = folder / "root"
        self.root.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = self.origin + BASE_URL
        settings = {
            "ServerApp": {"jpserver_extensions": {"jupyter_chatide": True}},
            "ChatIDEExtension": {"data_dir": str(self.data_dir)},
        }
        (folder / "jupyter_server_config.json").write_text(json.dumps(settings))
        self._environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--port={self.port}", "--ServerApp.port_retries=0", "--expose-app-in-browser"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.base_url={BASE_URL}"),
            f"--ServerApp.root_dir={self.root}",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.api("GET", "../status")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise AssertionError(f"Lab did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def page(self, path: str = "lab?reset") -> str:
        """The address of a page, with the token."""
        return f"{self.url}{path}{'&' if '?' in path else '?'}token={TOKEN}"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API, and return its JSON."""
        path = f"api/{path[3:]}" if path.startswith("../") else f"api/chatide/{path}"
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
        return json.loads(content) if content else None


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
