"""Our end of a serving process: its start, its end, and what only it is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import msgspec

from ..errors import GatewayError, OverloadedError
from .gguf import Header
from .memory import Plan
from .serve import Start, Started

_KEPT_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("TMPDIR", "TEMP", "TMP"),
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA"),
    *("USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    *("HSA_OVERRIDE_GFX_VERSION", "GGML_VK_VISIBLE_DEVICES"),
)
"""All that the serving process sees of the environment: no provider's variable is among them."""

_FAREWELL = 2.0
"""Seconds that a process which cannot serve has to end. A signal to one that is just ending can
make asyncio lose its status, with a warning (Python before 3.13)."""


class ReadyModel(msgspec.Struct, frozen=True):
    """A model that can be served.

    Args:
        id: what stands behind ``local/``.
        label: what people read.
        path: its file.
        header: what the file says of itself.
    """

    id: str
    label: str
    path: Path
    header: Header


class ServingProcess:
    """A process that serves one model. ``start`` makes one."""

    def __init__(self, process: Process, model: ReadyModel, context: int, key: str) -> None:
        self._process = process
        self.model = model
        self.context = context
        self.key = key
        self.url = ""
        self.users = 0
        self._ended = asyncio.create_task(process.wait())

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._ended.done()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @classmethod
    async def start(cls, model: ReadyModel, plan: Plan, threads: int = 0) -> ServingProcess:
        """Start a process and wait until it has loaded the model. Cancelling ends it.

        Args:
            model: what to serve.
            plan: how much of it fits.
            threads: how many it computes with; 0 is one a core.

        Raises:
            GatewayError: it does not fit into memory, xllamacpp is not there, or the file is none
                that llama.cpp knows.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-W", "ignore", "-m", f"{__package__}.serve"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                cwd=Path(sys.executable).anchor,
                start_new_session=True,  # an interrupt in the terminal is not for it
            )
        except OSError as error:
            raise GatewayError(
                f"The process that serves {model.label} did not start: {error.strerror}.",
                "Close something else, and try again.",
            ) from None
        self = cls(process, model, plan.context, secrets.token_urlsafe(32))
        try:
            self.url = await self._load(plan, threads or _threads())
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _load(self, plan: Plan, threads: int) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        start = Start(
            path=str(self.model.path),
            model=self.model.id,
            key=self.key,
            context=plan.context,
            needed=0 if plan.fits else plan.needed,
            threads=threads,
            parent=os.getpid(),
        )
        self._process.stdin.write(msgspec.json.encode(start) + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        try:
            started = msgspec.json.decode(line, type=Started)
        except msgspec.MsgspecError:
            status = await self._ended
            raise OverloadedError(
                f"The process that loads {self.model.label} ended with status {status}.",
                "Choose a smaller model if memory is short, or try again.",
            ) from None
        if started.problem:
            await self.ended_within(_FAREWELL)  # it ends by itself
            raise _failure(started.problem, self.model, plan)
        return started.url

    async def ended_within(self, seconds: float) -> bool:
        """Whether the process has ended, or ends within so many seconds."""
        await asyncio.wait([self._ended], timeout=seconds)
        return not self.alive

    async def aclose(self) -> None:
        """End the process; its memory is free when this returns. Safe to call twice."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.wait([self._ended])
        if self._process.stdin is not None:
            self._process.stdin.close()


def _failure(problem: str, model: ReadyModel, plan: Plan) -> GatewayError:
    if problem == "memory":
        return GatewayError(
            f"{model.label} needs about {plan.needed / 1e9:.1f} GB of memory; "
            f"{plan.available / 1e9:.1f} GB are free.",
            "Close what you don't need, or choose a smaller model.",
        )
    if problem == "missing":
        return GatewayError(
            "xllamacpp, which serves local models, cannot be loaded.",
            "Install it anew: pip install --force-reinstall 'jupyter-chatide[local]'",
        )
    return GatewayError(
        f"llama.cpp cannot load {model.label}: its file is damaged, or of a kind that it does not "
        "know.",
        "Choose another model, or install a newer xllamacpp.",
    )


def _threads() -> int:
    """How many threads, where this process may use fewer processors than there are; else 0."""
    if sys.platform != "linux":
        return 0
    usable = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        usable = min(usable, max(1, round(int(quota) / int(period))))
    return usable if usable < (os.cpu_count() or 1) else 0
