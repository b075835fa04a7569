"""The circuit breaker: a model that keeps failing rests before it is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable

_FAILURES = 3  # in a row, then the model rests
_REST = 30.0  # seconds of the first rest; each further one doubles it
_LONGEST_REST = 300.0  # seconds


class _Record:
    """How it went with one model since its last answer."""

    def __init__(self) -> None:
        self.failures = 0
        self.rest = 0.0  # seconds of the last rest
        self.until = 0.0  # the clock's time of that rest's end
        self.trying = False  # one request finds out whether it is over


class Breaker:
    """Which models rest, and for how long.

    A model rests after three failures in a row, for 30 s, then twice as long each time up to
    5 min. After a rest one request tries the model while the others still pass it by: an answer
    ends the matter, a failure begins the next rest.

    Args:
        clock: seconds, steadily growing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def rest(self, model: str) -> float:
        """How many seconds the model still rests; 0 when it can be asked.

        Args:
            model: ``provider/model``.
        """
        record = self._records.get(model)
        if record is None or record.failures < _FAILURES:
            return 0.0
        left = record.until - self._clock()
        return max(left, 1.0) if record.trying else max(left, 0.0)

    def asked(self, model: str) -> None:
        """A request goes to the model; ``answered``, ``failed`` or ``left`` must follow."""
        record = self._records.get(model)
        if record is not None and record.failures >= _FAILURES:
            record.trying = True

    def answered(self, model: str) -> None:
        """The model answered, if only to refuse this very request."""
        self._records.pop(model, None)

    def failed(self, model: str) -> None:
        """The model failed in a way that others of its requests would meet too."""
        record = self._records.setdefault(model, _Record())
        record.failures += 1
        record.trying = False
        if record.failures >= _FAILURES and record.until <= self._clock():
            record.rest = min(max(record.rest * 2, _REST), _LONGEST_REST)
            record.until = self._clock() + record.rest

    def left(self, model: str) -> None:
        """The request ended before it showed anything of the model."""
        if record := self._records.get(model):
            record.trying = False

    def forget(self, provider: str) -> None:
        """None of a provider's models rests any more: it was seen to answer.

        Args:
            provider: its id.
        """
        for model in [name for name in self._records if name.startswith(f"{provider}/")]:
            del self._records[model]
