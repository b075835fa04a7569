"""What a run gives: outputs as nbformat describes them, and how it ended."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

RunStatus = Literal["ok", "error", "interrupted", "timeout", "died"]


class RunError(msgspec.Struct, frozen=True):
    """An exception in the code that ran, as the kernel reported it."""

    ename: str
    evalue: str
    traceback: list[str]  # lines, with ANSI colours


class RunNotice(msgspec.Struct, frozen=True):
    """Something a person should know about a run: a limit that was hit, variables that are gone."""

    code: str
    message: str
    hint: str = ""


class OutputChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change to the outputs of a run, as it happens.

    ``op`` is ``"append"`` (``output`` joins; stream text continues the stream before it),
    ``"update"`` (``output`` replaces every output shown under ``display_id``) or ``"clear"``
    (all outputs go; with ``wait``, when the next one comes).
    ``output`` is an nbformat 4 output dict.
    """

    op: Literal["append", "update", "clear"]
    output: dict[str, Any] | None = None
    display_id: str = ""
    wait: bool = False


class RunResult(msgspec.Struct, frozen=True):
    """How one execution of code ended.

    ``duration`` is in seconds; ``outputs`` are nbformat 4 output dicts.
    """

    status: RunStatus
    outputs: list[dict[str, Any]]
    error: RunError | None
    execution_count: int | None
    duration: float
    notices: list[RunNotice] = []


class Dimension(msgspec.Struct, frozen=True):
    """One thing a sandbox may or may not keep generated code from.

    ``enforced`` says whether anything stops it; ``mechanism`` what does; ``gap`` what is not
    stopped, in one sentence; ``hint`` how to close the gap.
    """

    name: Literal[
        "environment",
        "read_files",
        "write_files",
        "network",
        "processes",
        "ipc",
        "memory",
        "time",
        "output",
    ]
    label: str
    enforced: bool
    mechanism: str = ""
    gap: str = ""
    hint: str = ""


class SandboxReport(msgspec.Struct, frozen=True):
    """The tier in force, what a person should know of it in one sentence, and each dimension."""

    tier: Literal["full", "partial", "remote", "minimal"]
    summary: str
    dimensions: list[Dimension]
