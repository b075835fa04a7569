"""SEARCH/REPLACE blocks: reading them, and applying them to a file's text.

A block names whole lines of the file and what takes their place::

    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

The old lines are looked for as written; then without trailing blanks; then without the blanks at
both edges (the new lines then take on the file's indentation); then with typographic look-alikes
made equal. The first of these that finds them decides, and it must find them in one place only.
Text outside the blocks has no place in the file and is ignored.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from ..errors import ChatIDEError

_SEARCH = re.compile(r"[ \t]*(<{5,9}) ?SEARCH\b.*", re.I)
_DIVIDER = re.compile(r"[ \t]*(={5,9})[ \t]*")
_REPLACE = re.compile(r"[ \t]*>{5,9} ?REPLACE\b.*", re.I)
_INDENT = re.compile(r"[ \t]*")

# What models write for what a keyboard has, beyond Unicode's own compatibility forms.
_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", ""),
    }
)


class EditError(ChatIDEError):
    """An edit does not fit the file, which stays as it is.

    Args:
        message: which block is wrong, and how.
        hint: one thing to do about it.
        block: its number, from 1; 0 where there is none.
    """

    code = "edit"

    def __init__(self, message: str, hint: str = "", *, block: int = 0) -> None:
        super().__init__(message, hint or "Ask for the whole file instead.")
        self.block = block


class EditBlock(msgspec.Struct, frozen=True):
    """One block: the lines to find and the lines to put there, each with its line end."""

    search: list[str]
    replace: list[str]


def parse_edits(content: str) -> list[EditBlock]:
    """Read the blocks of an edit.

    The markers may have 5 to 9 characters. The dividing line is the first one as long as its
    SEARCH marker, so that an underlined title (``=====``) in the text does not divide; where
    there is none, the first of any length.

    Raises:
        EditError: there is no block, or one is not complete.
    """
    lines = _lines(content)
    blocks: list[EditBlock] = []
    at = 0
    while at < len(lines):
        opening = _match(_SEARCH, lines[at])
        if not opening:
            at += 1
            continue
        number = len(blocks) + 1
        end = next((i for i in range(at + 1, len(lines)) if _match(_REPLACE, lines[i])), None)
        body = lines[at + 1 : end]
        if end is None or any(_match(_SEARCH, line) for line in body):
            raise EditError(f"SEARCH block {number} has no line >>>>>>> REPLACE.", block=number)
        dividers = [
            (i, found[1]) for i, line in enumerate(body) if (found := _match(_DIVIDER, line))
        ]
        if not dividers:
            raise EditError(f"SEARCH block {number} has no line =======.", block=number)
        same = (i for i, marks in dividers if len(marks) == len(opening[1]))
        middle = next(same, dividers[0][0])
        blocks.append(EditBlock(body[:middle], body[middle + 1 :]))
        at = end + 1
    if not blocks:
        raise EditError("The edit holds no SEARCH/REPLACE block.")
    return blocks


def apply_edits(text: str | None, content: str) -> str:
    """Apply an edit's blocks, one after the other, all of them or none.

    Args:
        text: the file's text; ``None`` where there is no such file. A block with nothing to
            search for creates it.
        content: the edit, as the model wrote it.

    Returns:
        The new text. What no block names is unchanged, to the byte.

    Raises:
        EditError: a block is not complete, matches nothing, or more than one place.
    """
    blocks = parse_edits(content)
    for number, block in enumerate(blocks, 1):
        text = _apply(text, block, f"SEARCH block {number} of {len(blocks)}", number)
    return text or ""


def _apply(text: str | None, block: EditBlock, name: str, number: int) -> str:
    if not any(line.strip() for line in block.search):
        if text and text.strip():
            message = f"{name} has nothing to search for, and the file is not empty."
            raise EditError(message, block=number)
        return "".join(block.replace)
    if text is None:
        raise EditError(f"{name} searches in a file that does not exist.", block=number)
    lines = _lines(text)
    for key in (_exactly, _without_trailing_blanks, _without_edges, _normalised):
        places = _places([key(line) for line in lines], [key(line) for line in block.search])
        if len(places) > 1:
            message = f"{name} matches {len(places)} places in the file."
            raise EditError(message, "Ask for an edit with more lines around it.", block=number)
        if places:
            end = places[0] + len(block.search)
            new = _fit(block, lines[places[0] : end])
            if new is None:
                break
            return "".join([*lines[: places[0]], *new, *lines[end:]])
    first = next(line.strip() for line in block.search if line.strip())
    raise EditError(f"{name} matches nothing in the file; it begins “{first[:60]}”.", block=number)


def _places(lines: list[str], search: list[str]) -> list[int]:
    size = len(search)
    last = len(lines) - size
    return [i for i in range(last + 1) if lines[i] == search[0] and lines[i : i + size] == search]


def _fit(block: EditBlock, found: list[str]) -> list[str] | None:
    """The new lines, indented and ended as the lines ``found`` in their place are.

    ``None`` where the searched lines do not tell how deep the new ones belong: one indentation
    there stands for several in the file.
    """
    indents: dict[str, str] = {}
    for old, line in zip(block.search, found, strict=True):
        if old.strip() and indents.setdefault(_indent(old), _indent(line)) != _indent(line):
            return None
    end = "\r\n" if found[0].endswith("\r\n") else "\n"
    new = [_indented(_exactly(line), indents) + end for line in block.replace]
    if new and not found[-1].endswith("\n"):
        new[-1] = _exactly(new[-1])
    return new


def _indented(line: str, indents: dict[str, str]) -> str:
    """``line`` with its indentation translated as that of the searched lines is in the file."""
    indent = _indent(line)
    if not line.strip() or not indents:
        return line
    known = [old for old in indents if indent.startswith(old)]
    if known:
        nearest = max(known, key=len)
        return indents[nearest] + line[len(nearest) :]
    # Less indented than anything searched for: shift it as far as the least indented line.
    old = min(indents, key=len)
    new = indents[old]
    if new.endswith(old):
        return new.removesuffix(old) + line
    return line.removeprefix(old.removesuffix(new)) if old.endswith(new) else line


def _lines(text: str) -> list[str]:
    """``text`` cut behind its line feeds: other characters that Python calls ends are text."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    return pattern.fullmatch(_exactly(line))


def _indent(line: str) -> str:
    found = _INDENT.match(line)
    return found[0] if found else ""


def _exactly(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _without_trailing_blanks(line: str) -> str:
    return line.rstrip()


def _without_edges(line: str) -> str:
    return line.strip()


def _normalised(line: str) -> str:
    return unicodedata.normalize("NFKC", line).translate(_LOOK_ALIKES).strip()
