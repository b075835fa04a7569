"""Private files: one writer at a time, and what another user can touch is not used."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_chatide.gateway import KeyStoreError
from jupyter_chatide.gateway.private_files import FileState, locked, read_private, write_private

HOLD = """
import pathlib, sys
from jupyter_chatide.gateway.private_files import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "things.json"


def test_a_second_writer_waits_for_the_first_of_any_process(path: Path) -> None:
    with holder(path) as process:
        began = time.monotonic()
        process.communicate("go on\n", timeout=30)
        with locked(path):
            write_private(path, b"mine")
        assert time.monotonic() - began < 10
    assert read_private(path) == b"mine"


def test_a_writer_that_never_ends_is_told_instead_of_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_chatide.gateway.private_files._PATIENCE", 0.2)
    with holder(path) as process:
        with pytest.raises(KeyStoreError, match="locked") as caught, locked(path):
            raise AssertionError("two have the lock")
        assert caught.value.hint
        process.kill()
        process.wait(30)
        with locked(path):  # a lock ends with its process
            pass


def test_two_threads_of_a_process_keep_each_other_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_chatide.gateway.private_files._PATIENCE", 0.05)
    with locked(path), pytest.raises(KeyStoreError), locked(path):
        raise AssertionError("two have the lock")


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    write_private(path, b"")
    elsewhere = tmp_path / "elsewhere"
    (path.parent / ".lock").symlink_to(elsewhere)
    with pytest.raises(KeyStoreError), locked(path):
        raise AssertionError("it was followed")
    assert not elsewhere.exists()


def test_a_change_of_content_or_mode_is_seen(path: Path) -> None:
    assert FileState.of(path) is None
    write_private(path, b"one")
    first = FileState.of(path)
    write_private(path, b"two")
    second = FileState.of(path)
    path.chmod(0o640)
    assert len({first, second, FileState.of(path)}) == 3
    with pytest.raises(KeyStoreError, match="other users"):
        read_private(path)


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process
