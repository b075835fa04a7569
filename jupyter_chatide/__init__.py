"""Jupyter ChatIDE: describe what you want; a model answers; its code runs in a throwaway kernel."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-chatide"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .extension import ChatIDEExtension

    return [{"module": "jupyter_chatide", "app": ChatIDEExtension}]


def load_ipython_extension(ipython: Any) -> None:
    """Register ``%%chat`` in an IPython session (``%load_ext jupyter_chatide``).

    Args:
        ipython: the running ``InteractiveShell``.
    """
    from .magics import load_ipython_extension as load

    load(ipython)
