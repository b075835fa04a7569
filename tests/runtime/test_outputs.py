"""What is shown adds up to what the kernel sent, in any pacing, and never passes the limit."""

from __future__ import annotations

from typing import Any

import msgspec
import nbformat
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_chatide.runtime import OutputChange, Outputs
from jupyter_chatide.runtime.outputs import (
    LEFT_OUT,
    OUTPUT_MESSAGES,
    OutputCollector,
    stream,
    to_change,
)


def display(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


texts = st.text("ab\n\ré😀", min_size=1, max_size=30)
changes = st.one_of(
    st.builds(
        lambda name, text: OutputChange("append", stream(name, text)),
        st.sampled_from(["stdout", "stderr"]),
        texts,
    ),
    st.builds(
        lambda text, key: OutputChange("append", display(text), key),
        texts,
        st.sampled_from(["", "d1", "d2"]),
    ),
    st.builds(
        lambda text, key: OutputChange("update", display(text), key),
        texts,
        st.sampled_from(["d1", "d2"]),
    ),
    st.builds(lambda wait: OutputChange("clear", wait=wait), st.booleans()),
)


@given(st.lists(st.tuples(changes, st.booleans()), max_size=40))
def test_any_pacing_shows_the_same(steps: list[tuple[OutputChange, bool]]) -> None:
    plain, shown = Outputs(), Outputs()
    collector = OutputCollector(shown.apply, 10_000_000)
    for change, flush in steps:
        plain.apply(change)
        collector.add(change, 10)
        if flush:
            collector.flush()
    collector.finish()
    assert collector.outputs() == shown.as_list() == plain.as_list()
    assert collector.left_out == 0


@given(st.lists(st.tuples(changes, st.booleans()), max_size=60), st.integers(4_000, 20_000))
def test_the_limit_holds_and_nothing_is_lost_silently(
    steps: list[tuple[OutputChange, bool]], limit: int
) -> None:
    plain, shown = Outputs(), Outputs()
    size = 0

    def show(change: OutputChange) -> None:
        nonlocal size
        shown.apply(change)
        if change.output is not None:
            size += len(change.output.get("text", "").encode())

    collector = OutputCollector(show, limit)
    for change, flush in steps:
        plain.apply(change)
        collector.add(change, 500)
        if flush:
            collector.flush()
    collector.finish()
    assert collector.outputs() == shown.as_list()
    assert size <= limit + len(LEFT_OUT.encode())
    if not collector.left_out:
        assert shown.as_list() == plain.as_list()


@given(st.lists(texts, min_size=1, max_size=200), st.integers(4_000, 8_000))
def test_of_too_much_text_beginning_and_end_stay(pieces: list[str], limit: int) -> None:
    shown: list[OutputChange] = []
    collector = OutputCollector(shown.append, limit)
    whole = "".join(pieces) * 20
    for piece in pieces * 20:
        collector.add(OutputChange("append", stream("stdout", piece)), len(piece))
        if len(piece) % 3 == 0:
            collector.flush()
    collector.finish()
    text = "".join(output["text"] for output in collector.outputs() if output["name"] == "stdout")
    if collector.left_out:
        assert any(
            whole.startswith(text[:cut]) and whole.endswith(text[cut:])
            for cut in range(len(text) + 1)
        )
        assert len(text.encode()) + collector.left_out == len(whole.encode())
        assert LEFT_OUT in [output["text"] for output in collector.outputs()]
    else:
        assert text == whole


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
contents = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={
            "name": json_values,
            "text": json_values,
            "data": json_values
            | st.dictionaries(
                st.sampled_from(
                    [
                        "text/plain",
                        "application/json",
                        "image/png",
                        "application/b+json",
                        "model/c+json",
                        "",
                    ]
                ),
                json_values,
            ),
            "metadata": json_values,
            "transient": json_values,
            "execution_count": json_values,
            "ename": json_values,
            "evalue": json_values,
            "traceback": json_values,
            "wait": json_values,
        },
    ),
)


@settings(max_examples=50)
@given(st.sampled_from(sorted(OUTPUT_MESSAGES)), contents)
def test_whatever_a_kernel_sends_becomes_a_valid_output(kind: str, content: Any) -> None:
    change = to_change(kind, content)
    if change is None:
        return
    assert msgspec.json.decode(msgspec.json.encode(change))
    if change.output is not None:
        cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(change.output)])
        nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
