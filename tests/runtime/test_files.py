"""The server reads and writes a workspace's files, and nothing else."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.runtime import Limits, WorkspacePathError
from jupyter_chatide.runtime.files import WorkspaceFiles, split_path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def files(root: Path) -> WorkspaceFiles:
    return WorkspaceFiles(root, Limits(file_bytes=1000, listed_files=5))


@pytest.mark.parametrize(
    "path", ["a.txt", "./a.txt", "deep/er/a.txt", "deep//a.txt", "naïve 文.txt"]
)
def test_what_is_written_can_be_read_and_listed(files: WorkspaceFiles, path: str) -> None:
    assert files.write(path, b"content") == 7
    assert files.read(path) == b"content"
    assert files.list_files() == [("/".join(split_path(path)), 7)]
    assert files.resolve(path).read_bytes() == b"content"


@pytest.mark.parametrize(
    "path",
    ["", ".", "/", "/etc/passwd", "..", "../outside/secret", "a/../../outside/secret", "a\\b",
     "a\0b", "a\nb", "\ud800", "x" * 300, "a/" * 3000],
)  # fmt: skip
def test_paths_out_of_the_workspace_are_refused(files: WorkspaceFiles, path: str) -> None:
    for attempt in (files.read, files.resolve, lambda path: files.write(path, b"")):
        with pytest.raises(WorkspacePathError) as refused:
            attempt(path)
        assert refused.value.hint
        assert refused.value.message.encode()


def test_links_are_not_followed(files: WorkspaceFiles, root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    for path in ("link", "folder/secret"):
        for attempt in (files.read, files.resolve):
            with pytest.raises(WorkspacePathError):
                attempt(path)
        with pytest.raises(WorkspacePathError):
            files.write(path, b"overwritten")
    with pytest.raises(WorkspacePathError):
        files.write("folder/new/file", b"")
    assert (outside / "secret").read_text() == "secret"
    assert not (outside / "new").exists()
    assert files.list_files() == []


def test_a_pipe_a_device_and_a_folder_are_no_files(files: WorkspaceFiles, root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    (root / "socket").symlink_to("/dev/zero")
    for path in ("pipe", "folder", "socket"):
        with pytest.raises(WorkspacePathError):
            files.read(path)
        with pytest.raises(WorkspacePathError):
            files.write(path, b"")
    assert files.list_files() == []


def test_a_missing_file_is_said_to_be_missing(files: WorkspaceFiles) -> None:
    with pytest.raises(WorkspacePathError, match="no file"):
        files.read("missing.txt")


def test_large_files_are_refused_unread(files: WorkspaceFiles, root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(WorkspacePathError, match="larger"):
        files.read("sparse")
    with pytest.raises(WorkspacePathError, match="larger"):
        files.write("large", b"x" * 1001)
    assert not (root / "large").exists()


def test_writing_replaces_a_file_whole_and_keeps_its_mode(
    files: WorkspaceFiles, root: Path, outside: Path
) -> None:
    os.link(outside / "secret", root / "hard")
    (root / "script").write_text("old")
    (root / "script").chmod(0o755)
    files.write("script", b"new")
    files.write("hard", b"new")
    assert (root / "script").stat().st_mode & 0o777 == 0o755
    assert (outside / "secret").read_text() == "secret"
    assert sorted(path.name for path in root.iterdir()) == ["hard", "script"]


def test_a_file_in_place_of_a_folder_is_said_so(files: WorkspaceFiles) -> None:
    files.write("name", b"")
    with pytest.raises(WorkspacePathError, match="cannot be written"):
        files.write("name/inner", b"")


def test_listings_leave_out_caches_and_stay_short(files: WorkspaceFiles, root: Path) -> None:
    for name in ("__pycache__/a.pyc", ".git/HEAD", "node_modules/x/index.js", "kept.py"):
        files.write(name, b"1")
    assert files.list_files() == [("kept.py", 1)]
    for number in range(20):
        files.write(f"{number}.txt", b"")
    assert len(files.list_files()) == 5


def test_a_link_swapped_in_while_reading_and_writing_leads_nowhere(
    files: WorkspaceFiles, root: Path, outside: Path
) -> None:
    (root / "real").mkdir()
    (root / "real" / "secret").write_text("harmless")
    (root / "swapped").symlink_to("real")
    done = threading.Event()

    def swap() -> None:
        (root / "new").symlink_to(outside)
        (root / "new").replace(root / "swapped")
        (root / "swapped").unlink()
        (root / "swapped").mkdir()
        (root / "swapped" / "secret").write_text("harmless")
        for left in (root / "swapped").iterdir():
            left.unlink()
        (root / "swapped").rmdir()

    def keep_swapping() -> None:
        while not done.is_set():
            # The server's own writes get in the way now and then.
            with contextlib.suppress(OSError):
                swap()
            (root / "new").unlink(missing_ok=True)

    thread = threading.Thread(target=keep_swapping)
    thread.start()
    try:
        for _ in range(2000):
            with contextlib.suppress(WorkspacePathError):
                assert files.read("swapped/secret") != b"secret"
            with contextlib.suppress(WorkspacePathError):
                files.write("swapped/secret", b"overwritten")
    finally:
        done.set()
        thread.join()
    assert (outside / "secret").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


@given(st.text(alphabet=st.sampled_from("ab./\\~\0\n:é"), max_size=12) | st.text(max_size=20))
def test_no_path_leads_out(path: str) -> None:
    try:
        parts = split_path(path)
    except WorkspacePathError:
        return
    joined = Path("/workspace").joinpath(*parts)
    assert joined.is_relative_to("/workspace")
    assert os.path.normpath(joined) == str(joined)
    assert joined != Path("/workspace")


def test_a_path_that_is_too_long_as_a_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspacePathError):
        WorkspaceFiles(tmp_path, Limits()).resolve("a/" * 2040 + "b")
