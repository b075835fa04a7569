"""Notebooks executed by nbconvert, with data folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from jupyter_chatide.gateway import KeyStore
from tests.fakes.provider import FakeProvider

MODEL = "openai-compatible/fake-model"


class Notebook:
    """A notebook's kernel, and what its cells show.

    Attributes:
        data: Jupyter's data directory.
        environ: the kernel's environment.
    """

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.temporary = root / "t"
        self.folder = root / "here"
        for folder in (self.data, self.temporary, self.folder):
            folder.mkdir()
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith(("_API_KEY", "_TOKEN")) and name != "JPY_PARENT_PID"
        } | {
            "JUPYTER_DATA_DIR": str(self.data),
            "JUPYTER_RUNTIME_DIR": str(root / "r"),
            "JUPYTER_CONFIG_DIR": str(root / "c"),
            "IPYTHONDIR": str(root / "ipython"),
            "TMPDIR": str(self.temporary),
        }

    def set_provider(self, provider: FakeProvider, key: str | None = None) -> None:
        """Point the OpenAI-compatible provider at the fake one."""
        KeyStore(self.data / "chatide").set("openai-compatible", key, provider.base_url)

    def run(self, *cells: str, allow_errors: bool = True) -> list[nbformat.NotebookNode]:
        """Let nbconvert execute cells in a fresh kernel; gives the cells with their outputs.

        Raises:
            subprocess.CalledProcessError: a cell failed, and that was not allowed.
        """
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        done = self.nbconvert(
            notebook, "notebook", "--execute", *(["--allow-errors"] if allow_errors else [])
        )
        executed = nbformat.reads(done, 4)
        nbformat.validate(executed)
        return executed.cells

    def nbconvert(self, notebook: nbformat.NotebookNode, to: str, *options: str) -> str:
        """Convert a notebook."""
        return subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", to, "--stdin", "--stdout", *options],
            input=nbformat.writes(notebook),
            check=True,
            capture_output=True,
            text=True,
            timeout=240,
            cwd=self.folder,
            env=self.environ,
        ).stdout

    def left_behind(self) -> list[str]:
        """Processes and temporary files that the kernel left."""
        left = [str(path) for path in self.temporary.iterdir()]
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR", "").startswith(str(self.temporary)):
                    left.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return left


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    # A short path: sockets live below it.
    with tempfile.TemporaryDirectory(prefix="nb-") as root:
        notebook = Notebook(Path(root).resolve())
        yield notebook
        assert notebook.left_behind() == []


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def shown(cell: nbformat.NotebookNode) -> str:
    """All that a cell shows, as text; pictures and tables by their types."""
    parts: list[str] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            data = output.data
            parts += [f"[{mime}]" for mime in data if mime not in ("text/plain", "text/markdown")]
            parts.append(data.get("text/markdown", data.get("text/plain", "")))
    return "\n".join(parts)
