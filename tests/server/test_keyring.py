"""A keyring that hangs costs the server one answer, and nobody else's."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
from pathlib import Path

from tests.fakes.keyring_backend import CLASS, STORE

from .process import REPOSITORY, JupyterProcess

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_the_server_goes_on_while_a_keyring_hangs(tmp_path: Path) -> None:
    entries = tmp_path / "keyring"
    entries.mkdir()
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHON_KEYRING_BACKEND": CLASS,
        STORE: str(entries),
    }
    server = JupyterProcess(tmp_path / "server", environment=environment)
    server.start()
    try:
        assert server.api("GET", "providers")["key_places"] == ["keyring", "file", "memory"]
        key = {"key": "sk-0123456789abcdef", "place": None}
        assert server.api("PUT", "keys/openai", key)["source"] == "keyring"
        (entries / "hangs").touch()
        answers: list[tuple[int, str]] = []
        asking = threading.Thread(target=lambda: answers.append(ask(server)))
        asking.start()
        slowest, listed = 0.0, 0
        while asking.is_alive():
            began = time.monotonic()
            server.fetch("GET", "../status")
            slowest = max(slowest, time.monotonic() - began)
            providers = {p["id"]: p for p in server.api("GET", "providers")["providers"]}
            assert providers["openai"]["key"]["source"] == "keyring"
            listed += 1
            time.sleep(0.1)
        ((status, said),) = answers
        assert status >= 400
        assert "keyring" in json.loads(said)["message"]
        assert "file" in json.loads(said)["hint"]
        assert listed > 3
        assert slowest < 5
        assert server.api("PUT", "keys/openai", key | {"place": "file"})["source"] == "file"
    finally:
        (entries / "hangs").unlink(missing_ok=True)
        server.stop()


def ask(server: JupyterProcess) -> tuple[int, str]:
    try:
        return 200, server.fetch("POST", "llmcall", {"provider": "openai", **HI}).decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
