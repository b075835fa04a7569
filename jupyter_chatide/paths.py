"""Where Jupyter ChatIDE keeps its files."""

from __future__ import annotations

from pathlib import Path


def default_data_dir() -> Path:
    """The ``chatide`` folder of Jupyter's data directory (it may not exist yet)."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "chatide"


def private_dir(path: Path) -> Path:
    """Make ``path`` and its missing parents, readable by this user only (0700), and return it.

    Raises:
        OSError: the folder cannot be made or its mode cannot be set.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
