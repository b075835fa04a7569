"""The direct adapter: OpenAI's wire format over plain HTTP, streamed as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ..adapter import Target
from ..errors import MalformedReplyError
from ..listing import list_models
from ..messages import AnyDelta, LLMRequest, ModelInfo
from ..settings import Deadlines
from .clock import Clock
from .connections import Connections, discard
from .openai_format import ReplyReader
from .openai_request import request_body
from .refusals import refusal
from .sse import EventReader, EventTooLargeError
from .upstream import Upstream, drain, packets_of, size_of, too_much

if TYPE_CHECKING:
    import httpx

_FEW = 12
"""Answers that stream at a time before packets are taken together: beyond them, reading each
packet by itself costs more than the server has."""

_FRAME = 0.02  # seconds for which packets gather then
_AT_ONCE = 0.001  # seconds; what took longer was waited for


class DirectAdapter:
    """Speaks to any OpenAI-compatible endpoint.

    A request goes out with all that it says: a parameter that the model does not take is refused
    by name, never dropped. Two things are learned from a refusal, and the request sent again
    without a word: that a server counts no tokens in a stream, and that a model wants its limit
    as ``max_completion_tokens``.

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
        self._upstream = Upstream(connections, deadlines)
        self._event_limit = event_limit
        self._reply_limit = reply_limit
        self._streaming = 0  # answers at this moment
        self._without_usage: set[str] = set()  # base URLs that refuse `stream_options`
        # Base URLs and models that refuse `max_tokens`.
        self._completion_limited: set[tuple[str, str]] = set()

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            GatewayError: as ``Adapter.stream``.
        """
        clock = Clock(self._upstream.deadlines, target.provider)
        reply = ReplyReader(target, request)
        events = EventReader(self._event_limit)
        head = b""  # until it shows what the body is
        streamed = False
        characters = 0
        now = asyncio.get_running_loop().time
        response = await self._open(target, request, clock)
        body = packets_of(response)
        self._streaming += 1
        try:
            while True:
                asked = now()
                try:
                    async with asyncio.timeout_at(clock.next()):
                        packet = await self._upstream.next(body, target)
                except TimeoutError:
                    if clock.finished:
                        break  # what might have followed a complete reply did not come
                    raise clock.late() from None
                if packet is None:
                    break
                waited = now() - asked > _AT_ONCE
                if not streamed:
                    head = (head + packet).lstrip()
                    if head[:1] in (b"{", b"[", b"<", b""):
                        if len(head) > self._event_limit:
                            raise too_much(target)
                        continue
                    streamed, packet = True, head
                try:
                    for data in events.feed(packet):
                        for delta in reply.event(data):
                            if size := size_of(delta):
                                clock.started = True
                                characters += size
                            yield delta
                except EventTooLargeError:
                    raise too_much(target) from None
                if characters > self._reply_limit:
                    raise too_much(target)
                clock.finished = reply.finished
                if reply.done:
                    await drain(body)
                    break
                if waited and self._streaming > _FEW:
                    await asyncio.sleep(_FRAME)
        finally:
            self._streaming -= 1
            await discard(response, body)
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
        return await list_models(self._upstream.connections, target)

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        await self._upstream.aclose()

    async def _open(self, target: Target, request: LLMRequest, clock: Clock) -> httpx.Response:
        """The response to a request, once it is a success."""
        while True:
            usage = target.base_url not in self._without_usage
            plain = (target.base_url, request.model) not in self._completion_limited
            limit = "max_tokens" if plain else "max_completion_tokens"
            body = request_body(request, usage=usage, limit=limit)
            url = f"{target.base_url}/chat/completions"
            response = await self._upstream.post(target, url, body, clock, "text/event-stream")
            if response.is_success:
                return response
            said = await self._upstream.refusal_body(response, target, clock)
            if response.status_code in (400, 422):
                if usage and b"stream_options" in said:
                    self._without_usage.add(target.base_url)
                    continue
                if plain and request.max_tokens is not None and _refuses_max_tokens(said):
                    self._completion_limited.add((target.base_url, request.model))
                    continue
            raise refusal(target, request.model, response.status_code, said, response.headers)


def _refuses_max_tokens(said: bytes) -> bool:
    """Whether a refusal is that of OpenAI's newer models, by its ``param`` and ``code``."""
    try:
        answer: Any = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    error = answer.get("error") if isinstance(answer, dict) else None
    return (
        isinstance(error, Mapping)
        and error.get("param") == "max_tokens"
        and error.get("code") == "unsupported_parameter"
    )
