"""One turn, in the order to read it in: each block of code with its outputs, then what follows.

In the log, a run's outputs come while the reply goes on. Where what is shown cannot be inserted
above (a terminal, the outputs of a cell), what follows a block waits until the block is done.
"""

from __future__ import annotations

from ..chat import events as ev
from ..chat.log import join


class TurnReading:
    """Picks a turn's events out of its chat's log, and holds back those that come too early.

    Args:
        turn: its id.
    """

    def __init__(self, turn: str) -> None:
        self.end: ev.TurnFinished | None = None
        """The turn's last event, once it was read."""
        self._turn = turn
        self._started = False
        self._mode: ev.Mode = "build"
        self._actions: dict[str, str] = {}  # run of this turn → its action
        self._awaited = ""  # the action that has to be done before anything else is read
        self._held: list[ev.AnyEvent] = []
        self._last_went_well = True

    @property
    def went_well(self) -> bool:
        """Whether the turn finished, and the last thing that it did went well."""
        finished = self.end is not None and self.end.status == "finished"
        return finished and self._last_went_well

    def feed(self, event: ev.AnyEvent) -> list[ev.AnyEvent]:
        """Take in the log's next event.

        Returns:
            The events to show now, in the order to read them in.
        """
        if isinstance(event, ev.TurnStarted) and event.turn == self._turn:
            self._started = True
        if not self._started or self.end:
            return []
        if isinstance(event, ev.RunStarted) and event.turn == self._turn:
            self._actions[event.run] = event.action
        run = getattr(event, "run", "")
        if run and run not in self._actions:
            return []  # somebody runs a block again, from another client
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
            case ev.RunFinished() | ev.ActionFinished():
                if event.status != "skipped":
                    self._last_went_well = event.status in {"ok", "done"}
                self._awaited = ""
                held, self._held = self._held, []
                for waiting in held:
                    self._sort(waiting, shown)
            case ev.TurnFinished():
                self.end = event

    def _will_be_done(self, event: ev.ActionClosed) -> bool:
        return self._mode == "build" and event.complete and event.kind != "example"

    def _action_of(self, event: ev.AnyEvent) -> str:
        run = getattr(event, "run", "")
        return self._actions[run] if run else getattr(event, "action", "")

    def _hold(self, event: ev.AnyEvent) -> None:
        joined = join(self._held[-1], event) if self._held else None
        if joined is None:
            self._held.append(event)
        else:
            self._held[-1] = joined
