"""The order in which a turn is read: each block of code with its outputs, before what follows it.

In the log, a run's outputs come while the reply goes on. Where what is shown cannot be inserted
above (a terminal, the outputs of a cell), what follows a block waits until the block is done.
"""

from __future__ import annotations

from ..chat import events as ev
from ..chat.log import join


class ReadingOrder:
    """Holds back the events that are to be read after the run that goes on."""

    def __init__(self) -> None:
        self._mode: ev.Mode = "build"
        self._actions: dict[str, str] = {}  # run → its action
        self._awaited = ""  # the action that has to be done before anything else is read
        self._held: list[ev.AnyEvent] = []

    def feed(self, event: ev.AnyEvent) -> list[ev.AnyEvent]:
        """Take in the log's next event.

        Returns:
            The events to show now, in the order to read them in.
        """
        if isinstance(event, ev.RunStarted):
            self._actions[event.run] = event.action
        shown: list[ev.AnyEvent] = []
        self._sort(event, shown)
        return shown

    def _sort(self, event: ev.AnyEvent, shown: list[ev.AnyEvent]) -> None:
        if isinstance(event, ev.TurnFinished):
            self._awaited = ""
            shown += self._held
            self._held = []
        if self._awaited and self._action_of(event) != self._awaited:
            self._hold(event)
            return
        shown.append(event)
        match event:
            case ev.TurnStarted():
                self._mode = event.mode
            case ev.ActionClosed() if self._will_be_done(event):
                self._awaited = event.action
            case ev.RunFinished() | ev.ActionFinished() if self._awaited:
                self._awaited = ""
                held, self._held = self._held, []
                for waiting in held:
                    self._sort(waiting, shown)

    def _will_be_done(self, event: ev.ActionClosed) -> bool:
        return self._mode == "build" and event.complete and event.kind != "example"

    def _action_of(self, event: ev.AnyEvent) -> str:
        run = getattr(event, "run", "")
        return self._actions.get(run, "") if run else getattr(event, "action", "")

    def _hold(self, event: ev.AnyEvent) -> None:
        joined = join(self._held[-1], event) if self._held else None
        if joined is None:
            self._held.append(event)
        else:
            self._held[-1] = joined
