"""The action parser inside a fence: its content, its closing line, what its first line tells."""

from __future__ import annotations

from enum import Enum

from .action_events import Action, ActionClosed, ActionOpened, Collector
from .events import ActionKind
from .fences import holds_fences, is_search_marker, kind_of_file, may_hold_path, path_in_comment
from .lists import dedent, width
from .prose import LONGEST, Opening


class _Line(Enum):
    """What the line at hand in a fence may still be."""

    INDENT = 0  # anything: only blanks so far, or a blank line
    RETURN = 1  # blanks and a carriage return
    RUN = 2  # in a run of marks
    CLOSING = 3  # behind a run that closes, only blanks so far
    INNER = 4  # the opening line of an inner fence
    CONTENT = 5


class Block:
    """Inside a fence."""

    def __init__(self, opening: Opening, events: Collector) -> None:
        self._opening = opening
        self._info = opening.info
        self._path = opening.path
        self._kind: ActionKind = self._info.kind
        self._opened = False
        self._nameable = self._info.may_be_named_nearby and not self._path
        self._seeking = False  # the line that would say it is an edit
        self._nests = False
        self._inner = 0  # length of the inner fence that is open
        self._indent = None if opening.column else 0  # columns that content loses
        self._parts: list[str] = []
        self._begin_line()
        if self._path:
            self._name(self._path)
        elif not self._nameable:
            self._say_opened(events)

    @property
    def opening(self) -> Opening:
        """Its opening line."""
        return self._opening

    @property
    def path(self) -> str:
        """The file that it holds, as far as it is known."""
        return self._path

    @property
    def nests(self) -> bool:
        """Whether other fences may stand in it."""
        return self._nests

    def _begin_line(self) -> None:
        self._held: list[str] | None = []  # None: the line is content and flows
        self._size = 0
        self._line = _Line.INDENT
        self._line_column = 0
        self._run = 0

    def take(self, piece: str, events: Collector, *, ended: bool) -> bool:
        """Returns whether the fence is closed."""
        if self._held is None:
            self._say(piece, piece, events)
        else:
            self._held.append(piece)
            self._size += len(piece)
            self._scan(piece)
            if not ended and (self._line is not _Line.CONTENT or self._may_tell(self._held)):
                return False
            line = "".join(self._held)
            self._held = None
            if ended and self._closes():
                if not self._inner:
                    self.close(line, events, complete=True)
                    return True
                self._inner = 0
            elif self._line is _Line.INNER:
                self._inner = self._run
            self._tell(line, events)
            self._say(self._dedented(line), line, events)
        if ended:
            self._begin_line()
        return False

    def break_off(self, events: Collector) -> None:
        """End the action in the middle of a line, which is content whatever it looks like."""
        line = "".join(self._held or ())
        self._say_opened(events)
        self._say(self._dedented(line), line, events)
        self.close("", events, complete=False)

    def close(self, raw: str, events: Collector, *, complete: bool) -> None:
        """End the action; ``raw`` is its closing line."""
        self._say_opened(events)
        action = Action(
            kind=self._kind,
            language=self._info.language,
            path=self._path,
            content="".join(self._parts),
            complete=complete,
            port=self._info.port,
        )
        events.put(ActionClosed(action, raw))

    def _scan(self, piece: str) -> None:
        """Follow the line as long as it may close this fence or open an inner one."""
        mark = self._opening.mark
        for at, character in enumerate(piece):
            if self._line is _Line.INDENT:
                if character == " ":
                    self._line_column += 1
                elif character == "\t":
                    self._line_column += 4 - self._line_column % 4
                elif character == "\r":
                    self._line = _Line.RETURN
                elif character == mark and self._line_column <= self._opening.column + 3:
                    self._line, self._run = _Line.RUN, 1
                elif character != "\n":
                    self._line = _Line.CONTENT
            elif self._line is _Line.RETURN:
                self._line = _Line.INDENT if character == "\n" else _Line.CONTENT
            elif self._line is _Line.RUN and character == mark:
                self._run += 1
            elif self._line in (_Line.RUN, _Line.CLOSING):
                if self._run < (self._inner or self._opening.length):
                    self._line = _Line.CONTENT
                elif character in " \t\r\n":
                    self._line = _Line.CLOSING
                else:
                    self._line = _Line.INNER if self._nests and not self._inner else _Line.CONTENT
            if self._line is _Line.INNER and mark == "`" and mark in piece[at:]:
                self._line = _Line.CONTENT
            if self._line in (_Line.INNER, _Line.CONTENT):
                return

    def _closes(self) -> bool:
        return self._line is _Line.CLOSING or (
            self._line is _Line.RUN and self._run >= (self._inner or self._opening.length)
        )

    def _may_tell(self, held: list[str]) -> bool:
        """Whether the rest of the line may still decide the kind."""
        if not (self._nameable or self._seeking) or self._size > LONGEST:
            return False
        start = "".join(held).lstrip(" \t")
        return start.startswith("<") if self._seeking else may_hold_path(start)

    def _tell(self, line: str, events: Collector) -> None:
        """Let a first line decide the kind: a comment with the path, or a SEARCH marker."""
        if not (self._nameable or self._seeking):
            return
        short = len(line.removesuffix("\n")) <= LONGEST
        if self._seeking:
            if short and is_search_marker(line):
                self._kind = "edit"
            self._seeking = self._kind == "file" and self._line is _Line.INDENT
        else:
            self._nameable = False
            path = path_in_comment(line, self._info.language) if short else ""
            if path:
                self._name(path)
        self._say_opened(events)

    def _name(self, path: str) -> None:
        self._path = path
        self._kind = kind_of_file(self._info.language, path)
        self._nests = holds_fences(self._info.language, path)
        self._seeking = True

    def _dedented(self, line: str) -> str:
        if self._opening.column == 0:
            return line
        if self._indent is None and self._line is not _Line.INDENT:
            self._indent = min(self._opening.column, width(line, 0)[0])
        return dedent(line, self._opening.column if self._indent is None else self._indent)

    def _say_opened(self, events: Collector) -> None:
        if not self._opened:
            self._opened = True
            opening = self._opening
            event = ActionOpened(self._kind, self._info.language, self._path, opening.raw)
            events.put(event)

    def _say(self, text: str, raw: str, events: Collector) -> None:
        self._parts.append(text)
        events.content(text, raw)
