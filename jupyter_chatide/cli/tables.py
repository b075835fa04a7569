"""Aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..client.plain import plain


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows of equal length as columns, two spaces apart."""
    cells = [[" ".join(plain(cell).split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
