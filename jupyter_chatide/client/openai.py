"""A client of OpenAI's for the endpoint of the Jupyter server that a kernel belongs to."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import PurePath
from typing import Any

import msgspec

from ..errors import ChatIDEError
from .servers import RunningServer, ServerAPI, ServerError, address, server_of_process, transport

_DAYS = 7  # for which a kernel's token is good; it is revoked when the kernel ends
_LAST_PATIENCE = 2.0  # seconds that revoking it then may take
_LONGEST_LABEL = 80  # characters

_making = threading.Lock()
_tokens: dict[str, _Token] = {}  # by the server's URL; never in the environment


class _Token(msgspec.Struct, frozen=True):
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"_Token({self.id!r})"


class EndpointError(ChatIDEError):
    """The endpoint cannot be used from this kernel."""

    code = "endpoint"

    def __str__(self) -> str:  # as a notebook shows it
        return f"{self.message} {self.hint}"

    def _render_traceback_(self) -> list[str]:  # nothing of it is the notebook's code
        return [f"{type(self).__name__}: {self}"]


def openai_client(**kwargs: Any) -> Any:
    """An ``openai.OpenAI`` that asks the providers of Jupyter ChatIDE, without seeing a key.

    Args:
        kwargs: what ``openai.OpenAI`` takes besides ``base_url`` and ``api_key``.

    Raises:
        EndpointError: this kernel has no such endpoint; the message says why.
        ChatIDEError: the server refuses.
    """
    server = _server()
    openai = _library()
    with _making:
        token = _token(server)
    if "http_client" not in kwargs:
        kwargs["http_client"] = openai.DefaultHttpxClient(transport=transport(server))
    url = f"{address(server)}/api/chatide/v1"
    return openai.OpenAI(base_url=url, api_key=token.secret, **kwargs)


def _library() -> Any:
    try:
        return import_module("openai")
    except ImportError:
        raise EndpointError(
            "The openai package is not installed for this kernel.",
            "Install it with: %pip install openai",
        ) from None


def _server() -> RunningServer:
    if os.environ.get("CHATIDE_SANDBOX"):
        raise EndpointError(
            "There is no model to ask in here: this kernel is a sandbox for code that a model "
            "wrote.",
            "Use openai_client() in a notebook of your own.",
        )
    server = server_of_process(os.environ.get("JPY_PARENT_PID", ""))
    if server is None:
        raise EndpointError(
            "This Python was not started by a Jupyter server on this machine.",
            "Make a token in JupyterLab, Models and keys → Endpoint, and give it to openai.OpenAI.",
        )
    return server


def _token(server: RunningServer) -> _Token:
    with ServerAPI(server) as api:
        try:
            endpoint = api.get("endpoint")
        except ServerError:
            raise
        except ChatIDEError as error:
            if error.code != "forbidden":
                raise
            raise EndpointError(
                "The Jupyter server has a password and no token, so it lets no kernel in.",
                "Make a token under Models and keys → Endpoint, and give it to openai.OpenAI.",
            ) from None
        if not endpoint["enabled"]:
            raise _off(allowed=bool(endpoint["allowed"]))
        known = _tokens.get(server.url)
        if known and any(listed["id"] == known.id for listed in endpoint["tokens"]):
            return known
        body = {"label": _label(), "days": _DAYS}
        made = msgspec.json.decode(api.ask("POST", "endpoint/tokens", body))
    if not _tokens:
        atexit.register(_revoke_all, os.getpid())
    token = _tokens[server.url] = _Token(made["info"]["id"], made["token"])
    return token


def _off(*, allowed: bool) -> EndpointError:
    if allowed:
        return EndpointError(
            "Jupyter ChatIDE's endpoint is switched off.",
            "Switch it on in JupyterLab: Models and keys → Endpoint.",
        )
    return EndpointError(
        "This Jupyter server does not allow Jupyter ChatIDE's endpoint.",
        "Ask whoever runs it to set c.ChatIDEExtension.endpoint_allowed = True.",
    )


def _label() -> str:
    """The notebook that this kernel belongs to, as far as the server says."""
    notebook = PurePath(os.environ.get("JPY_SESSION_NAME", "")).name
    label = f"Notebook {notebook}" if notebook else f"Kernel {os.getpid()}"
    return "".join(filter(str.isprintable, label))[:_LONGEST_LABEL]


def _revoke_all(owner: int) -> None:
    if os.getpid() != owner:  # a process that this one forked
        return
    for token in _tokens.values():
        with suppress(Exception), ServerAPI(_server(), patience=_LAST_PATIENCE) as api:
            api.ask("DELETE", f"endpoint/tokens/{token.id}")
