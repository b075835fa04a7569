"""Reasoning that a model writes into its answer: ``<think>`` and what follows, at its beginning.

Most providers send reasoning apart from the answer. Where one does not (a local server without a
parser for its model), it stands in tags, once, before the answer, and in each continuation again.
Tags further down are the answer's own.
"""

from __future__ import annotations

import re

_OPENING = re.compile(r"\s*<think(?:ing)?>\s*", re.I)
_CLOSING = re.compile(r"</think(?:ing)?>", re.I)
_OPENING_TAGS = ("<think>", "<thinking>")
_CLOSING_TAGS = ("</think>", "</thinking>")
_MOST_BLANKS = 1_000
_GAP = "\n\n"  # what models set between their reasoning and the answer


class Thinking:
    """Takes one answer as it streams, and tells its reasoning from its text."""

    def __init__(self) -> None:
        self._held = ""
        self._take = self._begin

    def feed(self, piece: str) -> tuple[str, str]:
        """Take the next piece of the answer.

        Returns:
            Reasoning, and the text behind it.
        """
        self._held += piece
        return self._take(ended=False)

    def close(self) -> tuple[str, str]:
        """Take the end of the answer; gives what was held back, as ``feed`` does."""
        return self._take(ended=True)

    def _begin(self, *, ended: bool) -> tuple[str, str]:
        start = self._held.lstrip().lower()
        opening = _OPENING.match(self._held)
        may_open = any(tag.startswith(start) for tag in _OPENING_TAGS)
        ended = ended or len(self._held) > _MOST_BLANKS
        if not ended and (may_open or (opening and opening.end() == len(self._held))):
            return "", ""  # the tag, or blanks behind it, may go on
        if opening is None:
            self._take = self._answer
        else:
            self._held = self._held[opening.end() :]
            self._take = self._think
        return self._take(ended=ended)

    def _think(self, *, ended: bool) -> tuple[str, str]:
        closing = _CLOSING.search(self._held)
        if closing:
            reasoning, self._held = self._held[: closing.start()], self._held[closing.end() :]
            self._take = self._leave
            _, text = self._leave(ended=ended)
            return reasoning, text
        keep = 0 if ended else _begun(self._held)
        at = len(self._held) - keep
        reasoning, self._held = self._held[:at], self._held[at:]
        return reasoning, ""

    def _leave(self, *, ended: bool) -> tuple[str, str]:
        if not ended and _GAP.startswith(self._held) and self._held != _GAP:
            return "", ""
        blanks = len(self._held) - len(self._held.lstrip("\n"))
        self._held = self._held[min(blanks, len(_GAP)) :]
        self._take = self._answer
        return self._answer(ended=ended)

    def _answer(self, *, ended: bool) -> tuple[str, str]:
        text, self._held = self._held, ""
        return "", text


def _begun(text: str) -> int:
    """How many of the last characters may be the beginning of the closing tag."""
    longest = len(_CLOSING_TAGS[-1]) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-size:].lower()) for tag in _CLOSING_TAGS):
            return size
    return 0
