"""``jupyter chatide``: prompts, code, keys and models in a terminal.

Loading this is cheap; each command loads what it needs.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The console script. Returns the exit status.

    Args:
        argv: the arguments after the program's name; the process's unless given.
    """
    from .arguments import parse
    from .process import guarded

    arguments = parse(argv)
    return guarded(arguments.carry_out, debug=arguments.debug)
