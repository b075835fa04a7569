"""The user's wishes are kept, shared by processes, and survive a damaged file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from jupyter_chatide.gateway import KeyStoreError
from jupyter_chatide.gateway.preferences import CustomProvider, Preferences, PreferenceStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chatide"


@pytest.fixture
def store(folder: Path) -> PreferenceStore:
    return PreferenceStore(folder)


def test_wishes_are_kept_for_the_next_session(store: PreferenceStore, folder: Path) -> None:
    assert store.read() == Preferences()
    assert not folder.exists()
    mine = CustomProvider("Mine", "http://box:8000/v1", needs_key=True)
    store.change(default_model="a/b", fallback=[], providers={"mine": mine})
    store.change(endpoint=True, options={"ollama": {"context": "8192"}})
    assert PreferenceStore(folder).read() == Preferences(
        default_model="a/b",
        fallback=[],
        endpoint=True,
        providers={"mine": mine},
        options={"ollama": {"context": "8192"}},
    )
    store.change(fallback=None)
    assert PreferenceStore(folder).read().fallback is None


def test_another_process_change_is_seen_at_once(store: PreferenceStore, folder: Path) -> None:
    store.change(default_model="a/b")
    PreferenceStore(folder).change(default_model="c/d")
    assert store.read().default_model == "c/d"
    store.path.unlink()
    assert store.read() == Preferences()


def test_only_this_user_can_read_them(store: PreferenceStore, folder: Path) -> None:
    before = os.umask(0)
    try:
        store.change(endpoint=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"endpoint": "yes"}', '{"providers": {"x": {"label": "X"}}}', "x" * 1_100_000],
)
def test_a_damaged_file_counts_as_none_and_is_not_thrown_away(
    store: PreferenceStore,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    content: str,
) -> None:
    store.change(default_model="a/b")
    store.path.write_text(content)
    for _ in range(3):
        assert store.read() == Preferences()
    assert len(caplog.records) == 1  # told once
    assert store.path.read_text() == content  # reading changes nothing
    assert store.change(endpoint=True) == Preferences(endpoint=True)
    assert (folder / "preferences.json.damaged").read_text() == content
    assert PreferenceStore(folder).read() == Preferences(endpoint=True)


def test_wishes_that_others_can_write_are_not_followed(store: PreferenceStore) -> None:
    store.change(endpoint=True)
    store.path.chmod(0o666)
    assert store.read() == Preferences()
    store.path.chmod(0o600)
    assert store.read() == Preferences(endpoint=True)


def test_a_newer_versions_wishes_are_read_as_far_as_they_are_known(store: PreferenceStore) -> None:
    store.change(endpoint=True)
    store.path.write_text('{"endpoint": true, "theme": "dark"}')
    assert store.read() == Preferences(endpoint=True)


def test_a_change_that_cannot_be_written_is_told_and_leaves_the_old(
    store: PreferenceStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change(endpoint=True)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(KeyStoreError, match="No space left"):
            store.change(endpoint=False)
    assert store.read() == PreferenceStore(folder).read() == Preferences(endpoint=True)
    assert {entry.name for entry in folder.iterdir()} == {".lock", "preferences.json"}


def test_two_processes_that_change_them_at_once_lose_nothing(folder: Path) -> None:
    code = """
import pathlib, sys
from msgspec.structs import replace
from jupyter_chatide.gateway.preferences import PreferenceStore
store = PreferenceStore(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for n in range(40):
    name = f"{sys.argv[2]}{n}"
    store.update(lambda now: replace(now, options={**now.options, name: {"n": str(n)}}))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    options = PreferenceStore(folder).read().options
    assert set(options) == {f"{name}{n}" for name in "ab" for n in range(40)}


def test_what_is_read_cannot_be_changed_by_accident(store: PreferenceStore) -> None:
    with pytest.raises(AttributeError):
        store.read().endpoint = True  # type: ignore[misc]
    assert msgspec.structs.asdict(store.read()) == msgspec.structs.asdict(Preferences())
