"""Markdown that streams into a notebook: cut into blocks, and kept from carrying HTML."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_CONTINUED = re.compile(r"\s|[-*+]\s|\d{1,9}[.)]\s")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""Where an HTML tag begins, or anything else that is not text."""

# Code on one line, between runs of backticks of one length, with nothing by which a renderer
# might see its end elsewhere: in such code a tag is only text.
_CODE = re.compile(r"(?<![`\\])(`+)(?!`)([^`|\n]+)(?<!`)\1(?!`)")


class MarkdownBlocks:
    """Cuts streaming Markdown at empty lines, where what follows does not depend on it.

    Lists, fences and displayed formulas stay whole.
    """

    def __init__(self) -> None:
        self.open = ""
        """The block that may still grow."""
        self._line_start = 0  # of the open block's last line, in it
        self._fence = ""
        self._formula = False
        self._list = False
        self._blank = False  # the last whole line was empty, so the block may end here

    def feed(self, text: str) -> list[str]:
        """Take in more text; returns the blocks that are complete now."""
        complete: list[str] = []
        self.open += text
        while (end := self.open.find("\n", self._line_start)) >= 0:
            self._take_line(self.open[self._line_start : end], complete)
            self._line_start = self.open.index("\n", self._line_start) + 1
        return complete

    def finish(self) -> list[str]:
        """The blocks that are left; a new text may follow."""
        complete: list[str] = []
        self._take_line(self.open[self._line_start :], complete)
        complete.append(self.open)
        self.__init__()  # type: ignore[misc]
        return complete

    def _take_line(self, line: str, complete: list[str]) -> None:
        if not line.strip():
            self._blank = True
            return
        ends = self._blank and not self._fence and not self._formula
        if ends and not (self._list and _CONTINUED.match(line)):
            complete.append(self.open[: self._line_start])
            self.open = self.open[self._line_start :]
            self._line_start = 0
            self._list = False
        self._blank = False
        self._list = self._list or bool(_ITEM.match(line))
        self._follow_fence(line)
        if not self._fence and line.count("$$") % 2:
            self._formula = not self._formula

    def _follow_fence(self, line: str) -> None:
        fence = _FENCE.match(line)
        if not fence:
            return
        if not self._fence:
            self._fence = fence[1]
        elif fence[1].startswith(self._fence) and not line[fence.end() :].strip():
            self._fence = ""


def without_html(markdown: str) -> str:
    """Markdown in which every tag is text: for renderers that do not sanitise (nbconvert's).

    Where it is in doubt whether something is code, it is treated as if it were not; then a tag
    in it shows as ``&lt;``.
    """
    parts: list[str] = []
    end = 0
    for code in _CODE.finditer(markdown):
        parts += [TAG.sub("&lt;", markdown[end : code.start()]), code[0]]
        end = code.end()
    parts.append(TAG.sub("&lt;", markdown[end:]))
    return "".join(parts)


def fenced(code: str, language: str = "") -> str:
    """Code in a fence that it cannot close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    language = re.sub(r"[^\w+#.-]", "", language)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def escaped(text: str) -> str:
    """Text as Markdown that shows just that, on one line."""
    return re.sub(r"([\\`*_{}\[\]|<>$~])", r"\\\1", " ".join(text.split()))
