"""What a kernel shows, as nbformat outputs: cleaned, merged, paced and kept within a limit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from .results import OutputChange

OUTPUT_MESSAGES = frozenset(
    ("stream", "display_data", "execute_result", "error", "update_display_data", "clear_output")
)

# What an output counts for beside its own bytes: it bounds how many small ones there can be.
_OUTPUT_COST = 1_000
_DEEPEST = 100
_JSON_TYPE = re.compile(r"application/(.*\+)?json")  # as nbformat has it
_INTEGERS = range(-(2**63), 2**64)

LEFT_OUT = "\n[… output left out: of so much, only the beginning and the end are kept …]\n"


def to_change(message_type: str, content: Any) -> OutputChange | None:
    """Turn a kernel's message into a change of a run's outputs.

    Args:
        message_type: one of ``OUTPUT_MESSAGES``.
        content: the message's decoded content, which need not have the shape it should.

    Returns:
        None when there is nothing to show.
    """
    if not isinstance(content, dict):
        return None
    content = clean(content)
    if message_type == "clear_output":
        return OutputChange(op="clear", wait=bool(content.get("wait")))
    if message_type == "stream":
        text = _text(content.get("text"))
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return OutputChange("append", stream(name, text)) if text else None
    if message_type == "error":
        return OutputChange("append", _error(content))
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    output: dict[str, Any] = {
        "output_type": "execute_result" if message_type == "execute_result" else "display_data",
        "data": _bundle(content.get("data")),
        "metadata": metadata if isinstance(metadata := content.get("metadata"), dict) else {},
    }
    if message_type == "execute_result":
        count = content.get("execution_count")
        output["execution_count"] = count if isinstance(count, int) and count >= 0 else None
    return OutputChange(
        op="update" if message_type == "update_display_data" else "append",
        output=output,
        display_id=display_id if isinstance(display_id, str) else "",
    )


def stream(name: str, text: str) -> dict[str, Any]:
    """An nbformat stream output."""
    return {"output_type": "stream", "name": name, "text": text}


def clean(value: Any, depth: int = 0) -> Any:
    """``value`` as any JSON writer can write it.

    Lone surrogates, numbers that JSON does not have and too deep nesting are replaced.
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        if depth > _DEEPEST:
            return "…"
        return {clean(str(key)): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        if depth > _DEEPEST:
            return "…"
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and value not in _INTEGERS:
        return float(value) if abs(value) < 10**300 else None
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "".join(value)
    return "" if value is None else msgspec.json.encode(value).decode()


def _bundle(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        return {}
    return {
        mime: value if _JSON_TYPE.fullmatch(mime) else _text(value)
        for mime, value in data.items()
        if mime and value is not None
    }


def _error(content: dict[str, Any]) -> dict[str, Any]:
    traceback = content.get("traceback")
    return {
        "output_type": "error",
        "ename": _text(content.get("ename")),
        "evalue": _text(content.get("evalue")),
        "traceback": [_text(line) for line in traceback] if isinstance(traceback, list) else [],
    }


class Outputs:
    """The outputs that a sequence of changes leads to."""

    def __init__(self) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._display_ids: list[str] = []
        self._texts: list[list[str]] = []  # a stream's pieces, joined only when asked for
        self._clear_next = False

    def apply(self, change: OutputChange) -> None:
        """Take in one change."""
        if change.op == "clear":
            if change.wait:
                self._clear_next = True
            else:
                self._clear()
        elif change.output is None:
            return
        elif change.op == "update":
            for index, display_id in enumerate(self._display_ids):
                if display_id and display_id == change.display_id:
                    updated = {key: change.output[key] for key in ("data", "metadata")}
                    self._outputs[index] = self._outputs[index] | updated
        else:
            if self._clear_next:
                self._clear()
            self._append(change.output, change.display_id)

    def as_list(self) -> list[dict[str, Any]]:
        """The outputs as they stand, as nbformat 4 output dicts."""
        return [
            output | {"text": "".join(texts)} if texts else dict(output)
            for output, texts in zip(self._outputs, self._texts, strict=True)
        ]

    def _append(self, output: dict[str, Any], display_id: str) -> None:
        text = [output["text"]] if output["output_type"] == "stream" else []
        if text and self._texts and self._texts[-1] and self._outputs[-1]["name"] == output["name"]:
            self._texts[-1] += text
            return
        self._outputs.append(output)
        self._display_ids.append(display_id)
        self._texts.append(text)

    def _clear(self) -> None:
        self._clear_next = False
        self._outputs.clear()
        self._display_ids.clear()
        self._texts.clear()


class _Pending(msgspec.Struct):
    """A change that was not shown yet; a stream's text is in ``texts``."""

    change: OutputChange
    size: int
    texts: list[str] = []

    def is_stream(self, name: str) -> bool:
        output = self.change.output
        return bool(self.texts) and output is not None and output["name"] == name

    def as_change(self) -> OutputChange:
        if not self.texts or self.change.output is None:
            return self.change
        return OutputChange("append", stream(self.change.output["name"], "".join(self.texts)))


class OutputCollector:
    """Gathers a run's outputs between two moments of showing them.

    ``add`` merges what comes in (text joins text; a newer state of a display replaces an older;
    a clear drops what it clears), ``flush`` shows it. Past the limit nothing is shown until
    ``finish``, which shows the last part of what came.

    Args:
        show: called with each change that a reader is to see.
        limit: bytes of output that one run may show, beginning and end together.
    """

    def __init__(self, show: Callable[[OutputChange], object], limit: int) -> None:
        self._show = show
        self._tail_limit = limit // 4
        self._head_left = limit - self._tail_limit
        self._pending: dict[int, _Pending] = {}
        self._next = 0
        self._pending_size = 0
        self._clear_next = False
        self._full = False
        self._outputs = Outputs()
        self.left_out = 0
        """Bytes of output that were not shown."""

    def outputs(self) -> list[dict[str, Any]]:
        """All that was shown so far, as nbformat 4 output dicts."""
        return self._outputs.as_list()

    def add(self, change: OutputChange, size: int) -> None:
        """Take in a change.

        Args:
            change: what the kernel shows.
            size: bytes that it takes.
        """
        if change.op == "clear":
            self._add_clear(change)
        elif change.op == "update":
            # An update sets every output of its display: older ones no longer matter.
            for key, pending in list(self._pending.items()):
                if pending.change.op == "update" and (
                    pending.change.display_id == change.display_id
                ):
                    self._drop(key)
            self._push(change, size + _OUTPUT_COST)
        else:
            if self._clear_next:
                self._clear_next = False
                self._drop_what_is_cleared()
            self._add_output(change, size)
        while self._full and self._pending_size > self._tail_limit:
            self._leave_out_oldest()

    def flush(self) -> None:
        """Show what came since the last time, as far as the limit lets."""
        while self._pending and not self._full:
            key = next(iter(self._pending))
            pending = self._pending[key]
            if pending.size <= self._head_left:
                self._head_left -= pending.size
                self._drop(key)
                self._emit(pending.as_change())
                continue
            self._full = True
            self._split(pending)
        while self._full and self._pending_size > self._tail_limit:
            self._leave_out_oldest()

    def finish(self) -> None:
        """Show all that is left: the run is over."""
        self.flush()
        for pending in self._pending.values():
            self._emit(pending.as_change())
        self._pending.clear()
        self._pending_size = 0

    def _emit(self, change: OutputChange) -> None:
        self._outputs.apply(change)
        self._show(change)

    def _push(self, change: OutputChange, size: int, text: str = "") -> None:
        self._pending[self._next] = _Pending(change, size, [text] if text else [])
        self._next += 1
        self._pending_size += size

    def _drop(self, key: int) -> None:
        self._pending_size -= self._pending.pop(key).size

    def _drop_what_is_cleared(self) -> None:
        """Keep nothing but the last clear, if it was not shown yet."""
        clears = [key for key, pending in self._pending.items() if pending.change.op == "clear"]
        for key in list(self._pending):
            if key not in clears[-1:]:
                self._drop(key)

    def _add_clear(self, change: OutputChange) -> None:
        if change.wait and self._clear_next:
            return
        self._clear_next = change.wait
        if not change.wait:
            self._pending.clear()
            self._pending_size = 0
        self._push(change, 0 if self._full else _OUTPUT_COST)

    def _add_output(self, change: OutputChange, size: int) -> None:
        output = change.output
        if output is None:
            return
        if output["output_type"] != "stream":
            self._push(change, size + _OUTPUT_COST)
            return
        text = output["text"]
        size = len(text.encode())
        last = self._pending.get(self._next - 1)
        if last is not None and last.is_stream(output["name"]):
            last.texts.append(text)
            last.size += size
            self._pending_size += size
        else:
            self._push(change, size + _OUTPUT_COST, text)

    def _split(self, pending: _Pending) -> None:
        """Show as much of a stream's text as still fits."""
        room = self._head_left - _OUTPUT_COST
        if not pending.texts or pending.change.output is None or room <= 0:
            return
        data = "".join(pending.texts).encode()
        head = data[:room].decode(errors="ignore")
        rest = data[len(head.encode()) :]
        if head:
            self._emit(OutputChange("append", stream(pending.change.output["name"], head)))
        self._resize(pending, rest)

    def _leave_out_oldest(self) -> None:
        if not self.left_out:
            self._emit(OutputChange("append", stream("stderr", LEFT_OUT)))
        key = next(iter(self._pending))
        pending = self._pending[key]
        excess = self._pending_size - self._tail_limit
        if pending.texts and pending.size - _OUTPUT_COST > excess:
            while len(pending.texts) > 1 and excess > 0:
                oldest = len(pending.texts[0].encode())
                if oldest > excess:
                    break
                del pending.texts[0]
                excess -= oldest
                pending.size -= oldest
                self._pending_size -= oldest
                self.left_out += oldest
            if excess > 0:
                data = pending.texts[0].encode()
                kept = data[excess:].decode(errors="ignore").encode()
                self.left_out += len(data) - len(kept)
                pending.size -= len(data) - len(kept)
                self._pending_size -= len(data) - len(kept)
                pending.texts[0] = kept.decode()
        else:
            self.left_out += max(pending.size - _OUTPUT_COST, 1)
            self._drop(key)

    def _resize(self, pending: _Pending, data: bytes) -> None:
        self._pending_size += len(data) + _OUTPUT_COST - pending.size
        pending.size = len(data) + _OUTPUT_COST
        pending.texts = [data.decode()]
