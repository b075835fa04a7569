"""Reading and writing a workspace's files from outside its sandbox, without being led astray.

Code in the sandbox may put links, pipes and devices where a file is expected, and swap them while
we look. So a path is walked one component at a time from an open folder, no link is followed, and
what was opened is asked what it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from .errors import WorkspacePathError
from .limits import Limits

_LONGEST_NAME = 255
_LONGEST_PATH = 4096
_DEEPEST = 32
_CACHES = frozenset(
    (
        "__pycache__",
        ".ipynb_checkpoints",
        ".git",
        ".cache",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".venv",
        "node_modules",
    )
)

# Windows has neither openat nor links that unprivileged code can make: there, paths are used.
_HAS_DIR_FD = os.open in os.supports_dir_fd
_FOLDER_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
# Non-blocking, so that opening a FIFO does not wait for its writer.
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_WRITE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def split_path(path: str) -> list[str]:
    """The components of a relative POSIX path.

    Raises:
        WorkspacePathError: it is empty, absolute, leads upwards or is no plain path.
    """
    hint = "Use a path such as data/table.csv, relative to the workspace."
    shown = ascii(path)[:200]
    if not path or len(path) > _LONGEST_PATH:
        raise WorkspacePathError(f"The path {shown} is empty or too long.", hint)
    if path.startswith("/") or "\\" in path or (os.name == "nt" and ":" in path):
        raise WorkspacePathError(f"{shown} is not a relative path with forward slashes.", hint)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise WorkspacePathError(f"The path {shown} has characters that no name may have.", hint)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise WorkspacePathError(f"{shown} leads out of the workspace.", hint)
    if not parts:
        raise WorkspacePathError(f"{shown} is the workspace itself.", hint)
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise WorkspacePathError(f"A name in the path {shown} is too long.", hint)
    return parts


class _Folder:
    """An open folder: a descriptor where the system has ``openat``, else a path."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def root(cls, path: Path) -> _Folder:
        return cls(path, os.open(path, _FOLDER_FLAGS) if _HAS_DIR_FD else None)

    def enter(self, name: str) -> _Folder:
        path = self._path / name
        if self._descriptor is not None:
            return _Folder(path, os.open(name, _FOLDER_FLAGS, dir_fd=self._descriptor))
        if path.is_symlink() or not path.is_dir():
            raise NotADirectoryError(str(path))
        return _Folder(path, None)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        if self._descriptor is not None:
            return os.open(name, flags, mode, dir_fd=self._descriptor)
        if (self._path / name).is_symlink():
            raise OSError("is a link")
        return os.open(self._path / name, flags, mode)

    def stat(self, name: str) -> os.stat_result:
        if self._descriptor is not None:
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        return (self._path / name).lstat()

    def make_folder(self, name: str) -> None:
        if self._descriptor is not None:
            os.mkdir(name, dir_fd=self._descriptor)
        else:
            (self._path / name).mkdir()

    def replace(self, source: str, target: str) -> None:
        if self._descriptor is not None:
            descriptor = self._descriptor
            os.replace(source, target, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        else:
            (self._path / source).replace(self._path / target)

    def remove(self, name: str) -> None:
        if self._descriptor is not None:
            os.unlink(name, dir_fd=self._descriptor)
        else:
            (self._path / name).unlink()

    def names(self) -> list[str]:
        place = self._path if self._descriptor is None else self._descriptor
        return sorted(os.listdir(place))  # noqa: PTH208 - a path has no descriptor

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class WorkspaceFiles:
    """The plain files under a workspace's folder.

    Args:
        root: the folder.
        limits: how large files may be, and how many a listing names.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._limits = limits

    def resolve(self, path: str) -> Path:
        """The place in the file system of ``path``, which need not exist.

        What stands there can change at once: to read or write, use ``read`` and ``write``.

        Raises:
            WorkspacePathError: it is not inside the workspace, or a link is on the way.
        """
        parts = split_path(path)
        place = self._root
        for part in parts:
            place /= part
            try:
                is_link = place.is_symlink()
            except OSError as error:  # the whole is too long, or may not be looked at
                raise _no_plain_file(path) from error
            if is_link:
                raise _no_plain_file(path)
        return place

    def read(self, path: str) -> bytes:
        """The content of a plain file.

        Raises:
            WorkspacePathError: it is missing, no plain file or too large.
        """
        parts = split_path(path)
        try:
            with self._folder(parts[:-1]) as folder:
                descriptor = folder.open(parts[-1], _READ_FLAGS)
                with os.fdopen(descriptor, "rb") as file:
                    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                        raise _no_plain_file(path)
                    data = file.read(self._limits.file_bytes + 1)
        except FileNotFoundError:
            raise WorkspacePathError(
                f"There is no file {path} in the workspace.", "Check its name."
            ) from None
        except OSError as error:
            raise _no_plain_file(path) from error
        self._check_size(path, len(data))
        return data

    def write(self, path: str, data: bytes) -> int:
        """Write a file, whole or not at all, and make the folders it needs.

        Returns:
            Its size in bytes.

        Raises:
            WorkspacePathError: the path is not inside the workspace, something else than a file
                is there, or the data is too large.
        """
        parts = split_path(path)
        self._check_size(path, len(data))
        try:
            with self._folder(parts[:-1], make=True) as folder:
                _write_in(folder, parts[-1], path, data)
        except OSError as error:
            reason = error.strerror or "the system refused"
            raise WorkspacePathError(
                f"The file {path} cannot be written: {reason}.",
                "Check that its folders are no links or files, and that the disk is not full.",
            ) from error
        return len(data)

    def list_files(self) -> list[tuple[str, int]]:
        """Plain files and their sizes in bytes, sorted by path; caches are left out.

        At most ``listed_files`` of the limits, from folders nested at most 32 deep.
        """
        found: list[tuple[str, int]] = []
        with contextlib.suppress(OSError), _Folder.root(self._root) as root:
            for entry in _plain_files(root, ""):
                found.append(entry)
                if len(found) >= self._limits.listed_files:
                    break
        return sorted(found)

    @contextlib.contextmanager
    def _folder(self, parts: list[str], *, make: bool = False) -> Iterator[_Folder]:
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(_Folder.root(self._root))
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        folder.make_folder(part)
                folder = opened.enter_context(folder.enter(part))
            yield folder

    def _check_size(self, path: str, size: int) -> None:
        if size > self._limits.file_bytes:
            raise WorkspacePathError(
                f"The file {path} is larger than {self._limits.file_bytes / 1e6:g} MB.",
                "Make it smaller, or open it in Lab.",
            )


def _write_in(folder: _Folder, name: str, path: str, data: bytes) -> None:
    mode = None
    with contextlib.suppress(FileNotFoundError):
        there = folder.stat(name)
        if not stat.S_ISREG(there.st_mode):
            raise _no_plain_file(path)
        mode = stat.S_IMODE(there.st_mode) & 0o777
    # Beside the file, under a name that nobody can guess, and then put in its place.
    temporary = f".{secrets.token_hex(8)}.tmp"
    with os.fdopen(folder.open(temporary, _WRITE_FLAGS), "wb") as file:
        try:
            file.write(data)
            file.flush()
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
        except OSError:
            folder.remove(temporary)
            raise
    try:
        folder.replace(temporary, name)
    except OSError:
        folder.remove(temporary)
        raise


def _plain_files(folder: _Folder, prefix: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    for name in folder.names():
        if name in _CACHES:
            continue
        try:
            information = folder.stat(name)
            if stat.S_ISREG(information.st_mode):
                yield prefix + name, information.st_size
            elif stat.S_ISDIR(information.st_mode) and depth < _DEEPEST:
                with folder.enter(name) as inner:
                    yield from _plain_files(inner, f"{prefix}{name}/", depth + 1)
        except OSError:
            continue  # it went away, or may not be read


def _no_plain_file(path: str) -> WorkspacePathError:
    return WorkspacePathError(
        f"{ascii(path)[:200]} is not a plain file inside the workspace.",
        "Links, folders, pipes and devices are not followed: use a plain file.",
    )
