"""Tracebacks of notebook cells, to the length of what a reader looks at."""

from __future__ import annotations

from collections.abc import Sequence

from .plain import plain

_FEW = 2  # frames of libraries that are no trouble


def readable(traceback: Sequence[str]) -> list[str]:
    """A traceback with the frames of the cells, and of libraries only the last.

    Args:
        traceback: as kernels send it: a heading, a part for each frame, the error.
    """
    libraries = [i for i, part in enumerate(traceback) if plain(part).lstrip().startswith("File ")]
    if len(libraries) <= _FEW:
        return list(traceback)
    left_out = set(libraries[:-1])
    parts = [part for i, part in enumerate(traceback) if i not in left_out]
    at = libraries[0]
    parts.insert(at, f"[… {len(left_out)} frames of libraries …]\n")
    return parts
