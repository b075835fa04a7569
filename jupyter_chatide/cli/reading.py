"""What commands read: files, standard input, folders."""

from __future__ import annotations

import sys
from pathlib import Path

from .process import UsageError, tell

_LARGEST = 10_000_000  # bytes; no prompt or program is larger


def read_text(name: str, what: str) -> str:
    """Read a UTF-8 text file, or standard input for ``-``.

    Args:
        name: the file's path, or ``-``.
        what: what it holds, for a person: "code", "prompt".

    Raises:
        UsageError: it is not there, no text file, too large or empty.
    """
    data = _read_standard_input(what) if name == "-" else _read_file(Path(name))
    source = "standard input" if name == "-" else name
    if len(data) > _LARGEST:
        raise UsageError(f"{source} is larger than {_LARGEST // 1_000_000} MB.", f"Give {what}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{source} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."
        ) from None
    if not text.strip():
        raise UsageError(f"There is no {what} in {source}.", f"Give some {what}.")
    return text


def workspace_folder(name: str | None) -> Path | None:
    """The folder that ``--workspace`` names; ``None`` where it names none.

    Raises:
        UsageError: there is no such folder.
    """
    if name is None:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {name}.", "Make it first, or name another one.")
    return folder.resolve()


def _read_standard_input(what: str) -> bytes:
    if sys.stdin.isatty():
        tell(f"Type the {what}, then end it with Ctrl-D (Ctrl-Z and Enter on Windows).")
    return sys.stdin.buffer.read(_LARGEST + 1)


def _read_file(path: Path) -> bytes:
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name a file in it.")
    if path.suffix == ".ipynb":
        raise UsageError(
            f"{path} is a notebook, not a program.",
            "Convert it first: jupyter nbconvert --to script.",
        )
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", "Check its name and permissions."
        ) from None
