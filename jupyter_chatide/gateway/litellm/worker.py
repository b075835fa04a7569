"""The litellm worker: ``python -m jupyter_chatide.gateway.litellm.worker CONNECT_TIMEOUT``.

A child process of the server, and the only process that imports litellm. It answers the frames
of ``protocol`` on its standard input with those on its standard output, many answers at
a time, and ends when its input closes, however its parent ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, BinaryIO

from ..errors import (
    MalformedReplyError,
    ModelTimeoutError,
    RequestRefusedError,
)
from ..messages import ToolCallDelta
from .outbox import Outbox
from .protocol import (
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
from .reply import LiteLLMReply, chunks
from .request import arguments

REPLY_LIMIT = 10_000_000
"""Characters that one reply may have, reasoning included."""


class _Loop(asyncio.SelectorEventLoop):
    """An event loop with a deadline for connecting, since few of litellm's providers take one."""

    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self._connect_timeout = connect_timeout

    async def sock_connect(self, sock: Any, address: Any) -> None:
        async with asyncio.timeout(self._connect_timeout):
            await super().sock_connect(sock, address)


class _Worker:
    """Answers frames; everything runs in the loop but the reading of the input."""

    def __init__(
        self, output: BinaryIO, connect_timeout: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._output = output
        self._connect_timeout = connect_timeout
        self._loop = loop
        self._unsent: list[bytes] = []
        self._outboxes: dict[int, Outbox] = {}
        self._tasks: dict[int, asyncio.Task[Finished]] = {}

    def handle(self, frame: ToWorker) -> None:
        """Do what a frame says. Answers that have ended are not missed."""
        match frame:
            case Ask():
                outbox = self._outboxes[frame.stream] = Outbox(frame.stream, self.send)
                task = self._tasks[frame.stream] = asyncio.create_task(self._answer(frame, outbox))
                task.add_done_callback(partial(self._ended, frame))
            case Taken() if frame.stream in self._outboxes:
                self._outboxes[frame.stream].taken(frame.size)
            case Cancel() if frame.stream in self._tasks:
                self._tasks[frame.stream].cancel()

    def send(self, frame: FromWorker) -> int:
        """Write a frame with all others of this turn of the loop; return its size in bytes."""
        line = encode(frame)
        if not self._unsent:
            self._loop.call_soon(self._write)
        self._unsent.append(line)
        return len(line)

    def _write(self) -> None:
        lines = b"".join(self._unsent)
        self._unsent.clear()
        try:
            self._output.write(lines)
            self._output.flush()
        except OSError:
            os._exit(0)  # nobody is there to read it

    def _ended(self, ask: Ask, task: asyncio.Task[Finished]) -> None:
        """Say how an answer ended, after all that came of it."""
        self._tasks.pop(ask.stream)
        self._outboxes.pop(ask.stream).flush()
        if task.cancelled():
            self.send(Cancelled(ask.stream))
        elif error := task.exception():
            from .failures import gateway_error

            try:
                said = gateway_error(
                    ask.target, ask.request.model, error, connect=self._connect_timeout
                )
            except Exception:  # whatever it was: its reader must hear of the end
                said = MalformedReplyError(
                    f"{ask.target.provider.label} failed in a way that nobody understands.",
                    "Try again, or choose another model.",
                )
            self.send(Failed.of(ask.stream, said))
        else:
            self.send(task.result())

    async def _answer(self, ask: Ask, outbox: Outbox) -> Finished:
        import litellm

        asked = arguments(ask.target, ask.request, ask.total)
        try:
            async with asyncio.timeout(ask.total) as limit:
                upstream = await litellm.acompletion(**asked)
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

    async def _relay(self, ask: Ask, upstream: Any, outbox: Outbox) -> Finished:
        reply = LiteLLMReply(ask.target, ask.request.model)
        characters = 0
        async with aclosing(chunks(upstream, reply.hear)) as received:
            async for chunk in received:
                for piece in reply.read(chunk):
                    if isinstance(piece, ToolCallDelta):
                        characters += len(piece.arguments) + 1
                        outbox.add_call(piece)
                    else:
                        characters += len(piece[1])
                        outbox.add(*piece)
                if characters > REPLY_LIMIT:
                    raise MalformedReplyError(
                        f"{ask.target.provider.label} sends more than a reply can be.",
                        "Choose another model, or check the base URL.",
                    )
                await outbox.wait_for_room()
        reason = reply.finish()
        if reply.usage is not None:
            outbox.flush()
            self.send(Said(ask.stream, reply.usage))
        return Finished(ask.stream, reason)


def _import_litellm() -> None:
    """Import litellm, and tell it to do nothing but ask: no logs, callbacks, counts, guesses."""
    logging.disable()  # its debug records hold keys and prompts
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True  # a model without a temperature is asked without: `arguments`
    litellm.disable_token_counter = True  # usage is what the provider says, never an estimate
    litellm.disable_hf_tokenizer_download = True
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # a long line of dashes is no failure
    _follow_no_redirects()


def _follow_no_redirects() -> None:
    """Let a key go only where it was meant to.

    litellm and openai make clients that follow redirects, to any host, and httpx takes only
    ``Authorization`` out of what follows, not the headers of Anthropic's and Google's keys.
    """
    import httpx

    never = property(lambda _: False, lambda _client, _wish: None)
    for client in (httpx.Client, httpx.AsyncClient):
        client.follow_redirects = never  # type: ignore[assignment]


async def _warm() -> None:
    """Ask nobody: what litellm imports at its first question, for half a second, is there then."""
    import litellm

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # without listening: a connection is refused
        with suppress(Exception):
            await litellm.acompletion(
                model="anthropic/nobody",
                messages=[{"role": "user", "content": "Nothing."}],
                api_base=f"http://127.0.0.1:{nobody.getsockname()[1]}",
                api_key="none",
                stream=True,
                timeout=1,
                num_retries=0,
                max_retries=0,
            )


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
    loop = _Loop(connect_timeout)
    worker = _Worker(output, connect_timeout, loop)
    asyncio.set_event_loop(loop)
    threading.Thread(target=_read, args=(source, loop, worker), daemon=True).start()
    try:
        _import_litellm()
    except Exception as error:
        output.write(encode(Unusable(f"{type(error).__name__}: {error}")))
        output.flush()
        os._exit(1)
    loop.run_until_complete(_warm())
    worker.send(Ready())
    loop.run_forever()


if __name__ == "__main__":
    main()
