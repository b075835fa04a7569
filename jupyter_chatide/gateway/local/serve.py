"""The serving process: one model in llama.cpp, behind HTTP on loopback. Run with ``python -m``.

The first line of standard input says what to serve (``Start``); the answer is one line on standard
output (``Started``). The process ends with its standard input, and on Linux also with its parent
itself, as llama.cpp holds the interpreter while it loads a model.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

_DEATH_SIGNAL, _DUMPABLE = 1, 4  # of prctl
_KILL = 9
_PROMPT_CACHE = 256  # MB for conversations that are not the current one
_NICER = 5
_FIRST_TO_GO = "700"  # when memory runs out: of 1000


class Start(msgspec.Struct, frozen=True):
    """What to serve.

    Args:
        path: the model's file.
        model: what the model is called.
        key: what every request must carry.
        context: tokens of a conversation.
        needed: bytes of memory for it, 0 where enough of it is free.
        threads: 0 leaves it to llama.cpp.
        parent: the process to end with.
    """

    path: str
    model: str
    key: str
    context: int
    needed: int
    threads: int
    parent: int

    def __repr__(self) -> str:  # the key belongs into no log
        return f"Start({self.model!r})"


class Started(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where it is served, or why it is not.

    ``problem`` is ``memory``, ``missing`` (xllamacpp is not here, or does not load) or ``model``.
    """

    url: str = ""
    problem: str = ""


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a terminal it is meant for Jupyter
    try:
        start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
        _give_way(start.parent)
        answers = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # llama.cpp writes there, too
        server, started = _serve(start)
        os.write(answers, msgspec.json.encode(started) + b"\n")
        while server is not None and sys.stdin.buffer.read(1 << 16):
            pass
    finally:
        # At once, whatever happened: there is nothing to save, and llama.cpp waits for its clients.
        os._exit(0)


def _serve(start: Start) -> tuple[Any, Started]:
    try:
        import xllamacpp
    except (ImportError, OSError):
        return None, Started(problem="missing")
    if start.needed and not _on_graphics(xllamacpp, start.needed):
        return None, Started(problem="memory")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = start.path
    parameters.model_alias = {start.model}
    parameters.n_ctx = start.context
    parameters.api_keys = [start.key]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.warmup = False
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cache_ram_mib = _PROMPT_CACHE
    parameters.verbosity = -1  # its log would hold prompts
    if start.threads:
        parameters.cpuparams.n_threads = start.threads
    try:
        server = xllamacpp.Server(parameters)
    except MemoryError:
        return None, Started(problem="memory")
    except Exception:  # it says no more than that it failed
        return None, Started(problem="model")
    return server, Started(url=server.listening_address)


def _on_graphics(xllamacpp: Any, needed: int) -> bool:
    """Whether a graphics card has the memory that the machine has not."""
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    free = [
        device["memory_free"] for device in xllamacpp.get_device_info() if device["type"] != cpu
    ]
    return max(free, default=0) > needed


def _give_way(parent: int) -> None:
    """Come after Jupyter in everything: end with it, and leave it processor and memory."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    os.nice(_NICER)
    library = ctypes.CDLL(None)
    library.prctl(_DUMPABLE, 0, 0, 0, 0)  # others of this user do not look into its memory
    library.prctl(_DEATH_SIGNAL, _KILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before
        os._exit(0)


if __name__ == "__main__":
    main()
