"""Ollama's native API, which, unlike its OpenAI-compatible route, takes the size of the context.

Without one, Ollama reads a few thousand tokens and drops the rest of a conversation unsaid.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ...errors import InvalidRequestError
from ..adapter import Target
from ..errors import (
    ContextTooLongError,
    GatewayError,
    MalformedReplyError,
    ModelNotFoundError,
    UnreachableError,
)
from ..listing import list_models, ollama_context, ollama_root, ollama_show
from ..messages import AnyDelta, ImagePart, LLMRequest, ModelInfo
from ..settings import Deadlines
from .clock import Clock
from .connections import Connections, discard
from .ollama_format import (
    LineReader,
    LineTooLongError,
    ReplyReader,
    request_body,
    unwrapped,
)
from .refusals import refusal
from .upstream import Upstream, drain, packets_of, size_of, too_much

_SHOWN_KEPT = 300.0  # seconds for which a description is believed
_MOST_SHOWN = 200
_BYTES_PER_TOKEN = 4  # in most languages fewer: a conversation that is too long by this is so

_Shown = tuple[int | None, frozenset[str]]  # the longest context in tokens, and abilities


class OllamaAdapter:
    """Speaks to Ollama.

    The option ``context`` is the number of tokens that a model reads at once; a model that has
    fewer gets its own number.

    Args:
        connections: whose HTTP connections to use; ``None`` makes its own.
        deadlines: how long each step may take; a model that is loaded first takes its time before
            the first token.
        line_limit: bytes that one line of an answer may have.
        reply_limit: characters that one reply may have.
        patience: seconds that Ollama has to describe a model before it is asked.
    """

    def __init__(
        self,
        connections: Connections | None = None,
        deadlines: Deadlines | None = None,
        *,
        line_limit: int = 4_000_000,
        reply_limit: int = 10_000_000,
        patience: float = 5.0,
    ) -> None:
        self._upstream = Upstream(connections, deadlines)
        self._patience = patience
        self._line_limit = line_limit
        self._reply_limit = reply_limit
        self._shown: dict[tuple[str, str], tuple[float, _Shown]] = {}

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            InvalidRequestError: it holds what Ollama cannot be given; the message names the field.
            GatewayError: as ``Adapter.stream``.
        """
        upstream = self._upstream
        clock = Clock(upstream.deadlines, target.provider)
        limit, abilities = await self._show(target, request.model)
        _check_images(target, request, abilities)
        context = min(ollama_context(target), limit or ollama_context(target))
        body = request_body(request, context, abilities)
        url = f"{ollama_root(target.base_url)}/api/chat"
        response = await upstream.post(target, url, body, clock, "application/x-ndjson")
        if not response.is_success:
            said = _unwrapped(await upstream.refusal_body(response, target, clock))
            error = refusal(target, request.model, response.status_code, said, response.headers)
            raise _explained(error, target, request, context)
        reply, lines = ReplyReader(target, request), LineReader(self._line_limit)
        packets = packets_of(response)
        characters, begun = 0, False
        try:
            while not reply.done:
                try:
                    async with asyncio.timeout_at(clock.next()):
                        packet = await upstream.next(packets, target)
                except TimeoutError:
                    raise clock.late() from None
                if packet is None:
                    break
                if not begun and packet.lstrip():
                    begun = True
                    _refuse_page(target, packet)
                try:
                    for line in lines.feed(packet):
                        for delta in reply.line(line):
                            if size := size_of(delta):
                                clock.started = True
                                characters += size
                            yield delta
                except LineTooLongError:
                    raise too_much(target) from None
                if characters > self._reply_limit:
                    raise too_much(target)
            else:
                await drain(packets)
        finally:
            await discard(response, packets)
        if not reply.done and (rest := lines.close()):
            for delta in reply.line(rest):
                yield delta
        yield reply.finish()

    async def models(self, target: Target) -> list[ModelInfo]:
        """List the models that are on Ollama's machine.

        Raises:
            GatewayError: as ``Adapter.models``.
        """
        return await list_models(self._upstream.connections, target)

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        await self._upstream.aclose()

    async def _show(self, target: Target, model: str) -> _Shown:
        """What Ollama says of a model; nothing where it does not.

        Raises:
            UnreachableError: it is not there at all.
        """
        now = asyncio.get_running_loop().time()
        asked, shown = self._shown.get((target.base_url, model), (-_SHOWN_KEPT, None))
        if shown is not None and now - asked < _SHOWN_KEPT:
            return shown
        try:
            async with asyncio.timeout(self._patience):
                shown = await ollama_show(self._upstream.connections, target, model)
        except UnreachableError:
            raise
        except (GatewayError, TimeoutError):
            return None, frozenset()  # the answer itself will say what is wrong
        if len(self._shown) >= _MOST_SHOWN:
            self._shown.clear()
        self._shown[target.base_url, model] = now, shown
        return shown


def _check_images(target: Target, request: LLMRequest, abilities: frozenset[str]) -> None:
    """Refuse images where Ollama says that the model does not see them: it would drop them."""
    if not abilities or "vision" in abilities:
        return
    for number, message in enumerate(request.messages):
        pieces = () if isinstance(message.content, str) else message.content
        if any(isinstance(piece, ImagePart) for piece in pieces):
            raise InvalidRequestError(
                f"messages[{number}].content: {target.provider.id}/{request.model} does not see "
                "images.",
                "Choose a model that does, or leave the images out.",
            )


def _unwrapped(said: bytes) -> bytes | Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return said
    return unwrapped(answer) if isinstance(answer, dict) else said


def _refuse_page(target: Target, packet: bytes) -> None:
    if packet.lstrip().startswith(b"<"):
        raise MalformedReplyError(
            f"{target.provider.label} answered with a web page instead of a reply.",
            "Check its base URL; Ollama's has no path.",
        )


def _explained(
    error: GatewayError, target: Target, request: LLMRequest, context: int
) -> GatewayError:
    """What to do about a refusal, with what only Ollama's users can do."""
    if isinstance(error, ModelNotFoundError):
        error.hint = f"Run: ollama pull {shlex.quote(request.model)}"
    size = 0
    with suppress(UnicodeEncodeError):
        size = sum(len(message.text.encode()) for message in request.messages)
    too_long = isinstance(error, ContextTooLongError)
    if too_long or (error.status == 400 and size > context * _BYTES_PER_TOKEN):
        return ContextTooLongError(
            f"The conversation is longer than the {context} tokens that {target.provider.label} "
            "is set to read.",
            "Start a new chat, or set a larger context window for it.",
            status=400,
        )
    return error
