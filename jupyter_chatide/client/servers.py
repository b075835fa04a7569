"""Running Jupyter servers of this user: found by the files they leave, asked over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from ..chat.events import ErrorInfo
from ..errors import ChatIDEError, ConflictError, InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    import httpx

_PATIENCE = 30.0  # seconds for an answer; Stop may take that long
_ERRORS = {kind.code: kind for kind in (NotFoundError, ConflictError, InvalidRequestError)}


class ServerError(ChatIDEError):
    """A Jupyter server does not answer, or not with what was asked for."""

    code = "server"


class RunningServer(msgspec.Struct, frozen=True):
    """What a Jupyter server says of itself in its runtime file, as far as it matters here."""

    url: str
    pid: int
    token: str = ""
    sock: str = ""
    version: str = ""

    def __repr__(self) -> str:
        return f"RunningServer({self.url!r})"


def server_of_process(pid: str, environ: Mapping[str, str] | None = None) -> RunningServer | None:
    """The server that runs as the process ``pid``, if there is one.

    Args:
        pid: as ``JPY_PARENT_PID`` names it to a kernel.
        environ: asked for a hub's token; the process's environment unless given.
    """
    if not (pid.isascii() and pid.isdigit()):
        return None
    return _read(_folder() / f"jpserver-{int(pid)}.json", environ)


def running_servers() -> Iterator[RunningServer]:
    """The servers of this user that left a file; one that crashed does not answer."""
    for path in sorted(_folder().glob("jpserver-*.json")):
        if server := _read(path):
            yield server


def _folder() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _read(path: Path, environ: Mapping[str, str] | None = None) -> RunningServer | None:
    try:
        server = msgspec.json.decode(path.read_bytes(), type=RunningServer)
    except (OSError, msgspec.MsgspecError):
        return None
    # Behind a JupyterHub, the hub's token is the key to the server's API.
    hub = (os.environ if environ is None else environ).get("JUPYTERHUB_API_TOKEN", "")
    return msgspec.structs.replace(server, token=server.token or hub)


class ServerAPI:
    """The HTTP API of Jupyter ChatIDE on one server. A context manager; blocking.

    Args:
        server: whom to ask.
        patience: seconds that an answer may take.
    """

    def __init__(self, server: RunningServer, patience: float = _PATIENCE) -> None:
        self.server = server
        self._patience = patience
        self._client = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def reconnect(self) -> None:
        """Begin anew, after a call was interrupted in the middle."""
        self._client.close()
        self._client = self._connect()

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """Ask for something below ``api/chatide/``; returns the answer's body.

        Raises:
            ServerError: there is no answer, or not one of this API.
            ChatIDEError: the server's own error.
        """
        import httpx

        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._client.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ServerError(
                f"The Jupyter server at {self.server.url} does not answer.",
                "Check that it is running.",
            ) from error
        if answer.is_success:
            return answer.content
        raise _error(answer)

    def get(self, path: str) -> Any:
        """Ask for JSON.

        Raises:
            ChatIDEError: as ``ask``.
        """
        try:
            return msgspec.json.decode(self.ask("GET", path))
        except msgspec.MsgspecError as error:
            raise ServerError(
                f"{self.server.url} did not answer as Jupyter ChatIDE does.",
                "Check that its version is this one.",
            ) from error

    def _connect(self) -> httpx.Client:
        import httpx

        return httpx.Client(
            base_url=f"{address(self.server)}/api/chatide/",
            headers={"Authorization": f"token {self.server.token}"} if self.server.token else {},
            timeout=self._patience,
            transport=transport(self.server),
        )


def address(server: RunningServer) -> str:
    """The URL below which a server answers, without a slash at its end."""
    address = "http://localhost" if server.sock else server.url.rstrip("/")
    if server.sock:
        address += "/" + urlsplit(server.url).path.strip("/")
    return address.rstrip("/")


def transport(server: RunningServer) -> httpx.HTTPTransport:
    """How to reach a server: to this machine itself, no proxy, and no authority to certify it."""
    import httpx

    return httpx.HTTPTransport(
        uds=server.sock or None, verify=not _is_loopback(server.url), trust_env=False
    )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _error(answer: httpx.Response) -> ChatIDEError:
    try:
        told = msgspec.json.decode(answer.content, type=ErrorInfo)
    except msgspec.MsgspecError:
        return ServerError(
            f"{answer.url.host} answers with status {answer.status_code}.",
            "Check that Jupyter ChatIDE is enabled there: jupyter server extension list",
        )
    return error_from(told)


def error_from(told: ErrorInfo) -> ChatIDEError:
    """The exception that an error was on the other side."""
    error = _ERRORS.get(told.code, ChatIDEError)(told.message, told.hint)
    error.code = told.code
    return error
