"""``pip install '.[demo]'`` on a machine without Node gives all that the project consists of."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .conftest import CHECKOUT, STALE, FreshMachine


def committed(folder: str) -> set[str]:
    """The files of the checkout in a folder, by their path in it."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "."],
        cwd=CHECKOUT / folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in done.stdout.splitlines() if (CHECKOUT / folder / name).is_file()}


def files_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_there_is_no_node(fresh_machine: FreshMachine) -> None:
    found = fresh_machine.run("sh", "-c", "command -v node npm npx yarn || echo none")
    assert found.strip() == "none"


def test_the_package_is_installed_whole(fresh_machine: FreshMachine) -> None:
    (package,) = fresh_machine.prefix.glob("lib/python*/site-packages/jupyter_chatide")
    assert files_in(package) == committed("jupyter_chatide")


def test_lab_finds_the_front_end(fresh_machine: FreshMachine) -> None:
    version = json.loads((CHECKOUT / "labextension" / "package.json").read_text())["version"]
    listed = fresh_machine.run("jupyter", "labextension", "list")
    (line,) = (line for line in listed.splitlines() if "jupyter-chatide" in line)
    assert f"v{version}" in line
    assert "enabled" in line and "OK" in line
    assert "(python, jupyter_chatide)" in line  # so that Lab says how to remove it


def test_the_front_end_is_built_anew_and_no_old_build_is_shipped(
    fresh_machine: FreshMachine,
) -> None:
    extension = fresh_machine.prefix / "share" / "jupyter" / "labextensions" / "jupyter-chatide"
    assert (extension / "static" / "style.js").stat().st_size > 100
    assert json.loads((extension / "package.json").read_text())["jupyterlab"]["_build"]
    assert not (extension / STALE).exists()
    assert list((extension / "schemas" / "jupyter-chatide").glob("*.json"))


def test_the_server_loads_the_extension_by_itself(fresh_machine: FreshMachine) -> None:
    listed = fresh_machine.run("jupyter", "server", "extension", "list")
    assert "jupyter_chatide enabled" in listed.replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert "jupyter_chatide 0" in listed and "OK" in listed.split("jupyter_chatide 0")[1]


def test_the_sandbox_is_among_the_kernels(fresh_machine: FreshMachine) -> None:
    listed = json.loads(fresh_machine.run("jupyter", "kernelspec", "list", "--json"))
    spec = listed["kernelspecs"]["chatide-sandbox"]["spec"]
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == "chatide-sandbox"
    provisioners = fresh_machine.run("jupyter", "kernelspec", "provisioners")
    assert "jupyter_chatide.runtime.provisioner:SandboxProvisioner" in provisioners


def test_the_magic_needs_no_loading(fresh_machine: FreshMachine) -> None:
    code = "from IPython import get_ipython; print(get_ipython().find_cell_magic('chat'))"
    assert "None" not in fresh_machine.run("ipython", "--colors=nocolor", "-c", code)


def test_code_runs_in_a_sandbox_from_the_terminal(fresh_machine: FreshMachine) -> None:
    code = fresh_machine.home / "table.py"
    code.write_text("import pandas as pd; pd.DataFrame({'answer': [42]})")
    printed = fresh_machine.run("jupyter", "chatide", "exec", str(code))
    assert "answer" in printed and "42" in printed
