"""The action parser outside fences: text, the lines that may open a fence, reasoning."""

from __future__ import annotations

import re

import msgspec

from .action_events import Collector
from .fences import Info, path_above, read_info
from .lists import ListItems, is_undecided, markers

# No file name line, path comment, SEARCH marker or start of a fence is longer than this.
LONGEST = 200

_THINK = re.compile(r"<think(?:ing)?>", re.I)
_THINK_END = re.compile(r"</think(?:ing)?>", re.I)
_THINK_TAIL = len("</thinking>") - 1


class Opening(msgspec.Struct, frozen=True):
    """The opening line of a fence. ``column`` is where the run of ``length`` marks begins."""

    raw: str
    mark: str
    length: int
    column: int
    info: Info
    path: str  # declared, or named just above


class Reasoning:
    """Inside ``<think>``: all is text, up to the closing tag."""

    def __init__(self) -> None:
        self._tail = ""  # what may be the beginning of the closing tag

    def take(self, piece: str, events: Collector) -> str | None:
        """Returns what stands behind the closing tag, once it is there."""
        window = self._tail + piece
        closing = _THINK_END.search(window)
        if not closing:
            self._tail = window[-_THINK_TAIL:]
            events.text(piece)
            return None
        end = closing.end() - len(self._tail)
        events.text(piece[:end])
        return piece[end:]


class Prose:
    """Outside any fence: text, and the lines that may open one."""

    def __init__(self) -> None:
        self._items = ListItems()
        self.restart()

    def restart(self) -> None:
        """Begin a line of which nothing above matters."""
        self._above = ""
        self._above_alone = False
        self._gap = 1  # blank lines since
        self._begin_line()

    def _begin_line(self) -> None:
        self._held: list[str] | None = []  # None: the line is text and flows
        self._start: list[str] = []  # its first characters
        self._size = 0
        self._blank = True
        self._fence = 0  # where a run of marks begins that may open a fence, ...
        self._column = -1  # ... its column (-1: not seen yet), ...
        self._mark = ""  # ... its mark and length
        self._run = 0
        self._run_over = False

    def take(self, piece: str, events: Collector, *, ended: bool) -> Opening | str | None:
        """Returns the fence that ``piece`` opens, or what stands behind a tag ``<think>``."""
        self._blank = self._blank and not piece.strip(" \t\r\n")
        if self._size <= LONGEST:
            self._start.append(piece)
        self._size += len(piece)
        found: Opening | str | None = None
        if self._held is None:
            events.text(piece)
        else:
            self._held.append(piece)
            found = self._judge(piece, events, self._held, ended)
        if ended and found is None:
            self._end_line()
        return found

    def _judge(
        self, piece: str, events: Collector, held: list[str], ended: bool
    ) -> Opening | str | None:
        if self._column < 0:
            if self._blank and not ended:
                return None
            line = "".join(held)
            at = markers(line)
            tag = _THINK.match(line, at, LONGEST)
            if tag and not line[:at].strip(" \t"):
                events.text(line[: tag.end()])
                self._items = ListItems()
                return line[tag.end() :]
            if line[at : at + 3] in ("```", "~~~") and at + 3 <= LONGEST:
                column = self._items.enter(line[: at + 3], fence=True)
                if column is not None:
                    self._fence, self._column, self._mark = at, column, line[at]
                    piece = line[at:]
            elif self._blank:
                self._items.blank()
            elif not ended and self._size < LONGEST and _may_become_fence(line, at):
                return None
            else:
                self._items.enter(line[:LONGEST], fence=False)
        if self._column >= 0 and self._may_open(piece):
            return self._open(events, "".join(held)) if ended else None
        for part in held:
            events.text(part)
        self._held = None
        return None

    def _may_open(self, piece: str) -> bool:
        """Whether the line may still open a fence: a run of backticks has none behind it."""
        behind = piece
        if not self._run_over:
            behind = piece.lstrip(self._mark)
            self._run += len(piece) - len(behind)
            self._run_over = bool(behind)
        return self._mark == "~" or "`" not in behind

    def _open(self, events: Collector, line: str) -> Opening:
        lead = line[: self._fence].rstrip(" \t")
        at = self._fence if lead else 0  # list markers are text, mere indentation is not
        events.text(line[:at])
        info = read_info(line[self._fence + self._run :])
        path = info.path
        if not path and info.may_be_named_nearby and self._gap <= 1:
            path = path_above(
                self._above,
                info.language,
                inside=self._items.inside,
                adjacent=not self._gap,
                alone=self._above_alone,
            )
        return Opening(line[at:], self._mark, self._run, self._column, info, path)

    def _end_line(self) -> None:
        if self._blank:
            self._gap += 1
        else:
            self._above_alone = self._gap > 0
            self._above = "".join(self._start) if self._size <= LONGEST else ""
            self._gap = 0
        self._begin_line()


def _may_become_fence(line: str, at: int) -> bool:
    """Whether a line that goes on from ``line`` may open a fence or reasoning."""
    start = line[at:]
    return (
        is_undecided(line)
        or start in ("`", "``", "~", "~~")
        or "<thinking>".startswith(start.lower())
    )
