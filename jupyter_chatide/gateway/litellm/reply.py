"""One answer as litellm reads it from a provider, piece by piece. Part of the worker.

litellm wraps each provider's stream in one that makes OpenAI's chunks of it, at ten times the
cost: it copies, counts and keeps every chunk, for logs and caches that nobody asked for. Here the
provider's own stream is read, which litellm has parsed already into one of two shapes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Any

from ..adapter import Target
from ..errors import OverloadedError, UnreachableError
from ..messages import (
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from ..wire.openai_format import FINISH_REASONS, read_usage
from ..wire.refusals import filtered, refusal
from ..wire.tool_calls import ToolCallReader

Piece = tuple[type[TextDelta | ReasoningDelta], str] | ToolCallDelta
"""A kind of text and the text, or a piece of a tool call."""


async def chunks(upstream: Any, heard: Callable[[Any], None]) -> AsyncGenerator[Any, None]:
    """The chunks of a provider's stream as litellm parsed them.

    Args:
        upstream: what ``litellm.acompletion`` gave.
        heard: is told each event as it came, where litellm parses events itself.

    Raises:
        Exception: litellm's, made from the provider's.
    """
    import litellm

    source: Any = None
    try:
        if getattr(upstream, "completion_stream", None) is None and hasattr(
            upstream, "fetch_stream"
        ):
            await upstream.fetch_stream()
        stream: Any = getattr(upstream, "completion_stream", None)
        if not hasattr(stream, "__aiter__"):
            stream = upstream  # a library that blocks: litellm reads it in threads
        elif parse := getattr(stream, "chunk_parser", None):
            stream.chunk_parser = partial(_overheard, parse, heard)
            source = getattr(stream, "streaming_response", None)
        async for chunk in stream:
            yield chunk
    except Exception as error:
        # litellm's own stream does the same: some refusals are known by it alone.
        raise litellm.exception_type(
            model=getattr(upstream, "model", ""),
            custom_llm_provider=getattr(upstream, "custom_llm_provider", ""),
            original_exception=error,
        ) from error
    finally:
        if hasattr(source, "aclose"):  # litellm closes some of its streams, not all
            await source.aclose()


def _overheard(parse: Callable[..., Any], heard: Callable[[Any], None], chunk: Any) -> Any:
    heard(chunk)
    return parse(chunk=chunk)


class LiteLLMReply:
    """Reads the chunks of one answer.

    Args:
        target: who answers.
        model: the model asked for.
    """

    def __init__(self, target: Target, model: str) -> None:
        self._target = target
        self._model = model
        self._label = target.provider.label
        self._calls = ToolCallReader()
        self._reason: FinishReason | None = None
        self._silent = True
        self._open_end = False  # Google's reply has not said yet why it ends
        self.usage: UsageDelta | None = None

    def hear(self, event: Any) -> None:
        """Note of an event what litellm makes too little of.

        It calls each error of Anthropic's in mid-reply a 500, and makes up a reason to end with
        each piece of Google's.

        Raises:
            GatewayError: the event is an error.
        """
        if not isinstance(event, dict):
            return
        if event.get("error"):
            raise refusal(self._target, self._model, 200, event)
        candidates = event.get("candidates")
        if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
            self._open_end = not candidates[0].get("finishReason")

    def read(self, chunk: Any) -> Iterator[Piece]:
        """What a chunk says.

        Raises:
            OverloadedError: the provider broke the answer off.
        """
        for piece in self._pieces(chunk):
            self._silent = False
            yield piece

    def _pieces(self, chunk: Any) -> Iterator[Piece]:
        if isinstance(chunk, dict):
            yield from self._generic(chunk)
            return
        if counted := getattr(chunk, "usage", None):
            self._count(counted)
        choices = getattr(chunk, "choices", None)
        if not choices:
            return
        choice = choices[0]
        delta = choice.delta
        if delta is not None:
            reasoning = getattr(delta, "reasoning_content", None) or getattr(
                delta, "reasoning", None
            )
            if reasoning and isinstance(reasoning, str):
                yield ReasoningDelta, reasoning
            if delta.content:
                yield TextDelta, delta.content
            for call in getattr(delta, "tool_calls", None) or ():
                function = call.function
                piece = self._calls.piece(
                    call.index,
                    call.id or "",
                    (function and function.name) or "",
                    (function and function.arguments) or "",
                )
                if piece is not None:
                    yield piece
        if choice.finish_reason:
            self._finish(choice.finish_reason)

    def finish(self) -> FinishReason:
        """Why the answer ended.

        Raises:
            UnreachableError: it is not complete.
            ContentRefusedError: a filter ended it before its first word.
        """
        if self._reason is None or self._open_end:
            raise UnreachableError(
                f"{self._label} ended the reply before it was complete.", "Try again."
            )
        if self._reason == "content_filter" and self._silent:
            raise filtered(self._target, self._model)
        if self._reason == "stop" and self._calls.any:
            return "tool_calls"
        return self._reason

    def _generic(self, chunk: dict[str, Any]) -> Iterator[Piece]:
        """litellm's ``GenericStreamingChunk``."""
        if text := chunk.get("text"):
            yield TextDelta, text
        if call := chunk.get("tool_use"):
            function = call.get("function") or {}
            piece = self._calls.piece(
                call.get("index"),
                call.get("id") or "",
                function.get("name") or "",
                function.get("arguments") or "",
            )
            if piece is not None:
                yield piece
        if counted := chunk.get("usage"):
            self._count(counted)
        if self._reason is None and (reason := chunk.get("finish_reason")):
            self._finish(reason)  # a later one is litellm's, for the end of the stream

    def _finish(self, reason: str) -> None:
        if reason == "error":
            raise OverloadedError(
                f"{self._label} broke the reply off with an error.",
                "Try again in a moment, or choose another model.",
            )
        self._reason = FINISH_REASONS.get(reason, "other")

    def _count(self, counted: Any) -> None:
        """Keep the count of tokens; Anthropic sends the input's first, the output's last."""
        if not isinstance(counted, dict):
            counted = counted.model_dump()
        for field in ("prompt_tokens", "completion_tokens"):
            counted[field] = counted.get(field) or 0
        usage, before = read_usage(counted), self.usage
        if usage is None or not (usage.input_tokens or usage.output_tokens):
            return
        if before is not None:
            usage = UsageDelta(
                max(usage.input_tokens, before.input_tokens),
                max(usage.output_tokens, before.output_tokens),
                max(usage.cached_tokens, before.cached_tokens),
                max(usage.reasoning_tokens, before.reasoning_tokens),
            )
        self.usage = usage
