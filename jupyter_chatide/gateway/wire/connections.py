"""HTTP connections to providers, and what their failures are called."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ... import __version__
from ..adapter import Target
from ..addresses import is_loopback
from ..errors import GatewayError, ModelTimeoutError, UnreachableError

if TYPE_CHECKING:
    import httpx


class Connections:
    """Two pools of connections, made when first needed: to this machine, and to all others.

    Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``…) serve remote hosts, as hubs need
    it; they are not asked for loopback. Redirects are never followed, so that a key goes only
    where it was meant to.

    Args:
        connect: seconds that a connection may take to be made.
    """

    def __init__(self, connect: float = 10.0) -> None:
        self.connect = connect
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._making = asyncio.Lock()
        self._closed = False

    async def to(self, url: str) -> httpx.AsyncClient:
        """The client for ``url``. httpx is imported, and its client made, off the loop's thread.

        Raises:
            GatewayError: the connections are closed, or the environment's proxy is unusable.
        """
        local = is_loopback(url)
        async with self._making:
            if self._closed:
                raise GatewayError("The gateway is closed.", "Open a new one.")
            if local not in self._clients:
                self._clients[local] = await asyncio.to_thread(_make_client, local, self.connect)
            return self._clients[local]

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        self._closed = True
        async with self._making:
            while self._clients:
                await self._clients.popitem()[1].aclose()


def _make_client(local: bool, connect: float) -> httpx.AsyncClient:
    import httpx

    from .quiet_client import QuietClient

    try:
        return QuietClient(
            trust_env=not local,
            follow_redirects=False,
            # Reading has deadlines of its own, which know what is being waited for.
            timeout=httpx.Timeout(connect=connect, read=None, write=60.0, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            # A compressing proxy would hold tokens back.
            headers={"User-Agent": f"jupyter-chatide/{__version__}", "Accept-Encoding": "identity"},
        )
    except (ImportError, ValueError):  # socks:// without its package, or an unknown scheme
        raise UnreachableError(
            "The proxy that the environment names cannot be used.",
            "Set HTTPS_PROXY and ALL_PROXY to an http:// address, or pip install 'httpx[socks]'.",
        ) from None


async def discard(response: httpx.Response, body: AsyncGenerator[bytes, None]) -> None:
    """Close the connection of an answer that is not read to its end, at once.

    httpx reads through a pile of generators; closing the outermost leaves the others to the
    garbage collector, to end in later turns of the loop, or in none where it stops before. So the
    connection is closed first, and what is read from it then fails through all of them.
    """
    import httpx

    await response.aclose()
    with suppress(httpx.HTTPError):
        async for _ in body:
            pass


def connection_failure(target: Target, failure: httpx.HTTPError, connect: float) -> GatewayError:
    """What a failed connection means, from the types of its causes.

    Args:
        target: who was asked.
        failure: what httpx raised.
        connect: seconds that connecting was allowed to take.
    """
    import httpx

    label = target.provider.label
    if target.provider.local:
        hint = f"Start {label} on this machine, or set its base URL."
    elif target.provider.base_url_editable:
        hint = "Start it, or check its base URL."
    else:
        hint = "Check your network, and the proxy if you need one."
    causes = tuple(_causes(failure))
    if isinstance(failure, httpx.ConnectTimeout):
        return ModelTimeoutError(f"{label} did not take a connection within {connect:g} s.", hint)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return UnreachableError(
            f"The certificate of {label} is not trusted here.",
            "Set SSL_CERT_FILE to your network's certificates.",
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return UnreachableError(f"The host name of {label} is not found.", hint)
    if isinstance(failure, httpx.ConnectError | httpx.ProxyError):
        return UnreachableError(f"{label} takes no connection at {target.base_url}.", hint)
    return UnreachableError(
        f"{label} dropped the connection before the reply was complete.", "Try again."
    )


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while failure is not None and seen < 10:
        yield failure
        if isinstance(failure, BaseExceptionGroup):  # one for each address that was tried
            for inner in failure.exceptions:
                yield from _causes(inner)
        failure = failure.__cause__ or failure.__context__
        seen += 1
