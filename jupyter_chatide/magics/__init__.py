"""``%chat`` and ``%%chat``: ask in a notebook; the code runs in a throwaway kernel.

Importing this is cheap; the first use loads the rest.
"""

from __future__ import annotations

from typing import Any


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics (``%load_ext jupyter_chatide``; by itself where it is installed).

    Args:
        ipython: the running ``InteractiveShell``.
    """
    from .magic import register

    register(ipython)
