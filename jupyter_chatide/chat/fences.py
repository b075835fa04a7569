"""What a fence says of itself: its info string, and file names that models write around it.

Pure functions on single lines. Where no path is declared, what counts as a file name (in the line
above the fence, in a comment in its first line) is narrow on purpose: the name must be the only
thing there, and its extension must belong to the fence's language. So neither a comment
``# load data.csv`` nor a heading ``data.csv`` turns a Python cell into a file.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

PYTHON = "python"

# Names of a language, and the extensions of its files.
_FAMILIES = (
    ("python", "py pyi pyw"),
    ("javascript js jsx mjs cjs node typescript ts tsx", "js jsx mjs cjs ts tsx"),
    ("html htm xhtml jinja jinja2 django", "html htm xhtml jinja jinja2 j2"),
    ("vue", "vue"),
    ("svelte", "svelte"),
    ("css scss sass less", "css scss sass less"),
    ("json jsonc json5", "json jsonc json5 geojson ipynb"),
    ("yaml yml", "yaml yml"),
    ("toml ini cfg conf properties dotenv", "toml ini cfg conf properties env"),
    ("bash sh shell zsh", "sh bash zsh"),
    ("sql", "sql"),
    ("r", "r"),
    ("julia jl", "jl"),
    ("stan", "stan"),
    ("c", "c h"),
    ("cpp c++ cxx", "cpp cc cxx hpp hh h"),
    ("csharp cs c#", "cs"),
    ("java", "java"),
    ("kotlin kt", "kt kts"),
    ("scala", "scala"),
    ("go golang", "go"),
    ("rust rs", "rs"),
    ("ruby rb", "rb"),
    ("php", "php"),
    ("perl pl", "pl pm"),
    ("lua", "lua"),
    ("swift", "swift"),
    ("haskell hs", "hs"),
    ("xml svg", "xml svg"),
    ("markdown md mdx qmd rmd", "md markdown mdx qmd rmd"),
    ("rst restructuredtext", "rst"),
    ("latex tex bibtex", "tex bib"),
    ("dockerfile docker", "dockerfile"),
    ("makefile make", "makefile mk"),
    ("diff patch", "diff patch"),
)
_EXTENSIONS = {name: frozenset(ends.split()) for names, ends in _FAMILIES for name in names.split()}
# A fence without a language may hold any source file. Data files are not among them: a sample of
# the user's own data, shown under its name, must not overwrite it.
_PLAIN = frozenset({"", "text", "txt", "plain", "plaintext"})
_SOURCES = frozenset().union(*_EXTENSIONS.values()) | {"txt"}
_DECLARED = _SOURCES | {"csv", "tsv", "log", "lock"}
_EXTENSIONLESS = frozenset({"dockerfile", "makefile"})
_DOTFILES = frozenset(
    {".dockerignore", ".editorconfig", ".env", ".flake8", ".gitattributes", ".gitignore"}
)

_PYTHON_NAMES = re.compile(r"i?py(?:thon)?(?:3(?:\.\d+)?)?")
_SHELLS = frozenset({"bash", "sh", "shell", "zsh"})
_MARKDOWN = frozenset({"markdown", "md", "mdx", "qmd", "rmd"})
_DIFFS = frozenset({"diff", "patch"})

# Only blanks separate words: any other character, control characters too, is part of a path.
_BRACES = re.compile(r"([^ \t{}:=\"']*)[ \t]*\{(.*)", re.S)
_LANGUAGE = re.compile(r"[^ \t,:;=]*")
_GAP = re.compile(r"[ \t,;]*")
_KEY = re.compile(
    r"([a-z][\w-]*)[ \t]*=[ \t]*|(path|file|filename|title|port)[ \t]*:[ \t]*", re.I | re.A
)
_QUOTED = re.compile(r"\"([^\"]*)\"?|'([^']*)'?|“([^”]*)”?")
_WORD = re.compile(r"[^ \t]+")
_PATH_KEYS = frozenset({"path", "file", "filename"})
_NORUN = frozenset({"norun", "no-run", "no_run"})
_FLAGS = _NORUN | {"run"}
_MARKS = frozenset({"#", "//", "--", "-", ":"})

_ROOTED = re.compile(r"(?:~?/|\.{1,2}[\\/]|[A-Za-z]:[\\/])[^ \t]")
_EXTENSION = re.compile(r"[^./\\]\.([A-Za-z]\w{0,9})\Z")

# A plausible path in the workspace: nothing that starts at a root or climbs out of a folder.
_RELATIVE = re.compile(r"(?:\./)?(?!\.\.?/)[\w.@+-]+(?:/(?!\.\.?/)[\w.@+-]+)*")
_COMMENTS = (("#", ""), ("//", ""), ("--", ""), ("<!--", "-->"), ("/*", "*/"))
_COMMENT_OPENERS = tuple(opener for opener, _ in _COMMENTS)
_BULLET = re.compile(r"[-*+•][ \t]")
_ORDINAL = re.compile(r"\(?\d{1,3}[.):]{1,2}[ \t]+")
_LABEL = re.compile(r"(?:file ?name|file|path)[ \t*`\"']*[: \t]", re.I)
_DECORATION = re.compile(r"[^\w./@]*")
_TRAILING = re.compile(r"[^\w/]*\Z")
_SEARCH = re.compile(r"<{5,9} ?SEARCH\b[ \t]*:?.*", re.I | re.S)


class Info(msgspec.Struct, frozen=True):
    """What a fence's info string says.

    Args:
        language: lower case; ``python`` for every name of Python; ``""`` where none is given.
        path: the declared path, as written.
        port: of ``serve port=8501``; ``None`` where it is missing or not a port.
        run: the word ``run`` stands there.
        norun: the word ``norun`` stands there.
        unnamed: a path is announced (``path=``) but none follows.
    """

    language: str = ""
    path: str = ""
    port: int | None = None
    run: bool = False
    norun: bool = False
    unnamed: bool = False

    @property
    def kind(self) -> Literal["cell", "file", "shell", "pip", "serve", "example"]:
        """What the info string alone makes of the fence."""
        if self.path:
            return "file"
        if self.norun or self.unnamed:
            return "example"
        if self.language == PYTHON:
            return "cell"
        if self.language in _SHELLS and self.run:
            return "shell"
        if self.language == "pip":
            return "pip"
        if self.language == "serve":
            return "serve"
        return "example"

    @property
    def may_be_named_nearby(self) -> bool:
        """Whether a file name above the fence or in its first line makes it a file."""
        return self.kind == "cell" or (self.kind == "example" and not (self.norun or self.unnamed))


def read_info(text: str) -> Info:
    """Read an info string: what stands behind the opening run of a fence.

    Language, then in any order: ``path=``, ``file=`` or ``filename=`` (quoted or not), a
    ``title=`` that is a file name, ``port=``, ``run``, ``norun``; or the path right behind the
    language (``lang:path``, ``lang path``). All of it may stand in braces.
    """
    text = text.strip(" \t\r\n")
    braces = _BRACES.fullmatch(text)
    if braces:
        inner, _, behind = braces[2].rpartition("}") if "}" in braces[2] else (braces[2], "", "")
        text = f"{braces[1]} {inner} {behind}".strip(" \t").removeprefix(".")
    language, at, attached = _read_language(text)
    path = title = ""
    port: int | None = None
    announced = run = norun = False
    first = True
    while at < len(text):
        key = _KEY.match(text, at)
        if key:
            name = (key[1] or key[2]).lower()
            value, at = _read_value(text, key.end(), words=name in _PATH_KEYS)
            if name in _PATH_KEYS:
                announced = True
                path = path or value
            elif name == "title" and _is_file_name(value):
                title = title or value
            elif name == "port" and value.isascii() and value.isdigit() and len(value) <= 5:
                port = int(value) if 0 < int(value) < 65536 else None
        else:
            value, end = _read_value(text, at, words=attached)
            if value.lower() == "run":
                run = True
            elif value.lower() in _NORUN:
                norun = True
            elif first and value not in _MARKS and _is_file_name(value, any_extension=attached):
                path = path or value
            first = first and value in _MARKS
            at = end
        attached = False
        at = _end(_GAP, text, at)
    path = path or title
    return Info(language, path, port, run, norun, unnamed=announced and not path)


def kind_of_file(language: str, path: str) -> Literal["file", "example"]:
    """What a fence with a path is. A diff is not the file that it changes: it is an example."""
    if language in _DIFFS and not path.lower().endswith((".diff", ".patch")):
        return "example"
    return "file"


def holds_fences(language: str, path: str) -> bool:
    """Whether the content is Markdown in a file, in which fences of the same length may nest."""
    return bool(path) and (
        language in _MARKDOWN or path.lower().rpartition(".")[2] in _EXTENSIONS["markdown"]
    )


def path_above(line: str, language: str, *, inside: bool, adjacent: bool, alone: bool) -> str:
    """The path in the line above a fence, where that line is nothing but a file name.

    Args:
        line: the line, with any heading, emphasis, list marker, ``File:`` around the name.
        language: the fence's.
        inside: whether the fence is inside a list item.
        adjacent: whether no blank line stands between.
        alone: whether nothing but a blank line stands above ``line``.

    A name that is a list item counts where the fence is inside the item. Elsewhere it may be the
    end of a list of files that has nothing to do with the fence: it must stand alone, and a
    bulleted one right above the fence.
    """
    text = _trimmed(line)
    bullet, ordinal = _BULLET.match(text), _ORDINAL.match(text)
    if (bullet or ordinal) and not inside and not (alone and (ordinal or adjacent)):
        return ""
    at = _end(_DECORATION, text, 0)
    for part in (_ORDINAL, _LABEL):
        at = _end(_DECORATION, text, _end(part, text, at))
    trailing = _TRAILING.search(text, at)
    path = text[at : trailing.start()] if trailing else text[at:]
    return path if _belongs(path, language) else ""


def path_in_comment(line: str, language: str) -> str:
    """The path in a fence's first line, where that line is a comment of nothing but a path."""
    text = _trimmed(line)
    for opener, closer in _COMMENTS:
        if opener == "#" and language in _MARKDOWN:  # a heading there
            continue
        if text.startswith(opener) and text.endswith(closer):
            path = text[len(opener) : len(text) - len(closer)].strip(" \t")
            if _belongs(path, language):
                return path
    return ""


def may_hold_path(start: str) -> bool:
    """Whether a first line that starts with ``start`` may be a comment with a path."""
    return start.startswith(_COMMENT_OPENERS) or any(
        opener.startswith(start) for opener in _COMMENT_OPENERS
    )


def is_search_marker(line: str) -> bool:
    """Whether the line opens a SEARCH/REPLACE block."""
    return _SEARCH.fullmatch(_trimmed(line)) is not None


def _trimmed(line: str) -> str:
    """``line`` without its indentation, trailing blanks and line end."""
    return line.lstrip(" \t").rstrip(" \t\r\n")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _read_language(text: str) -> tuple[str, int, bool]:
    """The language, where the rest begins, and whether the rest is attached by a colon."""
    if _KEY.match(text):
        return "", 0, False
    end = _end(_LANGUAGE, text, 0)
    language = text[:end].lower()
    if _PYTHON_NAMES.fullmatch(language):
        language = PYTHON
    colon = text[end : end + 1] == ":"
    at = end + colon
    attached = colon and text[at : at + 1] not in ("", " ", "\t")
    return language, _end(_GAP, text, at), attached


def _read_value(text: str, at: int, *, words: bool) -> tuple[str, int]:
    """One value and where it ends. With ``words``, an unquoted one may be a path with spaces."""
    quoted = _QUOTED.match(text, at)
    if quoted:
        return next(group for group in quoted.groups() if group is not None), quoted.end()
    end = _end(_WORD, text, at)
    if words and not _is_file_name(text[at:end].rstrip(",;"), any_extension=True):
        # path=my app.py: the value goes on to the first word that ends as a file name does
        for word in _WORD.finditer(text, end):
            plain = word[0].rstrip(",;")
            if _KEY.match(text, word.start()) or plain.lower() in _FLAGS:
                break
            if _EXTENSION.search(plain):
                end = word.end()
                break
    return text[at:end].rstrip(",;"), end


def _is_file_name(text: str, *, any_extension: bool = False) -> bool:
    name = re.split(r"[\\/]", text)[-1].lower()
    if name in _EXTENSIONLESS or name in _DOTFILES or _ROOTED.match(text):
        return True
    extension = _EXTENSION.search(name)
    if not extension:
        return False
    return any_extension or "/" in text or extension[1] in _DECLARED


def _belongs(path: str, language: str) -> bool:
    """Whether ``path`` is a plausible relative path to a source file of the language."""
    if not _RELATIVE.fullmatch(path):
        return False
    name = path.rpartition("/")[2].lower()
    found = _EXTENSION.search(name)
    if found:
        extension = found[1]
    elif name in _EXTENSIONLESS:
        extension = name
    else:
        return language in _PLAIN and name in _DOTFILES
    return extension in (_SOURCES if language in _PLAIN else _EXTENSIONS.get(language, ()))
