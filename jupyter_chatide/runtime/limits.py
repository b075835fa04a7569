"""How much a run may use."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is held to, with defaults that suit a laptop.

    Args:
        run_time: seconds a run may take; ``0`` for no limit.
        interrupt_grace: seconds that interrupted code has to stop before its kernel is killed.
        start_time: seconds a kernel may take to start.
        output_bytes: bytes of output that one run may show; past that, the beginning and the end
            are kept.
        file_bytes: bytes of one file read from or written to a workspace by the server.
        listed_files: how many files a listing of a workspace names at most.
    """

    run_time: float = 120.0
    interrupt_grace: float = 3.0
    start_time: float = 60.0
    output_bytes: int = 20_000_000
    file_bytes: int = 100_000_000
    listed_files: int = 2_000
