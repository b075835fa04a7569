"""A turn, or a run, as text in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from ..chat import events as ev
from ..errors import ChatIDEError
from ..runtime.results import OutputChange
from .console import Console
from .images import find_image
from .money import reply_words
from .plain import PlainLines, plain
from .tracebacks import readable

KeepImage = Callable[[str, Any], str]
"""Keeps an image (its MIME type, its content); gives its path, ``""`` where it is not kept."""

_DOING = {
    "cell": "Writing code…",
    "shell": "Writing a command…",
    "file": "Writing a file…",
    "edit": "Writing a change…",
}
_ENDED = {
    "interrupted": "The run was stopped.",
    "timeout": "The run was stopped at its time limit.",
    "died": "The kernel ended while the code ran.",
    "lost": "The run was lost with the process that it belonged to.",
}


class OutputText:
    """A run's outputs, as they come. What was printed stays: clearing and updating need a screen.

    The last state of an output that was updated is shown again at the end.

    Args:
        console: where to write.
        keep_image: keeps an image.
        whole: show tracebacks whole, as for code of one's own.
    """

    def __init__(self, console: Console, keep_image: KeepImage, *, whole: bool = False) -> None:
        self._console = console
        self._keep_image = keep_image
        self._whole = whole
        self._streams = {"stdout": PlainLines(), "stderr": PlainLines()}
        self._updated: dict[str, dict[str, Any]] = {}

    def show(self, change: OutputChange | ev.RunOutput) -> None:
        """Show one change of the outputs."""
        output = change.output
        if change.op == "clear" or output is None:
            return
        if change.op == "update":
            self._updated[change.display_id] = output
            return
        match output["output_type"]:
            case "stream":
                name = "stderr" if output.get("name") == "stderr" else "stdout"
                self._print(name, self._streams[name].feed(output["text"]))
            case "error":
                self._end_lines()
                self._traceback(output)
            case _:
                self._end_lines()
                self._bundle(output["data"])

    def finish(self) -> None:
        """The run is over."""
        self._end_lines()
        for output in self._updated.values():
            self._bundle(output["data"])
        self._updated.clear()

    def _print(self, stream: str, text: str) -> None:
        if text and stream == "stderr":
            self._console.write_beside(text)
        elif text:
            self._console.write(text)

    def _end_lines(self) -> None:
        for name, lines in self._streams.items():
            self._print(name, lines.finish())

    def _traceback(self, output: Mapping[str, Any]) -> None:
        parts = output.get("traceback") or [f"{output['ename']}: {output['evalue']}"]
        text = "\n".join(parts if self._whole else readable(parts))
        self._console.write_beside(self._console.traceback(text) + "\n")

    def _bundle(self, data: Mapping[str, Any]) -> None:
        if mime := find_image(data):
            try:
                path = self._keep_image(mime, data[mime])
            except ChatIDEError as error:
                self._console.note(error.message, error.hint)
                path = ""
            self._console.write(f"[{mime}{': ' * bool(path)}{plain(path)}]\n")
        elif text := bundle_text(data):
            self._console.write(plain(text).rstrip("\n") + "\n")


class TurnText:
    """A turn's events in reading order, as text.

    The reply's Markdown and what its code gave are the result; the rest is said beside it.

    Args:
        console: where to write.
        keep_image: keeps an image.
        workspace: where the code works, to say where a page is; ``None`` where it is not here.
    """

    def __init__(
        self, console: Console, keep_image: KeepImage, workspace: Path | None = None
    ) -> None:
        self._console = console
        self._keep_image = keep_image
        self._workspace = workspace
        self._outputs: dict[str, OutputText] = {}
        self._paths: dict[str, str] = {}

    def show(self, event: ev.AnyEvent) -> None:
        """Show the next event."""
        console = self._console
        match event:
            case ev.ReplyStarted():
                console.paragraph()
                console.status(f"Asking {event.model}…")
            case ev.ReplyReasoning():
                console.status("Thinking…")
            case ev.ReplyText():
                console.status("")
                text = plain(event.text)
                console.write(text.lstrip("\n") if console.apart else text)
            case ev.ActionOpened():
                self._fence(event.fence)
                console.status(_DOING.get(event.kind, ""))
            case ev.ActionDelta():
                console.write(plain(event.text if event.raw is None else event.raw))
            case ev.ActionClosed():
                self._paths[event.action] = event.path
                self._fence(event.fence)
                console.status("")
            case ev.RunStarted():
                self._outputs[event.run] = OutputText(console, self._keep_image)
                console.paragraph()
                console.status("Running…")
            case ev.RunOutput():
                self._outputs[event.run].show(event)
            case ev.RunFinished():
                self._outputs.pop(event.run).finish()
                console.status("")
                if event.status in _ENDED:
                    console.note(_ENDED[event.status])
                console.paragraph()
            case ev.TurnFinished():
                console.status("")
                console.end_line()
                if event.error:
                    console.note(event.error.message, event.error.hint)
                elif event.status != "finished":
                    console.note("Stopped.")
            case _:
                self._remark(event)

    def _remark(self, event: ev.AnyEvent) -> None:
        note = self._console.note
        match event:
            case ev.ModelRetried():
                note(f"{event.reason}; asking again in {ceil(event.seconds)} s.", dim=True)
            case ev.ReplyContinued():
                # In the midst of a line, so nothing may be written here.
                self._console.status("The reply was cut at its length limit; it goes on…")
            case ev.ReplyFinished(model=model) if model:
                note(reply_words(event), dim=True)
            case ev.ModelSwitched():
                note(f"{event.reason}; {event.to_model} answers instead of {event.from_model}.")
            case ev.ActionFinished(status="done"):
                note(f"Wrote {self._paths.get(event.action, '')} ({event.size:,} bytes).", dim=True)
            case ev.ActionFinished():
                note(event.message or "Not run.", event.hint)
            case ev.RepairStarted():
                note(f"Mending ({event.attempt} of {event.limit}): {event.reason}")
            case ev.Notice():
                note(event.message, event.hint)
            case ev.PreviewOpened() if self._workspace:
                self._console.paragraph()
                self._console.write(f"[page: {plain(str(self._workspace / event.path))}]\n")
                self._console.paragraph()

    def _fence(self, line: str) -> None:
        self._console.write(self._console.dim(plain(line)))


def bundle_text(data: Mapping[str, Any]) -> str:
    """What of a MIME bundle a terminal can show, best first; ``""`` for nothing.

    ``text/plain`` that only names an object is no good where there is something to read.
    """
    text = _joined(data.get("text/plain", ""))
    if "text/markdown" in data:
        return _joined(data["text/markdown"])
    if text and not (text.startswith("<") and text.rstrip().endswith(">")):
        return text
    if "text/latex" in data:
        return _joined(data["text/latex"])
    if "application/json" in data:
        return json.dumps(data["application/json"], indent=2, ensure_ascii=False)
    return text or "".join(f"[{mime}]" for mime in list(data)[:1])


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
