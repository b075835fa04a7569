"""How many turns go on at once: so many run, some more wait in order, and the rest is refused."""

from __future__ import annotations

import asyncio
from collections import deque

from ..errors import TooBusyError


class TurnPlaces:
    """The places for turns of one server.

    Args:
        running: how many turns go on at once.
        waiting: how many more wait for that.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.limit = running
        self._free = running
        self._max_waiting = waiting
        self._queue: deque[TurnPlace] = deque()

    def claim(self) -> TurnPlace:
        """A place, or one in the queue. It must be given back.

        Raises:
            TooBusyError: the queue is full.
        """
        place = TurnPlace(self)
        if self._free:
            self._free -= 1
            place.ready.set()
        elif len(self._queue) < self._max_waiting:
            self._queue.append(place)
        else:
            raise TooBusyError(
                f"{self.limit} turns are going on in other chats, and {self._max_waiting} wait.",
                "Wait for one to end, or stop one.",
            )
        return place

    def take_back(self, place: TurnPlace) -> None:
        """Give a place to the next in the queue; one that still waits leaves the queue."""
        if not place.ready.is_set():
            self._queue.remove(place)
        elif self._queue:
            self._queue.popleft().ready.set()
        else:
            self._free += 1


class TurnPlace:
    """One turn's place. ``ready`` is set once the turn may go on."""

    def __init__(self, places: TurnPlaces) -> None:
        self.ready = asyncio.Event()
        self._places: TurnPlaces | None = places

    def give_back(self) -> None:
        """Leave it to another. Safe to call twice."""
        places, self._places = self._places, None
        if places:
            places.take_back(self)
