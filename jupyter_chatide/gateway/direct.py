"""The direct adapter: OpenAI's wire format over plain HTTP, streamed as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

from .adapter import Target
from .connections import Connections, connection_failure
from .errors import GatewayError, MalformedReplyError, ModelTimeoutError
from .listing import list_models
from .messages import AnyDelta, LLMRequest, ModelInfo, ReasoningDelta, TextDelta
from .openai_format import ReplyReader, request_body
from .refusals import refusal
from .settings import Deadlines
from .sse import EventReader, EventTooLargeError

if TYPE_CHECKING:
    import httpx

_LARGEST_REFUSAL = 64_000  # bytes of an error's body that are read
_DRAIN = 0.05  # seconds


class DirectAdapter:
    """Speaks to any OpenAI-compatible endpoint.

    Args:
        connections: whose HTTP connections to use; ``None`` makes its own.
        deadlines: how long each step may take.
        event_limit: bytes that one event, or an answer that is not streamed, may have.
        reply_limit: characters that one reply may have.
    """

    def __init__(
        self,
        connections: Connections | None = None,
        deadlines: Deadlines | None = None,
        *,
        event_limit: int = 4_000_000,
        reply_limit: int = 10_000_000,
    ) -> None:
        self._connections = Connections() if connections is None else connections
        self._deadlines = Deadlines() if deadlines is None else deadlines
        self._event_limit = event_limit
        self._reply_limit = reply_limit
        self._without_usage: set[str] = set()  # base URLs that refuse `stream_options`

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            GatewayError: as ``Adapter.stream``.
        """
        clock = _Clock(self._deadlines, target.provider.label)
        reply = ReplyReader(target, request)
        events = EventReader(self._event_limit)
        head = b""  # until it shows what the body is
        streamed = False
        characters = 0
        async with aclosing(self._packets(target, request, clock)) as packets:
            async for packet in packets:
                if not streamed:
                    head = (head + packet).lstrip()
                    if head[:1] in (b"{", b"[", b"<", b""):
                        if len(head) > self._event_limit:
                            raise _too_much(target)
                        continue
                    streamed, packet = True, head
                try:
                    for data in events.feed(packet):
                        for delta in reply.event(data):
                            if isinstance(delta, TextDelta | ReasoningDelta):
                                clock.started = True
                                characters += len(delta.text)
                            yield delta
                except EventTooLargeError:
                    raise _too_much(target) from None
                if characters > self._reply_limit:
                    raise _too_much(target)
                clock.finished = reply.finished
                if reply.done:
                    await _drain(packets)
                    break
        if streamed:
            for data in events.close():
                for delta in reply.event(data):
                    yield delta
        elif head.startswith(b"<"):
            raise MalformedReplyError(
                f"{target.provider.label} answered with a web page instead of a reply.",
                "Check its base URL; most end in /v1.",
            )
        elif head:
            for delta in reply.whole(head):
                yield delta
        yield reply.finish()

    async def models(self, target: Target) -> list[ModelInfo]:
        """List the provider's models.

        Raises:
            GatewayError: as ``Adapter.models``.
        """
        return await list_models(self._connections, target)

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        await self._connections.aclose()

    async def _packets(
        self, target: Target, request: LLMRequest, clock: _Clock
    ) -> AsyncGenerator[bytes, None]:
        """The packets of a successful answer, each within its deadline."""
        response = await self._open(target, request, clock)
        try:
            async with aclosing(_body(response)) as body:
                while True:
                    async with clock.watch():
                        packet = await _next(body, target, self._connections.connect)
                    if packet is None:
                        return
                    yield packet
        except _Trailing:
            return
        finally:
            await response.aclose()

    async def _open(self, target: Target, request: LLMRequest, clock: _Clock) -> httpx.Response:
        usage = target.base_url not in self._without_usage
        response = await self._post(target, request_body(request, usage=usage), clock)
        if response.is_success:
            return response
        said = await self._refusal_body(response, target, clock)
        if usage and response.status_code in (400, 422) and b"stream_options" in said:
            self._without_usage.add(target.base_url)
            return await self._open(target, request, clock)
        raise refusal(target, request.model, response.status_code, said, response.headers)

    async def _post(self, target: Target, body: bytes, clock: _Clock) -> httpx.Response:
        client = await self._connections.to(target.base_url)
        import httpx  # the client has brought it: nothing is loaded on the loop's thread

        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if target.key is not None:
            headers["Authorization"] = f"Bearer {target.key}"
        message = client.build_request(
            "POST", f"{target.base_url}/chat/completions", content=body, headers=headers
        )
        try:
            async with clock.watch():
                return await client.send(message, stream=True)
        except httpx.HTTPError as failure:
            raise connection_failure(target, failure, self._connections.connect) from None

    async def _refusal_body(self, response: httpx.Response, target: Target, clock: _Clock) -> bytes:
        said = b""
        try:
            async with aclosing(_body(response)) as body:
                while len(said) < _LARGEST_REFUSAL:
                    async with clock.watch():
                        packet = await _next(body, target, self._connections.connect)
                    if packet is None:
                        break
                    said += packet
        except GatewayError:
            pass  # the status says enough
        finally:
            await response.aclose()
        return said


class _Trailing(Exception):
    """The reply is complete; what might have followed did not come in time."""


class _Clock:
    """Holds each wait of one answer to its deadline.

    ``started`` is set with the first token, ``finished`` with the finish reason.
    """

    def __init__(self, deadlines: Deadlines, label: str) -> None:
        self._deadlines = deadlines
        self._label = label
        self._begin = asyncio.get_running_loop().time()
        self.started = False
        self.finished = False

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Wait for one thing.

        Raises:
            ModelTimeoutError: its deadline passed.
            _Trailing: the deadline of what follows a complete reply passed.
        """
        now = asyncio.get_running_loop().time()
        total = self._begin + self._deadlines.total
        if self.finished:
            step = now + self._deadlines.trailing
        elif self.started:
            step = now + self._deadlines.idle
        else:
            step = self._begin + self._deadlines.first_token
        try:
            async with asyncio.timeout_at(min(step, total)):
                yield
        except TimeoutError:
            raise self._failure(past_total=total <= step) from None

    def _failure(self, past_total: bool) -> Exception:
        limits, label = self._deadlines, self._label
        if self.finished:
            return _Trailing()
        if past_total:
            return ModelTimeoutError(
                f"The reply of {label} took longer than {limits.total:g} s.",
                "Ask for less at once.",
            )
        if self.started:
            return ModelTimeoutError(
                f"{label} fell silent for {limits.idle:g} s in mid-reply.", "Try again."
            )
        return ModelTimeoutError(
            f"{label} did not begin to answer within {limits.first_token:g} s.",
            "Try again; a local model may still be loading, or be too large for this machine.",
        )


def _body(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    return cast("AsyncGenerator[bytes, None]", response.aiter_bytes())  # typed as less than it is


async def _next(body: AsyncGenerator[bytes, None], target: Target, connect: float) -> bytes | None:
    import httpx

    try:
        return await anext(body, None)
    except httpx.HTTPError as failure:
        raise connection_failure(target, failure, connect) from None


async def _drain(packets: AsyncGenerator[bytes, None]) -> None:
    """Read the end of a complete answer, if it is there, so that its connection can be reused."""
    with suppress(TimeoutError, GatewayError):
        async with asyncio.timeout(_DRAIN):
            async for _ in packets:
                pass


def _too_much(target: Target) -> MalformedReplyError:
    return MalformedReplyError(
        f"{target.provider.label} sends more than a reply can be.",
        "Choose another model, or check the base URL.",
    )
