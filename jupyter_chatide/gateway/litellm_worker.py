"""The litellm worker: ``python -m jupyter_chatide.gateway.litellm_worker CONNECT_TIMEOUT``.

A child process of the server, and the only process that imports litellm. It answers the frames
of ``worker_protocol`` on its standard input with those on its standard output, many answers at
a time, and ends when its input closes, however its parent ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

import msgspec

from .errors import (
    MalformedReplyError,
    ModelTimeoutError,
    RequestRefusedError,
    UnreachableError,
)
from .messages import FinishReason, ReasoningDelta, TextDelta, UsageDelta
from .worker_protocol import (
    FRAME_TEXT,
    WINDOW,
    Ask,
    Cancel,
    Cancelled,
    Failed,
    Finished,
    FromWorker,
    Ready,
    Said,
    Taken,
    ToWorker,
    Unusable,
    encode,
    to_worker_decoder,
)

FRAME_SECONDS = 0.02
"""An answer's text is sent at most this often: about a frame of the screen."""

REPLY_LIMIT = 10_000_000
"""Characters that one reply may have, reasoning included."""

# Where litellm goes by itself; spelled out, the same URL would take other paths in its code.
_LITELLM_DEFAULTS = {
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "openai": "https://api.openai.com/v1",
}

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
}


class _Loop(asyncio.SelectorEventLoop):
    """An event loop with a deadline for connecting, since few of litellm's providers take one."""

    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self._connect_timeout = connect_timeout

    async def sock_connect(self, sock: Any, address: Any) -> None:
        async with asyncio.timeout(self._connect_timeout):
            await super().sock_connect(sock, address)


class _Outbox:
    """What goes to the reader of one answer: merged, and never far ahead of the reader."""

    def __init__(self, stream: int, send: Callable[[FromWorker], int]) -> None:
        self._stream = stream
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._kind: type[TextDelta | ReasoningDelta] = TextDelta
        self._pieces: list[str] = []
        self._waiting = 0  # characters in them
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = -FRAME_SECONDS
        self._unread = 0
        self._room = asyncio.Event()
        self._room.set()

    def add(self, kind: type[TextDelta | ReasoningDelta], text: str) -> None:
        """Send a piece with the next frame, at once if none went out lately."""
        if not text:
            return
        if kind is not self._kind:
            self.flush()
            self._kind = kind
        self._pieces.append(text)
        self._waiting += len(text)
        if self._waiting >= FRAME_TEXT:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_at(self._sent_at + FRAME_SECONDS, self.flush)

    def flush(self) -> None:
        """Send what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        for start in range(0, len(text), FRAME_TEXT):
            piece = self._kind(text[start : start + FRAME_TEXT])
            self._unread += self._send(Said(self._stream, piece))
            self._sent_at = self._loop.time()
        if self._unread >= WINDOW:
            self._room.clear()

    def taken(self, size: int) -> None:
        """The reader took so many bytes."""
        self._unread -= size
        if self._unread < WINDOW:
            self._room.set()

    async def wait_for_room(self) -> None:
        """Wait until the reader has not too much before it, and let other answers have a turn."""
        await asyncio.sleep(0)
        await self._room.wait()


class _Worker:
    """Answers frames; everything runs in the loop but the reading of the input."""

    def __init__(self, output: BinaryIO, connect_timeout: float) -> None:
        self._output = output
        self._connect_timeout = connect_timeout
        self._outboxes: dict[int, _Outbox] = {}
        self._tasks: dict[int, asyncio.Task[Finished]] = {}

    def handle(self, frame: ToWorker) -> None:
        """Do what a frame says. Answers that have ended are not missed."""
        match frame:
            case Ask():
                outbox = self._outboxes[frame.stream] = _Outbox(frame.stream, self.send)
                task = self._tasks[frame.stream] = asyncio.create_task(self._answer(frame, outbox))
                task.add_done_callback(partial(self._ended, frame))
            case Taken() if frame.stream in self._outboxes:
                self._outboxes[frame.stream].taken(frame.size)
            case Cancel() if frame.stream in self._tasks:
                self._tasks[frame.stream].cancel()

    def send(self, frame: FromWorker) -> int:
        """Write a frame, and return its size in bytes."""
        line = encode(frame)
        try:
            self._output.write(line)
            self._output.flush()
        except OSError:
            os._exit(0)  # nobody is there to read it
        return len(line)

    def _ended(self, ask: Ask, task: asyncio.Task[Finished]) -> None:
        """Say how an answer ended, after all that came of it."""
        self._tasks.pop(ask.stream)
        self._outboxes.pop(ask.stream).flush()
        if task.cancelled():
            self.send(Cancelled(ask.stream))
        elif error := task.exception():
            from .litellm_failures import gateway_error

            said = gateway_error(
                ask.target, ask.request.model, error, connect=self._connect_timeout
            )
            self.send(Failed.of(ask.stream, said))
        else:
            self.send(task.result())

    async def _answer(self, ask: Ask, outbox: _Outbox) -> Finished:
        import litellm

        try:
            async with asyncio.timeout(ask.total) as limit:
                upstream = await litellm.acompletion(**_arguments(ask))
                if upstream is None:  # litellm loses a 422 that comes again without the parameters
                    raise RequestRefusedError(
                        f"{ask.target.provider.label} refuses the request (status 422).",
                        "Try another model.",
                        status=422,
                    )
                try:
                    return await self._relay(ask, upstream, outbox)
                finally:
                    await upstream.aclose()  # or the provider would go on to the end
        except TimeoutError:
            if not limit.expired():
                raise
            raise ModelTimeoutError(
                f"The reply of {ask.target.provider.label} took longer than {ask.total:g} s.",
                "Ask for less at once.",
            ) from None

    async def _relay(self, ask: Ask, upstream: Any, outbox: _Outbox) -> Finished:
        finish = ""
        usage: UsageDelta | None = None
        characters = 0
        async for chunk in upstream:
            for choice in chunk.choices[:1]:
                reasoning = getattr(choice.delta, "reasoning_content", None) or ""
                text = choice.delta.content or ""
                characters += len(reasoning) + len(text)
                outbox.add(ReasoningDelta, reasoning)
                outbox.add(TextDelta, text)
                finish = choice.finish_reason or finish
            counted = getattr(chunk, "usage", None)
            if counted is not None and (counted.prompt_tokens or counted.completion_tokens):
                usage = UsageDelta(counted.prompt_tokens or 0, counted.completion_tokens or 0)
            if characters > REPLY_LIMIT:
                raise MalformedReplyError(
                    f"{ask.target.provider.label} sends more than a reply can be.",
                    "Choose another model, or check the base URL.",
                )
            await outbox.wait_for_room()
        # litellm makes up a "stop" for a reply that just ends; what it received tells them apart.
        if upstream.received_finish_reason is None and upstream.intermittent_finish_reason is None:
            raise UnreachableError(
                f"{ask.target.provider.label} ended the reply before it was complete.",
                "Try again.",
            )
        if usage is not None:
            outbox.flush()
            self.send(Said(ask.stream, usage))
        return Finished(ask.stream, _FINISH_REASONS.get(finish, "other"))


def _arguments(ask: Ask) -> dict[str, Any]:
    """What litellm is asked."""
    prefix, target, request = ask.target.provider.litellm_prefix, ask.target, ask.request
    arguments: dict[str, Any] = {
        "model": f"{prefix}/{request.model}",
        "messages": msgspec.to_builtins(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        # Without one, litellm would look for a key elsewhere or refuse to ask.
        "api_key": target.key or "none",
        "timeout": ask.total,
        "num_retries": 0,
        "max_retries": 0,
    }
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if base_url := _base_url(prefix, target.base_url):
        arguments["api_base"] = base_url
    return arguments


def _base_url(prefix: str, base_url: str) -> str | None:
    """A base URL as litellm wants it of this provider, ``None`` for its own default.

    litellm appends ``/v1/messages`` to Anthropic's and ``/models/…`` to Google's, whose own URL
    carries the version; we name both without.
    """
    base_url = base_url.rstrip("/")
    if not base_url or base_url == _LITELLM_DEFAULTS.get(prefix):
        return None
    if prefix == "anthropic":
        return base_url.removesuffix("/messages").removesuffix("/v1")
    if prefix == "gemini" and not base_url.endswith(("/v1beta", "/v1alpha", "/v1")):
        return f"{base_url}/v1beta"
    return base_url


def _import_litellm() -> None:
    """Import litellm, and tell it to do nothing but ask: no logs, callbacks, counts, guesses."""
    logging.disable()  # its debug records hold keys and prompts
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True  # a model without a temperature is asked without
    litellm.disable_token_counter = True  # usage is what the provider says, never an estimate
    litellm.disable_hf_tokenizer_download = True
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # a long line of dashes is no failure


def _read(source: BinaryIO, loop: asyncio.AbstractEventLoop, worker: _Worker) -> None:
    """Hand on the frames of the input; at its end, the parent is gone, and so are we.

    In a thread, so that the end is noticed in the midst of an import or a long computation.
    """
    try:
        for line in source:
            loop.call_soon_threadsafe(worker.handle, to_worker_decoder.decode(line))
    finally:
        os._exit(0)


def main() -> None:
    """Run until the standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's
    # Frames have the two pipes to themselves; whatever a library prints goes to stderr.
    source, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    connect_timeout = float(sys.argv[1])
    worker = _Worker(output, connect_timeout)
    loop = _Loop(connect_timeout)
    asyncio.set_event_loop(loop)
    threading.Thread(target=_read, args=(source, loop, worker), daemon=True).start()
    try:
        _import_litellm()
    except Exception as error:
        worker.send(Unusable(f"{type(error).__name__}: {error}"))
        os._exit(1)
    worker.send(Ready())
    loop.run_forever()


if __name__ == "__main__":
    main()
