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


def openai_client(**kwargs: Any) -> Any:
    """An ``openai.OpenAI`` that asks the providers of the Jupyter server of this notebook.

    It gets a token of the endpoint (which must be switched on, under Models and keys → Endpoint),
    and sees no provider's key. Name models ``provider/model``, or ``default``.

    Args:
        kwargs: what ``openai.OpenAI`` takes besides ``base_url`` and ``api_key``.

    Raises:
        ChatIDEError: there is no endpoint for this kernel, or no openai package; it says why.
    """
    from .client.openai import openai_client as client

    return client(**kwargs)
