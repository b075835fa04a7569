"""One question over plain HTTP: posted, and its answer read packet by packet, each in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, cast

from ..adapter import Target
from ..errors import GatewayError, MalformedReplyError
from ..messages import AnyDelta, ReasoningDelta, TextDelta, ToolCallDelta
from ..settings import Deadlines
from .clock import Clock
from .connections import Connections, connection_failure, discard

if TYPE_CHECKING:
    import httpx

Packets = AsyncGenerator[bytes, None]

_LARGEST_REFUSAL = 64_000  # bytes of an error's body that are read
_DRAIN = 0.05  # seconds


class Upstream:
    """Asks providers over one set of connections, with one set of deadlines.

    Args:
        connections: whose HTTP connections to use; ``None`` makes its own.
        deadlines: how long each step may take.
    """

    def __init__(
        self, connections: Connections | None = None, deadlines: Deadlines | None = None
    ) -> None:
        self.deadlines = Deadlines() if deadlines is None else deadlines
        self.connections = (
            Connections(self.deadlines.connect) if connections is None else connections
        )

    async def post(
        self, target: Target, url: str, body: bytes, clock: Clock, accept: str
    ) -> httpx.Response:
        """Send a JSON body with the key in a header, and return the response's beginning.

        Args:
            target: whom to ask.
            url: where.
            body: what.
            clock: the answer's deadlines.
            accept: the type of answer to ask for.

        Raises:
            GatewayError: there is no connection, or no response in time.
        """
        client = await self.connections.to(target.base_url)
        import httpx  # the client has brought it: nothing is loaded on the loop's thread

        headers = {"Content-Type": "application/json", "Accept": accept}
        if target.key is not None:
            headers["Authorization"] = f"Bearer {target.key}"
        connect = self.deadlines.connect
        message = client.build_request(
            "POST",
            url,
            content=body,
            headers=headers,
            timeout=httpx.Timeout(connect=connect, read=None, write=60.0, pool=None),
        )
        try:
            async with asyncio.timeout_at(clock.next()):
                return await client.send(message, stream=True)
        except TimeoutError:
            raise clock.late() from None
        except httpx.HTTPError as failure:
            raise connection_failure(target, failure, connect) from None

    async def next(self, packets: Packets, target: Target) -> bytes | None:
        """The next packet of an answer; ``None`` at its end.

        Raises:
            GatewayError: the connection broke.
        """
        try:
            return await anext(packets, None)
        except Exception as failure:
            import httpx

            if isinstance(failure, httpx.HTTPError):
                failure = connection_failure(target, failure, self.deadlines.connect)
            raise failure from None

    async def refusal_body(self, response: httpx.Response, target: Target, clock: Clock) -> bytes:
        """What a refusal says, as far as it comes, and close the response."""
        said = b""
        packets = packets_of(response)
        try:
            while len(said) < _LARGEST_REFUSAL:
                async with asyncio.timeout_at(clock.next()):
                    packet = await self.next(packets, target)
                if packet is None:
                    break
                said += packet
        except (GatewayError, TimeoutError):
            pass  # the status says enough
        finally:
            await discard(response, packets)
        return said

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        await self.connections.aclose()


def packets_of(response: httpx.Response) -> Packets:
    """The packets of a response's body."""
    return cast("Packets", response.aiter_bytes())  # typed as less than it is


async def drain(packets: Packets) -> None:
    """Read the end of a complete answer, if it is there, so that its connection can be reused."""
    import httpx

    try:
        async with asyncio.timeout(_DRAIN):
            async for _ in packets:
                pass
    except (TimeoutError, httpx.HTTPError):
        pass


def size_of(delta: AnyDelta) -> int:
    """Characters of what the model said in a delta."""
    if isinstance(delta, TextDelta | ReasoningDelta):
        return len(delta.text)
    return len(delta.arguments) + 1 if isinstance(delta, ToolCallDelta) else 0


def too_much(target: Target) -> MalformedReplyError:
    """The error of a reply that is longer than any is."""
    return MalformedReplyError(
        f"{target.provider.label} sends more than a reply can be.",
        "Choose another model, or check the base URL.",
    )
