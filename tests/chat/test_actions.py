"""The action parser as its callers see it: events in time, raw text, what is public."""

from __future__ import annotations

from jupyter_chatide.chat import Action, ActionParser, parse_reply
from jupyter_chatide.chat.actions import (
    ActionClosed,
    ActionDelta,
    ActionEvent,
    ActionOpened,
    TextDelta,
)


def test_the_events_of_a_reply_tell_it_in_order() -> None:
    parser = ActionParser()
    events = parser.feed("Look:\n\n```python\nx = 1\ny = 2\n```\nDone.") + parser.close()
    assert events == [
        TextDelta("Look:\n\n"),
        ActionOpened("cell", "python", "", "```python\n"),
        ActionDelta("x = 1\ny = 2\n", "x = 1\ny = 2\n"),
        ActionClosed(Action("cell", "python", "", "x = 1\ny = 2\n", True), "```\n"),
        TextDelta("Done."),
    ]


def _words(text: str) -> list[list[ActionEvent]]:
    parser = ActionParser()
    return [parser.feed(word) for word in text.split("|")]


def test_prose_goes_out_word_by_word() -> None:
    assert _words("Hel|lo |*world* |`x` |and") == [
        [TextDelta(word)] for word in ("Hel", "lo ", "*world* ", "`x` ", "and")
    ]


def test_a_file_name_line_goes_out_at_once() -> None:
    assert _words("### |app.|py")[1:] == [[TextDelta("app.")], [TextDelta("py")]]


def test_only_what_may_open_a_fence_waits() -> None:
    assert _words("  |`|`|x") == [[], [], [], [TextDelta("  ``x")]]
    assert _words("12|. |y") == [[], [], [TextDelta("12. y")]]
    assert _words("```py|thon| in `|it") == [
        [],
        [],
        [TextDelta("```python in `")],
        [TextDelta("it")],
    ]


def test_code_goes_out_character_by_character() -> None:
    assert _words("```python\n|x| =| 1")[1:] == [
        [ActionOpened("cell", "python", "", "```python\n"), ActionDelta("x", "x")],
        [ActionDelta(" =", " =")],
        [ActionDelta(" 1", " 1")],
    ]


def test_an_action_opens_as_soon_as_its_kind_is_known() -> None:
    opened = {
        "```bash run|\n": ActionOpened("shell", "bash", "", "```bash run\n"),
        "```pip|\n": ActionOpened("pip", "pip", "", "```pip\n"),
        "```serve port=1|\n": ActionOpened("serve", "serve", "", "```serve port=1\n"),
        "```python norun|\n": ActionOpened("example", "python", "", "```python norun\n"),
        "```python path=a.py\n|x": ActionOpened("file", "python", "a.py", "```python path=a.py\n"),
        "```python\n# a.py|\n": ActionOpened("file", "python", "a.py", "```python\n"),
        "```python\n# load|\n": ActionOpened("cell", "python", "", "```python\n"),
        "```python path=a.py\n<<<<<<< SEARCH|\n": ActionOpened(
            "edit", "python", "a.py", "```python path=a.py\n"
        ),
    }
    for text, event in opened.items():
        before, after = _words(text)
        assert before == []
        assert after[0] == event


def test_a_closing_fence_closes_with_its_line() -> None:
    events = _words("```python\nx\n``|`|\n|```|")
    assert events[1] == []
    assert isinstance(events[2][0], ActionClosed)
    assert events[2][0].raw == "```\n"


def test_a_file_turns_into_an_edit_behind_its_path_comment() -> None:
    parser = ActionParser()
    events = parser.feed("```python\n# a.py\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n```")
    events += parser.close()
    assert isinstance(events[0], ActionOpened)
    assert isinstance(events[-1], ActionClosed)
    assert (events[0].kind, events[-1].action.kind) == ("file", "edit")


def test_an_indented_fence_keeps_its_text_in_raw() -> None:
    parser = ActionParser()
    events = parser.feed("- ```python\n  x = 1\n  ```\n") + parser.close()
    assert events == [
        TextDelta("- "),
        ActionOpened("cell", "python", "", "```python\n"),
        ActionDelta("x = 1\n", "  x = 1\n"),
        ActionClosed(Action("cell", "python", "", "x = 1\n", True), "  ```\n"),
    ]


def test_a_cut_reply_says_that_its_action_is_incomplete() -> None:
    [action] = parse_reply("```python path=a.py\nx = 1\n")
    assert not action.complete
    assert action.content == "x = 1\n"


def test_reasoning_goes_out_as_text_at_once() -> None:
    events = _words("<think>hm|```python\n|</th|ink>```python\n|x")
    assert events[:3] == [
        [TextDelta("<think>hm")],
        [TextDelta("```python\n")],
        [TextDelta("</th")],
    ]
    assert events[3] == [TextDelta("ink>")]
    assert events[4][0] == ActionOpened("cell", "python", "", "```python\n")
