"""SEARCH/REPLACE edits: they fit in one place, or nothing changes and it is said why."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jupyter_chatide.chat.edits import EditError, apply_edits, parse_edits
from jupyter_chatide.errors import ChatIDEError


def block(search: str, replace: str, marks: int = 7) -> str:
    middle = "=" * marks
    return f"{'<' * marks} SEARCH\n{search}{middle}\n{replace}{'>' * marks} REPLACE\n"


FILE = "import os\n\n\ndef f(x):\n    y = x + 1  \n    return y\n\n\nprint(f(1))\n"


def test_lines_are_replaced_and_the_rest_stays() -> None:
    edit = block("    return y\n", "    return 2 * y\n")
    assert apply_edits(FILE, edit) == FILE.replace("return y", "return 2 * y")


def test_several_blocks_apply_one_after_the_other() -> None:
    edit = block("import os\n", "import sys\n") + "\nThen:\n" + block("import sys\n", "import re\n")
    assert apply_edits(FILE, edit) == FILE.replace("import os", "import re")


def test_lines_are_deleted() -> None:
    assert apply_edits(FILE, block("import os\n\n\n", "")) == FILE.removeprefix("import os\n\n\n")


@pytest.mark.parametrize("marks", [5, 6, 7, 8, 9])
def test_markers_may_be_shorter_or_longer(marks: int) -> None:
    assert apply_edits("a\nb\n", block("b\n", "c\n", marks)) == "a\nc\n"


@pytest.mark.parametrize("marks", [4, 10])
def test_other_lengths_are_no_markers(marks: int) -> None:
    with pytest.raises(EditError, match="no SEARCH/REPLACE block"):
        apply_edits("a\nb\n", block("b\n", "c\n", marks))


def test_markers_may_be_sloppy() -> None:
    edit = "<<<<<<< search \r\nb\r\n======= \r\nc\r\n>>>>>>>REPLACE\r\n"
    assert apply_edits("a\nb\n", edit) == "a\nc\n"


def test_an_underlined_title_does_not_divide() -> None:
    edit = block("Title\n=====\n", "Other\n=====\n")
    assert apply_edits("Title\n=====\n\nText.\n", edit) == "Other\n=====\n\nText.\n"


def test_a_divider_of_another_length_divides_where_there_is_no_other() -> None:
    assert apply_edits("b\n", "<<<<<<< SEARCH\nb\n=====\nc\n>>>>>>> REPLACE\n") == "c\n"


def test_only_whole_lines_match() -> None:
    with pytest.raises(EditError, match="matches nothing"):
        apply_edits("xx = 1\n", block("x = 1\n", "x = 2\n"))


def test_trailing_blanks_do_not_matter() -> None:
    edit = block("    y = x + 1\n    return y   \n", "    return x + 1\n")
    assert apply_edits(FILE, edit) == FILE.replace(
        "    y = x + 1  \n    return y\n", "    return x + 1\n"
    )


def test_an_exact_match_is_preferred() -> None:
    assert apply_edits("a \na\n", block("a\n", "b\n")) == "a \nb\n"
    assert apply_edits("  a\na\n", block("a\n", "b\n")) == "  a\nb\n"


def test_missing_indentation_is_added() -> None:
    edit = block("y = x + 1\nreturn y\n", "if x:\n    y = 2\n\nreturn y\n")
    assert apply_edits(FILE, edit) == FILE.replace(
        "    y = x + 1  \n    return y\n", "    if x:\n        y = 2\n\n    return y\n"
    )


def test_surplus_indentation_is_removed() -> None:
    edit = block("    def f(x):\n        y = x + 1\n", "    def f(x):\n        y = x\n    # end\n")
    assert apply_edits(FILE, edit) == FILE.replace("    y = x + 1  \n", "    y = x\n# end\n")


def test_surplus_indentation_is_removed_from_less_indented_lines_too() -> None:
    edit = block("        return y\n", "        return 0\n    # end\n")
    assert apply_edits(FILE, edit) == FILE.replace("    return y\n", "    return 0\n# end\n")


def test_another_unit_of_indentation_is_translated() -> None:
    edit = block("if a:\n  b\n", "if a:\n  c\n    d\n")
    assert apply_edits("if a:\n\tb\n", edit) == "if a:\n\tc\n\t  d\n"


def test_flattened_code_is_refused_rather_than_guessed() -> None:
    with pytest.raises(EditError, match="matches nothing"):
        apply_edits(FILE, block("def f(x):\ny = x + 1\n", "def f(x):\ny = x\n"))


def test_look_alikes_match() -> None:
    edit = block('print("a - b\'s")\n', 'print("c")\n')
    assert apply_edits("print(“a – b’s”)\n", edit) == 'print("c")\n'
    assert apply_edits("a\u00a0= 1\n", block("a = 1\n", "a = 2\n")) == "a = 2\n"


def test_windows_line_ends_are_kept() -> None:
    assert apply_edits("a\r\nb\r\nc\r\n", block("b\n", "x\ny\n")) == "a\r\nx\r\ny\r\nc\r\n"
    assert apply_edits("a\nb\n", "<<<<<<< SEARCH\r\nb\r\n=======\r\nx\r\n>>>>>>> REPLACE\r\n") == (
        "a\nx\n"
    )


def test_a_missing_last_line_end_stays_missing() -> None:
    assert apply_edits("a\nb", block("b\n", "x\ny\n")) == "a\nx\ny"


def test_two_places_are_an_error_that_names_the_block() -> None:
    edit = block("import os\n", "import re\n") + block("\n", "x\n")
    with pytest.raises(EditError, match="block 2 of 2"):
        apply_edits(FILE, edit)
    with pytest.raises(EditError, match="block 1 of 1 matches 2 places") as caught:
        apply_edits("a\nb\na\n", block("a\n", "c\n"))
    assert caught.value.block == 1
    assert "more lines" in caught.value.hint


def test_no_place_is_an_error_that_names_the_block_and_its_first_line() -> None:
    edit = block("import os\n", "import re\n") + block("  gone = 1\n", "")
    with pytest.raises(EditError, match=r"block 2 of 2 matches nothing.*“gone = 1”") as caught:
        apply_edits(FILE, edit)
    assert caught.value.block == 2
    assert isinstance(caught.value, ChatIDEError)
    assert "whole file" in caught.value.hint


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_nothing_to_search_for_creates_a_file(text: str | None) -> None:
    assert apply_edits(text, block("", "x = 1\n")) == "x = 1\n"
    assert apply_edits(text, block("\n", "x = 1\n") + block("x = 1\n", "x = 2\n")) == "x = 2\n"


def test_nothing_to_search_for_in_a_full_file_is_an_error() -> None:
    with pytest.raises(EditError, match="nothing to search for"):
        apply_edits(FILE, block("", "x = 1\n"))


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(EditError, match="does not exist"):
        apply_edits(None, block("a\n", "b\n"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("", "no SEARCH/REPLACE block"),
        ("x = 1\n", "no SEARCH/REPLACE block"),
        ("<<<<<<< SEARCH\na\n=======\nb\n", "block 1 has no line >>>>>>> REPLACE"),
        ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", "block 1 has no line ======="),
        ("<<<<<<< SEARCH\na\n" + block("a\n", "b\n"), "block 1 has no line >>>>>>> REPLACE"),
        (block("a\n", "b\n") + "<<<<<<< SEARCH\na\n", "block 2 has no line"),
    ],
)
def test_an_incomplete_edit_is_an_error(edit: str, message: str) -> None:
    with pytest.raises(EditError, match=message):
        apply_edits("a\n", edit)


def test_other_characters_that_python_takes_for_line_ends_are_text() -> None:
    assert apply_edits("a\u2028b\x0cc\n", block("a\u2028b\x0cc\n", "d\x85\n")) == "d\x85\n"


lines = st.lists(st.text(alphabet="ab \t'“x\r\u00a0", max_size=6).map(lambda s: s + "\n"))
plain = st.text(alphabet="abc =():'", min_size=1, max_size=12).map(lambda s: s + "\n")


@given(st.lists(plain), st.lists(plain, min_size=1), st.lists(plain), st.lists(plain))
def test_what_is_found_once_is_replaced_and_the_rest_stays_to_the_byte(
    before: list[str], search: list[str], replace: list[str], after: list[str]
) -> None:
    assume(any(line.strip() for line in search))
    assume(not any(line.strip() == "=" * len(line.strip()) for line in search + replace))
    text = [*before, *search, *after]
    size = len(search)
    assume(sum(text[i : i + size] == search for i in range(len(text))) == 1)
    edit = block("".join(search), "".join(replace))
    assert apply_edits("".join(text), edit) == "".join([*before, *replace, *after])


@given(lines, lines, lines)
def test_a_match_of_any_kind_changes_only_whole_lines_of_its_own(
    before: list[str], search: list[str], replace: list[str]
) -> None:
    text = "".join(before)
    edit = block("".join(search), "".join(replace))
    try:
        after = apply_edits(text, edit)
    except EditError:
        return
    if not text.strip():
        return
    old, new = text.split("\n"), after.split("\n")
    kept = len(old) - len(search)
    assert len(new) == kept + len(replace)
    head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), kept)
    head = min(head, kept)
    assert old[len(old) - (kept - head) :] == new[len(new) - (kept - head) :]


@given(st.text() | lines.map("".join), st.text(alphabet="<>= SEARCHPLacé\n", max_size=200))
def test_any_edit_of_any_text_is_applied_or_refused(text: str, edit: str) -> None:
    for content in (edit, block(edit, edit), edit + block(text, edit)):
        try:
            parse_edits(content)
            assert isinstance(apply_edits(text, content), str)
        except EditError as error:
            assert error.message
            assert error.hint
