"""Starting a server costs nothing worth mentioning, and some things are never in its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fakes.provider import FakeProvider

from .process import JupyterProcess

HEAVY = {
    "IPython",
    "httpx",
    "ipykernel",
    "litellm",
    "matplotlib",
    "numpy",
    "openai",
    "pandas",
    "pydantic",
    "yaml.cyaml",
}


def modules(server: JupyterProcess) -> set[str]:
    return set(server.api("GET", "../loaded-modules"))


def loaded(folder: Path, *, chatide: bool) -> set[str]:
    """The modules of a server that has just started."""
    extensions = {"jupyter_chatide": chatide, "tests.server.loaded_modules": True}
    server = JupyterProcess(folder, extensions=extensions)
    server.start()
    try:
        return modules(server)
    finally:
        server.stop()


def test_loading_the_extension_imports_nothing_heavy(tmp_path: Path) -> None:
    without = loaded(tmp_path / "without", chatide=False)
    ours = loaded(tmp_path / "with", chatide=True) - without
    assert "jupyter_chatide.extension" in ours
    tops = {name.partition(".")[0] for name in ours}
    assert tops & HEAVY == set()
    assert {top for top in tops if not top.startswith("_")} - sys.stdlib_module_names <= {
        "jupyter_chatide",
        "msgspec",
        "tests",
    }


def test_litellm_is_never_in_the_servers_process(tmp_path: Path, provider: FakeProvider) -> None:
    server = JupyterProcess(
        tmp_path / "server",
        extensions={"jupyter_chatide": True, "tests.server.loaded_modules": True},
    )
    server.start()
    try:
        server.api("GET", "providers")
        server.api("PUT", "keys/openai-compatible", {"base_url": provider.base_url})
        server.api("GET", "models?provider=openai-compatible")
        provider.reply("```python\n1 + 1\n```\n")
        chat = server.api("POST", "chats")["id"]
        prompt = {"prompt": "Add", "model": "openai-compatible/fake-model"}
        server.api("POST", f"chats/{chat}/turns", prompt)
        server.wait_for(lambda: server.events(chat)[-1]["type"] == "turn_finished")
        assert any(event["type"] == "run_output" for event in server.events(chat))
        assert modules(server) & {"litellm", "openai", "pandas", "matplotlib"} == set()
    finally:
        server.stop()


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import jupyter_chatide; \
        print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {
        "jupyter_chatide",
        *sys.stdlib_module_names,
    }
