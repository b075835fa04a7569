"""What the server and the litellm worker say to each other: one JSON frame a line.

The server writes ``ToWorker`` frames to the worker's standard input and reads ``FromWorker``
frames from its standard output. ``stream`` numbers an answer; it is never used twice.
"""

from __future__ import annotations

import msgspec

from ..adapter import Target
from ..errors import GatewayError
from ..messages import (
    FinishReason,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)

AnswerDelta = TextDelta | ReasoningDelta | ToolCallDelta | UsageDelta

WINDOW = 65_536
"""Bytes of one answer that may be on their way to a reader who has not taken them yet. At that
point the worker stops reading from the provider, so that a slow reader costs no memory."""

FRAME_TEXT = 16_384
"""Characters in one delta at most; longer pieces are split."""

LINE_LIMIT = 1_048_576
"""Bytes that a line from the worker may have: more than any frame, escapes included."""

_ERRORS: dict[str, type[GatewayError]] = {
    error.code: error for error in GatewayError.__subclasses__()
}


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Start an answer.

    Args:
        stream: the answer's number.
        target: whom to ask; its key lives in the worker only as long as it is used.
        request: what to ask.
        total: seconds after which the worker gives up by itself.
    """

    stream: int
    target: Target
    request: LLMRequest
    total: float

    def __repr__(self) -> str:  # prompts belong into no log
        return f"Ask({self.stream}, {self.target!r})"


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The reader took ``size`` bytes of the answer: as many more may follow."""

    stream: int
    size: int


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody reads the answer any more: close the connection. ``Cancelled`` confirms it."""

    stream: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """litellm is imported; questions are welcome."""


class Unusable(msgspec.Struct, frozen=True, tag="unusable"):
    """litellm cannot be imported; the worker ends. ``reason`` names the exception."""

    reason: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """What came in since the last frame."""

    stream: int
    delta: AnswerDelta


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The answer is complete."""

    stream: int
    reason: FinishReason


class Failed(msgspec.Struct, frozen=True, tag="failed", omit_defaults=True):
    """The answer failed: the fields of the ``GatewayError`` that says why."""

    stream: int
    code: str
    message: str
    hint: str = ""
    status: int | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, stream: int, error: GatewayError) -> Failed:
        """The frame that carries an error."""
        return cls(stream, error.code, error.message, error.hint, error.status, error.retry_after)

    def error(self) -> GatewayError:
        """The error that the frame carries."""
        kind = _ERRORS.get(self.code, GatewayError)
        return kind(self.message, self.hint, status=self.status, retry_after=self.retry_after)


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """The answer was cancelled and its connection is closed."""

    stream: int


ToWorker = Ask | Taken | Cancel
FromWorker = Ready | Unusable | Said | Finished | Failed | Cancelled

_encoder = msgspec.json.Encoder()
to_worker_decoder: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
from_worker_decoder: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


def encode(frame: ToWorker | FromWorker) -> bytes:
    """One frame as a line."""
    return _encoder.encode(frame) + b"\n"
