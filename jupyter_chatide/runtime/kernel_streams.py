"""The kernel's stdout and stderr, paced so that a flood of text drowns nobody."""

from __future__ import annotations

import time

from ipykernel.iostream import OutStream

_CHUNK = 256 * 1024  # characters
_CHUNK_SECONDS = 1 / 80  # some 20 MB/s


class PacedOutStream(OutStream):  # type: ignore[misc]  # ipykernel has no types
    """Sends text soon, in messages of bounded size, at a bounded rate."""

    flush_interval = 0.05  # seconds; ipykernel's own 0.2 is felt while a reply streams

    _unsent = 0
    _last_chunk = 0.0

    def write(self, string: str) -> int | None:
        """Write text; waits when the code writes faster than anybody can take."""
        if isinstance(string, str) and not string.isascii():
            # Lone surrogates fit in no message; ipykernel would lose all the text around them.
            string = string.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not isinstance(string, str) or len(string) + self._unsent < _CHUNK:
            written: int | None = super().write(string)
            self._unsent += len(string)
            return written
        for start in range(0, len(string), _CHUNK):
            super().write(string[start : start + _CHUNK])
            self.flush()
            self._unsent = 0
            time.sleep(max(0.0, self._last_chunk + _CHUNK_SECONDS - time.monotonic()))
            self._last_chunk = time.monotonic()
        return len(string)
