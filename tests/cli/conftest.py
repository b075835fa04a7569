"""``jupyter chatide`` as its users start it: a process and a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tests.fakes.provider import FakeProvider

MODEL = "openai-compatible/fake-model"


class Terminal:
    """Where commands are typed.

    Attributes:
        data: Jupyter's data directory.
        folder: the working directory.
        temporary: where temporary files go; empty between commands.
        configuration: Jupyter's configuration folder.
    """

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.folder = root / "here"
        self.temporary = root / "t"
        self.configuration = root / "c"
        for folder in (self.data, self.folder, self.temporary, self.configuration):
            folder.mkdir()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith(("_API_KEY", "_TOKEN", "_BASE_URL")) and name != "NO_COLOR"
        }
        self.environ = {
            **inherited,
            "JUPYTER_DATA_DIR": str(self.data),
            "JUPYTER_CONFIG_DIR": str(self.configuration),
            "JUPYTER_RUNTIME_DIR": str(root / "r"),
            "TMPDIR": str(self.temporary),
            "TERM": "xterm",
            "PYTHONWARNINGS": "default",
        }

    @property
    def chatide(self) -> Path:
        """Jupyter ChatIDE's folder."""
        return self.data / "chatide"

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start a command and return at once; its streams are pipes unless ``options`` says so."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [sys.executable, "-m", "jupyter_chatide.cli", *arguments],
            **{"cwd": self.folder, "env": self.environ, "text": True, **streams, **options},
        )

    def type(
        self, *arguments: str, input: str | bytes = "", environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_chatide.cli", *arguments],
            input=data,
            capture_output=True,
            timeout=120,
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def left_behind(self) -> list[str]:
        """Processes and temporary files that commands left."""
        left = [str(path) for path in self.temporary.iterdir()]
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR", "").startswith(str(self.temporary)):
                    left.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return left

    def configure(self, **settings: object) -> None:
        """Write settings into the Jupyter server's configuration."""
        path = self.configuration / "jupyter_server_config.json"
        path.write_text(json.dumps({"ChatIDEExtension": settings}))

    def ask_provider(self, provider: FakeProvider) -> None:
        """Point the OpenAI-compatible provider at the fake one."""
        done = self.type("keys", "set", "openai-compatible", "--base-url", provider.base_url)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    # A short path: sockets live below it.
    with tempfile.TemporaryDirectory(prefix="cli-") as root:
        terminal = Terminal(Path(root).resolve())
        yield terminal
        assert terminal.left_behind() == []


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider
