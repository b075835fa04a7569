"""The seam between a reply that broke off and its continuation: what models add there is removed.

Asked to go on, most models do not begin with the very next character: they open the fence again
that they are inside of, repeat the last line or lines, or announce that they go on. ``Seam`` holds
the beginning of a continuation back until it is told apart from real content; all that comes later
passes as it is.

Where a continuation may as well be exact, nothing is removed: a repetition counts only if it is
long enough for a coincidence to be unlikely, and not where the text repeats itself there anyway.
"""

from __future__ import annotations

import re

from .blocks import Block
from .fences import read_info

REACH = 600  # characters of the end of a reply that a continuation may repeat

_LONGEST_DOUBT = 2_000  # characters
_LONGEST_LINE = 200  # of an opening line, or of an announcement
_ANNOUNCEMENTS = 2  # lines
_FIRST_WORDS = (
    *("alright", "and", "apologies", "carrying", "certainly", "continuation", "continued"),
    *("continuing", "going", "here", "i", "let", "now", "of", "ok", "okay", "picking", "resuming"),
    *("right", "sorry", "sure", "the", "yes"),
)
_VALUE = re.compile(r"[\w.'\"+-]+,")
_FIRST_WORD = re.compile(r"[^\w`~]*([a-z]*)(.?)", re.I | re.S)


class Seam:
    """Takes a continuation as it streams, and gives what belongs to the reply.

    Args:
        written: the whole reply so far, as the model wrote it.
        block: the fence that it ends inside of.
    """

    def __init__(self, written: str, block: Block | None) -> None:
        self._block = block
        self._written = written
        self._tail = written[-REACH:]
        self._line = written[written.rfind("\n") + 1 :]  # the last one, as far as it goes
        self._held: str | None = ""  # None once all passes

    def feed(self, text: str) -> str:
        """Take the next piece of the continuation; gives what is known to belong to the reply."""
        if self._held is None:
            return text
        self._held += text
        return self._judge(self._held, ended=len(self._held) > _LONGEST_DOUBT)

    def close(self) -> str:
        """Take the end of the continuation; gives what was still held back."""
        return "" if self._held is None else self._judge(self._held, ended=True)

    def _judge(self, start: str, *, ended: bool) -> str:
        if not start:
            return ""
        fence = 0 if self._closing else self._reopened(start, ended=ended)
        if fence is None:
            return ""
        bare = fence > 0 and self._bare(start[:fence])
        repeated = self._repeated(start[fence:], ended=ended, anew=fence > 0 and not bare)
        if repeated is None:
            return ""
        if bare and not repeated:
            fence = 0  # it is the closing line
        line, newline, _ = start.partition("\n")
        if self._closing and not repeated and _mark_run(line):
            # It may be more of the closing line, or a fence that wants a line of its own.
            if not newline and not ended:
                return ""
            start = start if self._bare(line) else "\n" + start
        self._held = None
        return start[fence + repeated :]

    @property
    def _closing(self) -> bool:
        """Whether the last line is the closing one of the fence, but for its end."""
        line = self._line.strip(" \t\r")
        opening = self._block.opening if self._block and not self._block.nests else None
        return bool(opening and len(line) >= opening.length and line == opening.mark * len(line))

    def _reopened(self, start: str, *, ended: bool) -> int | None:
        """How much of ``start`` opens the fence again; ``None`` if that is not clear yet."""
        if self._block is None:
            return 0
        announced = at = 0
        while True:
            end = start.find("\n", at)
            line = (start[at:] if end < 0 else start[at:end]).strip(" \t\r")
            if end < 0 and not ended and self._may_reopen(line, announced):
                return None
            if line and self._opens(line):
                return len(start) if end < 0 else end + 1
            if end < 0:
                return 0
            if line:
                announced += 1
                if announced > _ANNOUNCEMENTS or not _may_announce(line, whole=True):
                    return 0
            at = end + 1

    def _may_reopen(self, line: str, announced: int) -> bool:
        """Whether a line that begins so may open the fence again, or announce that."""
        if len(line) > _LONGEST_LINE:
            return False
        if not line or line in ("`", "``", "~", "~~") or _mark_run(line):
            return True
        return announced < _ANNOUNCEMENTS and _may_announce(line, whole=False)

    def _opens(self, line: str) -> bool:
        """Whether a line opens the fence again that we are inside of."""
        assert self._block
        opening = self._block.opening
        run = _mark_run(line)
        if not run or line[0] != opening.mark:
            return False
        if run == len(line) or line == opening.raw.strip():
            return True  # a bare one may close it as well: what follows tells
        if self._block.nests:
            return False  # it opens one inside of it
        info = read_info(line[run:])
        same_file = bool(info.path) and info.path == self._block.path
        return same_file or bool(info.language and info.language == opening.info.language)

    @staticmethod
    def _bare(fence: str) -> bool:
        line = fence.strip().rpartition("\n")[2].strip()
        return _mark_run(line) == len(line)

    def _repeated(self, start: str, *, ended: bool, anew: bool) -> int | None:
        """How much of ``start`` repeats the reply's end; ``None`` if that is not clear yet.

        ``anew``: it follows a fence that was opened again.
        """
        if not ended and start in self._tail:
            if not self._tail.endswith(start) or self._tail.index(start) < len(self._tail) - len(
                start
            ):
                return None  # it may go on to the end
            if _mark_run(start.strip()):
                return None
        for size in range(min(len(start), len(self._tail)), 0, -1):
            text, behind = start[:size], start[size:]
            if self._tail.endswith(text) and self._convinces(text, behind, anew=anew):
                return size
        return 0

    def _convinces(self, text: str, behind: str, *, anew: bool) -> bool:
        """Whether ``text``, with which the reply ends, would hardly follow on itself."""
        core = text.strip()
        before = self._written[: len(self._written) - len(text)]
        anchored = not before[before.rfind("\n") + 1 :].strip()  # it begins where its line does
        if not self._block and anchored and "\n" not in text and _mark_run(core) == len(core) > 0:
            return not behind.startswith(core[0])  # an opening line, begun twice
        letters = sum(character.isalpha() for character in core)
        if not anchored:
            likely = letters >= 8 and len(core) >= 16
        elif text.endswith("\n"):
            likely = letters >= 8
        elif anew:
            likely = letters >= 1
        elif self._block is None:
            likely = letters >= 2 and (len(core) >= 8 or _mark_run(core) > 0)
        else:
            # Values in a list come twice all the time, names at a line's beginning do not.
            long = 16 if _VALUE.fullmatch(core) else 4 if core[-1:].isalnum() else 3
            likely = letters >= 2 and len(core) >= long
        if not likely or _is_periodic(text):
            return False
        # Where it comes twice already, it may come again.
        line_start = r"^[ \t]*" if anchored else ""
        twice = re.escape(text.lstrip(" \t")) + re.escape(text)
        return re.search(line_start + twice, self._written, re.M) is None


def _mark_run(line: str) -> int:
    """How many marks of a fence ``line`` begins with, 0 where they make none."""
    run = len(line) - len(line.lstrip(line[:1])) if line[:1] in ("`", "~") else 0
    return run if run >= 3 and "`" not in line[run:] else 0


def _may_announce(line: str, *, whole: bool) -> bool:
    """Whether a line, or its beginning, may be a sentence that says that the model goes on."""
    found = _FIRST_WORD.match(line)
    if len(line) > _LONGEST_LINE or found is None:
        return False
    word, behind = found[1].lower(), found[2]
    if behind or whole:
        return word in _FIRST_WORDS
    return any(known.startswith(word) for known in _FIRST_WORDS)


def _is_periodic(text: str) -> bool:
    """Whether ``text`` is one piece, written twice or more."""
    period = (text + text).find(text, 1)
    return period * 2 <= len(text)
