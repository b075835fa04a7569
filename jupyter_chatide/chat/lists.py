"""Which list item a line of Markdown stands in: a fence's indentation counts from there.

The rules are CommonMark's (0.31, sections 2.2, 5.2 and 5.3), for list items only.
"""

from __future__ import annotations

import re

_MARKER = re.compile(r"(?:[-+*]|[0-9]{1,9}[.)])(?=[ \t]|\r?\n|\Z)")
_UNDECIDED = re.compile(
    r"[ \t]*(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t]+)*(?:[-+*]|[0-9]{1,9}[.)]?)?\Z",
)
_MARKERS = re.compile(r"[ \t]*(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t]+)*")


def width(text: str, start: int, column: int = 0) -> tuple[int, int]:
    """Go over the blanks of ``text`` from ``start``, which stands in ``column``.

    Returns:
        The column and the index of what follows; tabs stop at every fourth column.
    """
    at = start
    while at < len(text) and text[at] in " \t":
        column += 1 if text[at] == " " else 4 - column % 4
        at += 1
    return column, at


def dedent(text: str, columns: int) -> str:
    """``text`` without its first ``columns`` columns of blanks, or as many as there are.

    A tab that is only partly among them leaves spaces for its rest.
    """
    column = at = 0
    while column < columns and at < len(text) and text[at] in " \t":
        column += 1 if text[at] == " " else 4 - column % 4
        at += 1
    return " " * max(0, column - columns) + text[at:]


def markers(line: str) -> int:
    """Where the content of ``line`` begins: behind its blanks and list markers."""
    found = _MARKERS.match(line)
    return found.end() if found else 0


def is_undecided(start: str) -> bool:
    """Whether ``start`` may go on as blanks and list markers."""
    return _UNDECIDED.match(start.removesuffix("\r")) is not None


class ListItems:
    """The list items that are open, each by the column in which its content begins."""

    def __init__(self) -> None:
        self._columns: list[int] = []
        self._paragraph = False

    @property
    def inside(self) -> bool:
        """Whether the last line stood in an item."""
        return bool(self._columns)

    def blank(self) -> None:
        """Note a blank line."""
        self._paragraph = False

    def enter(self, line: str, *, fence: bool) -> int | None:
        """Note a line that is not blank; of it only blanks and list markers matter.

        Returns:
            The column in which its content begins, or ``None`` where the content is indented
            so far that CommonMark reads it as code.
        """
        column, at = width(line, 0)
        marker = _MARKER.match(line, at)
        # Text that goes on with a paragraph of the item stays in it, however little indented.
        if fence or marker or not self._paragraph:
            while self._columns and self._columns[-1] > column:
                self._columns.pop()
        self._paragraph = not fence
        while True:
            if column - (self._columns[-1] if self._columns else 0) > 3:
                return None
            if not marker:
                return column
            end = column + len(marker[0])
            column, at = width(line, marker.end(), end)
            if at == len(line) or line.startswith(("\n", "\r\n"), at):
                self._columns.append(end + 1)
                return column
            self._columns.append(column if column - end <= 4 else end + 1)
            marker = _MARKER.match(line, at)
