"""Two streams of one terminal: results on standard output, what is said about them on the other."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TextIO

from .plain import coloured, plain

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_CLEAR = "\r\x1b[K"


class Console:
    """Writes results and remarks; keeps a status line where a person looks on.

    Callers pass text that is safe for a terminal (see ``plain``), but for ``note`` and ``status``,
    which see to it themselves.

    Args:
        out: where results go; ``None`` for nowhere.
        err: where remarks and the status line go.
        environ: asked for ``NO_COLOR`` and ``TERM``; the process's unless given.
    """

    def __init__(
        self, out: TextIO | None, err: TextIO, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = os.environ if environ is None else environ
        fancy = environ.get("TERM") != "dumb"
        colours = fancy and not environ.get("NO_COLOR")
        self._out = out
        self._err = err
        self._out_colours = colours and out is not None and out.isatty()
        self._err_colours = colours and err.isatty()
        self._live = fancy and err.isatty()
        self._ended = "\n\n"  # the last two characters of the results
        self._status = ""
        self._since = 0.0
        self._drawn = False

    @property
    def apart(self) -> bool:
        """Whether what comes next stands apart by an empty line already."""
        return self._ended == "\n\n"

    def write(self, text: str) -> None:
        """Write a result, or a piece of one."""
        if not text or self._out is None:
            return
        self._erase()
        self._out.write(text)
        self._out.flush()
        self._ended = (self._ended + text)[-2:]

    def paragraph(self) -> None:
        """Make what comes next stand apart by an empty line."""
        missing = 2 - (len(self._ended) - len(self._ended.rstrip("\n")))
        self.write("\n" * missing)

    def end_line(self) -> None:
        """Make what comes next begin a line."""
        if not self._ended.endswith("\n"):
            self.write("\n")

    def write_beside(self, text: str) -> None:
        """Write what code printed on its standard error."""
        self._erase()
        self._err.write(text)
        self._err.flush()

    def dim(self, text: str) -> str:
        """A result's less important part, for ``write``."""
        line = text.rstrip("\n")
        if not (self._out_colours and line):
            return text
        return f"\x1b[2m{line}\x1b[0m{text[len(line) :]}"

    def traceback(self, text: str) -> str:
        """A traceback, for ``write_beside``: in colours where there are any."""
        return coloured(text) if self._err_colours else plain(text)

    def note(self, message: str, hint: str = "", *, dim: bool = False) -> None:
        """Remark something, on a line of its own."""
        self.end_line()
        text = plain(" ".join(f"{message} {hint}".split()))
        self.write_beside(f"\x1b[2m{text}\x1b[0m\n" if dim and self._err_colours else f"{text}\n")

    def status(self, text: str) -> None:
        """Say what goes on, until something else does; ``""`` for nothing."""
        text = plain(text)
        if text != self._status:
            self._status, self._since = text, time.monotonic()
            self._erase()
        self.tick()

    def tick(self) -> None:
        """Draw the status line as it is now; a person sees that something goes on."""
        if not (self._live and self._status and self._ended.endswith("\n")):
            return
        now = time.monotonic()
        seconds = int(now - self._since)
        frame = _FRAMES[int(now * 10) % len(_FRAMES)]
        line = f"{frame} {self._status}" + f" {seconds} s" * (seconds > 1)
        self._err.write(_CLEAR + (f"\x1b[2m{line}\x1b[0m" if self._err_colours else line))
        self._err.flush()
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._err.write(_CLEAR)
            self._err.flush()
            self._drawn = False
