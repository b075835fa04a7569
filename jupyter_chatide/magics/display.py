"""A turn in a notebook: below the cell, block by block, as it goes on.

Each block is an output of its own with a display id, so that a growing reply costs its last block
and not the whole; a block that grows long is sent again less often.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Protocol

from ..chat import events as ev
from ..client.money import reply_words
from ..client.plain import PlainLines, coloured, plain
from ..client.tracebacks import readable
from ..runtime import OutputChange, Outputs
from .markdown import MarkdownBlocks, escaped, fenced, without_html
from .trust import safe_bundle, safe_metadata, safe_traceback, shortened

_PAUSE = 0.1  # seconds between two states of one block
_PACE = 50_000  # characters a second that a growing block may cost
_LONGEST_PAUSE = 5.0
_FILE_LINES = 40  # of a file that are shown; the file itself is in the workspace

_ENDED = {
    "interrupted": "The run was stopped.",
    "timeout": "The run was stopped at its time limit.",
    "died": "The kernel ended while the code ran.",
    "lost": "The run was lost with the process that it belonged to.",
}


class Publish(Protocol):
    """Shows a MIME bundle, or replaces the one that is shown under a display id."""

    def __call__(
        self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str, update: bool
    ) -> None: ...


class Slot:
    """One output of the cell, which may change."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._id = uuid.uuid4().hex  # ours: code must not reach other outputs by its own ids
        self._shown = False

    def show(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show this, instead of what was shown."""
        self._publish(data, metadata or {}, display_id=self._id, update=self._shown)
        self._shown = True

    def show_markdown(self, markdown: str) -> None:
        """Show Markdown that is safe."""
        self.show({"text/markdown": markdown, "text/plain": plain(markdown)})


class Growing:
    """Something that grows, and is shown again at a bearable pace.

    Args:
        show: shows it as it is, and returns how many characters that took.
    """

    def __init__(self, show: Callable[[], int]) -> None:
        self._show = show
        self._changed = False
        self._due = 0.0

    def grow(self) -> None:
        """It has changed."""
        self._changed = True
        self.refresh()

    def refresh(self) -> None:
        """Show it, if it has changed and it is time."""
        now = time.monotonic()
        if self._changed and now >= self._due:
            size = self.finish()
            self._due = now + min(max(_PAUSE, size / _PACE), _LONGEST_PAUSE)

    def finish(self) -> int:
        """Show it as it is."""
        self._changed = False
        return self._show()


class TurnDisplay:
    """A turn's events in reading order, as outputs of a cell.

    Args:
        publish: shows an output.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._head = Slot(publish)
        self._model = ""
        self._said = ""  # in the head
        self._text = TextDisplay(publish)
        self._code: CodeDisplay | None = None
        self._runs: dict[str, RunDisplay] = {}

    def refresh(self) -> None:
        """Show what has grown; to be called several times a second."""
        self._text.growing.refresh()
        if self._code:
            self._code.growing.refresh()
        for run in self._runs.values():
            run.growing.refresh()

    def show(self, event: ev.AnyEvent) -> None:
        """Show the next event."""
        match event:
            case ev.ReplyStarted():
                self._head, self._said, self._model = Slot(self._publish), "", event.model
                self._say("is asked…")
            case ev.ReplyReasoning():
                self._say("thinks…")
            case ev.ReplyText():
                self._say("")
                self._text.feed(event.text)
            case ev.ActionOpened():
                self._say("")
                self._text.finish()
                self._code = CodeDisplay(self._publish, event)
            case ev.ActionDelta() if self._code:
                self._code.feed(event.text)
            case ev.ActionClosed() if self._code:
                self._code.finish(event)
                self._code = None
            case ev.ReplyFinished():
                self._text.finish()
                if event.model:
                    self._model = event.model
                    self._head.show_markdown(f"*{escaped(reply_words(event))}*")
                else:  # nobody answered, so there is nothing to count
                    self._say("")
            case ev.RunStarted():
                self._runs[event.run] = RunDisplay(self._publish)
            case ev.RunOutput():
                self._runs[event.run].feed(event)
            case ev.RunFinished():
                self._runs.pop(event.run).finish(event)
            case _:
                self._remark(event)

    def _remark(self, event: ev.AnyEvent) -> None:
        match event:
            case ev.ModelRetried():
                self._say(f"is asked again in {ceil(event.seconds)} s: {event.reason}")
            case ev.ModelSwitched():
                self._model = event.to_model
                self._note(f"{event.reason}; {event.to_model} answers instead.")
            case ev.ActionFinished(status="done"):
                self._remark_briefly(f"Written: {event.size:,} bytes.")
            case ev.ActionFinished(message=""):
                self._remark_briefly("Not run.")
            case ev.ActionFinished():
                self._note(event.message, event.hint)
            case ev.RepairStarted():
                self._note(f"Mending ({event.attempt} of {event.limit}): {event.reason}")
            case ev.Notice():
                self._note(event.message, event.hint)
            case ev.TurnFinished():
                self._text.finish()
                if event.error:
                    self._note(event.error.message, event.error.hint)
                elif event.status != "finished":
                    self._note("Stopped.")

    def _say(self, doing: str) -> None:
        """Say above a reply who answers, and what goes on while there is no text."""
        text = f"*{escaped(self._model)}{' ' * bool(doing)}{doing}*"
        if text != self._said:
            self._said = text
            self._head.show_markdown(text)

    def _remark_briefly(self, remark: str) -> None:
        Slot(self._publish).show_markdown(f"*{remark}*")

    def _note(self, message: str, hint: str = "") -> None:
        text = f"> **{escaped(message)}** {escaped(hint)}"
        Slot(self._publish).show_markdown(text.rstrip())


class TextDisplay:
    """The text of a reply."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._blocks = MarkdownBlocks()
        self._slot: Slot | None = None
        self.growing = Growing(self._show_open)

    def feed(self, text: str) -> None:
        """The text goes on."""
        for block in self._blocks.feed(text):
            self._close(block)
        self.growing.grow()

    def finish(self) -> None:
        """The text is over, or something else comes in between."""
        for block in self._blocks.finish():
            self._close(block)

    def _show_open(self) -> int:
        return self._show(self._blocks.open)

    def _close(self, block: str) -> None:
        self._show(block)
        self._slot = None

    def _show(self, block: str) -> int:
        if not block.strip():
            return 0
        self._slot = self._slot or Slot(self._publish)
        self._slot.show_markdown(without_html(block))
        return len(block)


class CodeDisplay:
    """A block of code as it is written."""

    def __init__(self, publish: Publish, opened: ev.ActionOpened) -> None:
        self._slot = Slot(publish)
        self._language = opened.language
        self._path = opened.path
        self._parts: list[str] = []
        self.growing = Growing(self._show)

    def feed(self, text: str) -> None:
        """The code goes on."""
        self._parts.append(text)
        self.growing.grow()

    def finish(self, closed: ev.ActionClosed) -> None:
        """The code is complete, or will never be."""
        self._language, self._path = closed.language, closed.path
        self.growing.finish()

    def _show(self) -> int:
        code = "".join(self._parts)
        shown, more = code, 0
        if self._path:
            lines = code.splitlines()
            shown, more = "\n".join(lines[:_FILE_LINES]), len(lines) - _FILE_LINES
        markdown = fenced(plain(shown), self._language)
        if self._path:
            markdown = f"**{escaped(self._path)}**\n\n{markdown}"
        if more > 0:
            markdown += f"\n\n*… {more:,} more lines*"
        self._slot.show_markdown(markdown)
        return len(markdown)


class RunDisplay:
    """The outputs of a run. The first one takes the place of the word that it runs."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._outputs = Outputs()
        self._slots = [Slot(publish)]
        self._shown: list[object] = [None]  # what of an output tells whether it has changed
        self._slots[0].show_markdown("*Running…*")
        self.growing = Growing(self._show)

    def feed(self, event: ev.RunOutput) -> None:
        """The outputs change."""
        self._outputs.apply(OutputChange(event.op, event.output, event.display_id, event.wait))
        self.growing.grow()

    def finish(self, event: ev.RunFinished) -> None:
        """The run is over."""
        self.growing.finish()
        if event.status in _ENDED:
            Slot(self._publish).show_markdown(f"> **{_ENDED[event.status]}**")
        elif not any(self._shown):
            self._slots[0].show_markdown(f"*Ran in {event.duration:.1f} s.*")

    def _show(self) -> int:
        size = 0
        outputs = self._outputs.as_list()
        while len(self._slots) < len(outputs):
            self._slots.append(Slot(self._publish))
            self._shown.append(None)
        for index, slot in enumerate(self._slots):
            output = outputs[index] if index < len(outputs) else None
            state = _state(output)
            if state is self._shown[index] or state == self._shown[index]:
                continue
            self._shown[index] = state
            data, metadata = _bundle(output)
            slot.show(data, metadata)
            size += sum(len(str(content)) for content in data.values())
        return size


def _state(output: Mapping[str, Any] | None) -> object:
    if output is None:
        return None
    if output["output_type"] == "stream":
        return output["text"]
    return output.get("data") or output.get("traceback")


def _bundle(output: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    nothing = {"text/plain": ""}
    if output is None:
        return nothing, {}
    match output["output_type"]:
        case "stream":
            lines = PlainLines(coloured)
            text = lines.feed(output["text"]) + lines.finish()
            return {"text/plain": shortened(text).rstrip("\n")}, {}
        case "error":
            traceback = output["traceback"] or [f"{output['ename']}: {output['evalue']}"]
            return {"text/plain": safe_traceback(readable(traceback))}, {}
    return safe_bundle(output["data"]) or nothing, safe_metadata(output["metadata"])
