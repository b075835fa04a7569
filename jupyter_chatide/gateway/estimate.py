"""A guess at the tokens of a request that its provider did not count, for budgets only.

A stream that is stopped or breaks off ends before its provider says what it took. A budget that
counted nothing for it could be passed by stopping each answer.
"""

from __future__ import annotations

import msgspec

from .messages import AnyDelta, LLMRequest, ReasoningDelta, TextDelta, ToolCallDelta, UsageDelta

_CHARACTERS = 4  # of a token, in most languages and most code


class Estimate:
    """Grows with an answer, and begins anew where the provider says what it took so far.

    Args:
        request: what is asked.
    """

    def __init__(self, request: LLMRequest) -> None:
        self._given = sum(
            len(message.text) + sum(len(call.arguments) for call in message.tool_calls)
            for message in request.messages
        )
        if request.tools:
            self._given += len(msgspec.json.encode(request.tools))
        self._made = 0

    def take(self, delta: AnyDelta) -> None:
        """Take in the next piece of the answer."""
        match delta:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                self._made += len(text)
            case ToolCallDelta():
                self._made += len(delta.name) + len(delta.arguments)
            case UsageDelta():
                self._given = self._made = 0

    @property
    def usage(self) -> UsageDelta:
        """The tokens of all that was not counted."""
        return UsageDelta(-(-self._given // _CHARACTERS), -(-self._made // _CHARACTERS))
