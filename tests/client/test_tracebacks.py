"""Tracebacks are as long as a reader likes them."""

from __future__ import annotations

from jupyter_chatide.client.tracebacks import readable

HEAD = ["\x1b[31m-----\x1b[39m", "\x1b[31mKeyError\x1b[39m   Traceback (most recent call last)"]
CELL = "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[1], line 4\x1b[39m\n----> 4 f()\n"
LIBRARY = "\x1b[36mFile \x1b[39m\x1b[32m/lib/pandas/{}.py:1\x1b[39m, in f()\n"
ERROR = "\x1b[31mKeyError\x1b[39m: 'gender'"


def test_of_libraries_only_the_last_frame_is_shown() -> None:
    libraries = [LIBRARY.format(name) for name in "abcd"]
    assert readable([*HEAD, CELL, *libraries, ERROR]) == [
        *HEAD,
        CELL,
        "[… 3 frames of libraries …]\n",
        libraries[-1],
        ERROR,
    ]


def test_a_short_traceback_stays_as_it_is() -> None:
    for parts in ([], [ERROR], [*HEAD, CELL, LIBRARY, LIBRARY, ERROR]):
        assert readable(parts) == parts
