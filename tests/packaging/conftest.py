"""A machine with Python and nothing else, on which the project has been installed once.

Each test here is about what a new user gets, so nothing of the environment that runs the tests is
used: not its packages, not its Jupyter folders, not its provider keys.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# A browser in front, as in tests/ui.
from tests.ui.conftest import (
    base_url,
    browser_type_launch_args,
    jp_asyncio_loop,
    jp_server_cleanup,
)

__all__ = ["base_url", "browser_type_launch_args", "jp_asyncio_loop", "jp_server_cleanup"]

CHECKOUT = Path(__file__).parents[2]
NODE = {"node", "nodejs", "npm", "npx", "corepack", "yarn", "yarnpkg", "jlpm"}
STALE = "static/stale.js"


@dataclass(frozen=True)
class FreshMachine:
    """Where the project is installed as Binder, or a new user, installs it.

    Args:
        checkout: a clone of the project, with an old build of the front end lying about.
        prefix: the virtual environment.
        home: the user's home; empty at first.
        tools: a folder with the system's programs, but no Node.
    """

    checkout: Path
    prefix: Path
    home: Path
    tools: Path

    @property
    def path(self) -> str:
        return f"{self.prefix / 'bin'}{os.pathsep}{self.tools}"

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": self.path, "HOME": str(self.home), "LANG": "C.UTF-8"}

    def run(self, *command: str, timeout: float = 120) -> str:
        """Run a command of the environment, and give what it printed on either stream.

        Args:
            timeout: seconds.
        """
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout


def copy_checkout(to: Path) -> None:
    """Copy what is committed, or would be: no build, no ``node_modules``."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        source, target = CHECKOUT / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def leave_an_old_build(checkout: Path) -> None:
    build = checkout / "jupyter_chatide" / "labextension"
    for name in ("package.json", "static/style.js", STALE):
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text("{}")


def link_programs(folder: Path) -> None:
    """Link every program on the PATH but Node's and those of the environment of the tests."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        if not Path(place).is_dir() or Path(place) == Path(sys.prefix) / "bin":
            continue
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name not in NODE and not link.is_symlink():
                link.symlink_to(program)


@pytest.fixture(scope="session")
def fresh_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshMachine]:
    """Install by Binder's files; takes a minute or three."""
    folder = tmp_path_factory.mktemp("fresh")
    machine = FreshMachine(
        folder / "checkout", folder / "venv", folder / "home", folder / "programs"
    )
    machine.home.mkdir()
    copy_checkout(machine.checkout)
    leave_an_old_build(machine.checkout)
    link_programs(machine.tools)
    subprocess.run([sys.executable, "-m", "venv", machine.prefix], check=True)
    # The home is the real one here, for the caches and settings of pip and yarn.
    environment = os.environ | {"PATH": machine.path, "YARN_ENABLE_GLOBAL_CACHE": "1"}
    done = subprocess.run(
        [machine.prefix / "bin" / "pip", "install", "-r", "binder/requirements.txt"],
        cwd=machine.checkout,  # where repo2docker runs it
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    yield machine
    shutil.rmtree(folder, ignore_errors=True)  # more than 1 GB
