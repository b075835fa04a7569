"""The magics themselves."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ..chat.events import AnyEvent, Mode
from ..client.reading import TurnReading
from ..errors import ChatIDEError, NotFoundError
from .connections import Connection

HELP = """\
%%chat [--model P/M] [--ask] [--new] [--strict]
    Asks what the cell says, and runs the code of the answer in a throwaway kernel with a
    workspace of its own: never in this notebook's. The next %%chat goes on from there.
%chat [the same] PROMPT
    The same on one line; without a prompt, this help.

    --model P/M  who answers, as provider/model
    --ask        only an answer: nothing runs
    --new        begin a new chat
    --strict     fail the cell when the turn, or the last code that ran, failed (for nbconvert)

Interrupting the cell stops the answer, the code and all processes it started.
"""


_SILENCE = 5.0  # seconds without an event, after which we ask whether anything still runs


class Options(msgspec.Struct):
    """What stands behind the magic's name."""

    model: str = ""
    ask: bool = False
    new: bool = False
    strict: bool = False
    prompt: str = ""


class ChatFailed(Exception):
    """The turn failed; said in one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class ChatStopped(KeyboardInterrupt):
    """The cell was interrupted, and what it ran has ended; cells after it do not run."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Show(Protocol):
    """Shows a turn."""

    def show(self, event: AnyEvent) -> None: ...
    def refresh(self) -> None: ...


class ChatMagic:
    """``%chat`` and ``%%chat`` of one session.

    Args:
        shell: the running ``InteractiveShell``.
        connect: gives the place that it is carried out in, when that is first needed; ``None``
            for the Jupyter server or an engine.
    """

    def __init__(self, shell: Any, connect: Callable[[], Connection] | None = None) -> None:
        self._shell = shell
        self._connect = connect or find_connection
        self._connection: Connection | None = None
        self._chat = ""
        self._seen = 0  # the last of the chat's events that was read

    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask a model, and run the code of its answer in a throwaway kernel.

        Args:
            line: options, and a prompt.
            cell: the prompt, or the rest of it.
        """
        from IPython.core.error import UsageError

        if os.environ.get("CHATIDE_SANDBOX"):
            print(
                "%%chat does not work in here: this kernel is a sandbox for code that a model "
                "wrote. Use it in a notebook of your own.",
                file=sys.stderr,
            )
            return
        try:
            options = parse(line)
        except ValueError as error:
            raise UsageError(f"%%chat: {error}") from None
        options.prompt = f"{options.prompt}\n{cell or ''}".strip()
        if not options.prompt:
            print(HELP + self._status())
            return
        try:
            reading = self._carry_out(options)
        except ChatStopped:
            raise
        except KeyboardInterrupt:
            raise ChatStopped("Stopped, and everything that it ran.") from None
        except ChatIDEError as error:
            if options.strict:
                raise ChatFailed(f"{error.message} {error.hint}".rstrip()) from None
            print(f"{error.message}\n{error.hint}".rstrip(), file=sys.stderr)
            return
        if options.strict and not reading.went_well:
            error_info = reading.end.error if reading.end else None
            raise ChatFailed(error_info.message if error_info else "The last code failed.")

    def _status(self) -> str:
        if self._connection is None:
            return "Nothing was asked in this session yet."
        return f"This session's chat is {self._chat or 'not begun'}, {self._connection.where}."

    def _carry_out(self, options: Options) -> TurnReading:
        connection = self._connection = self._connection or self._connect()
        if options.new:
            self._chat = ""
        reading: TurnReading | None = None
        show: Show | None = None
        try:
            reading = TurnReading(self._start(connection, options))
            show = self._show(connection)
            self._follow(connection, reading, show)
        except KeyboardInterrupt:
            try:
                if self._chat:  # also before we heard that the turn has begun: it may have
                    connection.stop(self._chat)
                if reading and show:
                    self._follow(connection, reading, show)
            except KeyboardInterrupt:
                raise ChatStopped(f"Left before all had stopped, {connection.where}.") from None
            raise
        return reading

    def _start(self, connection: Connection, options: Options) -> str:
        mode: Mode = "ask" if options.ask else "build"
        asked = options.prompt, options.model, mode
        try:
            return connection.start_turn(self._current_chat(connection), *asked)
        except NotFoundError:  # it was deleted in the sidebar
            self._chat = ""
            return connection.start_turn(self._current_chat(connection), *asked)

    def _current_chat(self, connection: Connection) -> str:
        if not self._chat:
            self._chat, self._seen = connection.create_chat(), 0
        return self._chat

    def _follow(self, connection: Connection, reading: TurnReading, show: Show) -> None:
        heard = time.monotonic()
        while not reading.end:
            idle = time.monotonic() - heard > _SILENCE and not connection.running(self._chat)
            events = connection.events(self._chat, self._seen)
            if idle and not events:
                raise ChatIDEError(
                    "The chat ended without saying how.", "Check that the disk is not full."
                )
            for event in events:
                self._seen, heard = event.n, time.monotonic()
                for ready in reading.feed(event):
                    show.show(ready)
            show.refresh()

    def _show(self, connection: Connection) -> Show:
        if hasattr(self._shell, "kernel"):
            from .display import TurnDisplay

            return TurnDisplay(publish)
        from .text import TurnInTerminal

        chat = self._chat
        return TurnInTerminal(lambda mime, content: connection.keep_image(chat, mime, content))


def parse(line: str) -> Options:
    """Read what stands behind the magic's name: options, then a prompt as it is.

    Raises:
        ValueError: there is an option that is not known, or without its value.
    """
    options = Options()
    rest = line.strip()
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        name, equals, value = word.partition("=")
        if name == "--model":
            if not equals:
                value, _, rest = rest.partition(" ")
                rest = rest.lstrip()
            if not all(value.partition("/")):
                raise ValueError("--model needs a model, named provider/model.")
            options.model = value
        elif word in {"--ask", "--new", "--strict"}:
            setattr(options, word[2:], True)
        elif word == "--":
            break
        else:
            raise ValueError(f"there is no option {word}. Options: --model, --ask, --new, --strict")
    options.prompt = rest
    return options


def find_connection() -> Connection:
    """The Jupyter server that started this kernel, if Jupyter ChatIDE is on it; else an engine."""
    from ..client.servers import server_of_process
    from .connections import ServerConnection
    from .engine_connection import EngineConnection

    if server := server_of_process(os.environ.get("JPY_PARENT_PID", "")):
        try:
            return ServerConnection(server)
        except ChatIDEError:
            pass  # the extension is off there, or wants a login that a kernel does not have
    return EngineConnection()


def publish(
    data: dict[str, Any], metadata: dict[str, Any], *, display_id: str, update: bool
) -> None:
    """Show an output of the cell that runs."""
    from IPython.display import publish_display_data

    publish_display_data(data, metadata, transient={"display_id": display_id}, update=update)


def keep_questions(lines: list[str]) -> list[str]:
    """Keep ``%chat what is this?`` from being taken for IPython's help on ``this``."""
    if len(lines) == 1 and lines[0].startswith("%chat ") and lines[0].rstrip().endswith("?"):
        return [f"get_ipython().run_line_magic('chat', {lines[0][6:].strip()!r})\n"]
    return lines


def register(shell: Any) -> None:
    """Give a session its magics."""
    from IPython.core.magic import no_var_expand

    magic = ChatMagic(shell)
    # A prompt's braces and dollars are its own.
    chat: Callable[..., None] = no_var_expand(lambda line, cell=None: magic.chat(line, cell))
    chat.__doc__ = HELP
    shell.register_magic_function(chat, "line_cell", "chat")
    shell.input_transformers_cleanup.append(keep_questions)
