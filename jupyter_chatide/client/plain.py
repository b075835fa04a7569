"""Text from a model or a kernel, made harmless for a terminal.

Terminals obey what is written to them: escape sequences rename windows, answer for the user, write
to the clipboard. Nothing of that comes through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# ECMA-48 control sequences: CSI … final byte, and the strings (OSC, DCS, SOS, PM, APC) up to
# their terminator, BEL or the end of the line; with a lone ESC, or with the 8-bit forms.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$)"
    r"|\x1b[ -/]*[0-~]"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RESET = "\x1b[0m"

# Left over control characters are shown as their pictures; characters that reorder or hide
# neighbouring text, as a replacement character.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_PICTURES[0x7F] = 0x2421
_HIDING = [*range(0x80, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_PICTURES |= dict.fromkeys(_HIDING, 0xFFFD)


def plain(text: str) -> str:
    """``text`` with new lines and tabs, and no other control characters or sequences."""
    return _SEQUENCES.sub("", text).replace("\r\n", "\n").translate(_PICTURES)


def coloured(text: str) -> str:
    """As ``plain``, but colours stay, as tracebacks have them. They end where the text ends."""
    parts: list[str] = []
    end = 0
    for colour in _COLOUR.finditer(text):
        parts += [plain(text[end : colour.start()]), colour[0]]
        end = colour.end()
    parts.append(plain(text[end:]))
    if end:
        parts.append(_RESET)
    return "".join(parts)


class PlainLines:
    """Printed text as its lines stand in the end: a carriage return begins a line again.

    Gives whole lines, so that no escape sequence is cut in two.

    Args:
        clean: makes a line harmless: ``plain`` or ``coloured``.
    """

    def __init__(self, clean: Callable[[str], str] = plain) -> None:
        self._clean = clean
        self._line = ""

    def feed(self, text: str) -> str:
        """Take in more text; returns the lines that are complete now."""
        *complete, self._line = (self._line + text).split("\n")
        self._line = _overwritten(self._line, open=True)
        return "".join(f"{self._clean(_overwritten(line))}\n" for line in complete)

    def finish(self) -> str:
        """The line that was not ended, ended."""
        line, self._line = self._clean(_overwritten(self._line)), ""
        return f"{line}\n" if line else ""


def _overwritten(line: str, open: bool = False) -> str:
    """What stands in a line after its carriage returns; an open one may yet be overwritten."""
    stripped = line.rstrip("\r")
    kept = stripped.rpartition("\r")[2]
    return kept + "\r" if open and stripped != line else kept
