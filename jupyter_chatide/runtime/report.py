"""Says what a sandbox keeps generated code from, and what not, on this machine."""

from __future__ import annotations

import sys

from .limits import Limits
from .results import Dimension, SandboxReport

_CONTAINER = "Run Jupyter itself in a container or a virtual machine."


def sandbox_report(limits: Limits, platform: str = sys.platform) -> SandboxReport:
    """What is in force, and the gaps.

    Args:
        limits: what runs are held to.
        platform: as ``sys.platform`` has it.
    """
    return SandboxReport(
        tier="minimal",
        summary=(
            "Generated code runs in a process of its own, without the keys in your environment "
            "and within limits of time and output, but it reaches your files and the network as "
            "any program of yours does."
        ),
        dimensions=[
            Dimension(
                "environment",
                "Keys in the environment",
                enforced=True,
                mechanism="The kernel gets an allow-listed environment and a home of its own.",
            ),
            Dimension(
                "read_files",
                "Reading files",
                enforced=False,
                gap="Code can read every file that you can, keys in files included.",
                hint=_CONTAINER,
            ),
            Dimension(
                "write_files",
                "Writing files",
                enforced=False,
                mechanism="Code starts in the workspace's folder.",
                gap="Code can change and delete every file that you can.",
                hint=_CONTAINER,
            ),
            Dimension(
                "network",
                "Network",
                enforced=False,
                gap="Code can reach the network, and the servers on this machine.",
                hint="Run Jupyter in a container without network.",
            ),
            _processes(platform),
            _ipc(platform),
            Dimension(
                "memory",
                "Memory",
                enforced=False,
                gap="Code can use all the memory that you may use.",
                hint="Limit the Jupyter server's memory, by its container or systemd.",
            ),
            _time(limits),
            Dimension(
                "output",
                "Output",
                enforced=True,
                mechanism=(
                    f"Of more than {limits.output_bytes / 1e6:g} MB a run, the beginning and "
                    "the end are kept."
                ),
            ),
        ],
    )


def _processes(platform: str) -> Dimension:
    if platform == "linux":
        return Dimension(
            "processes",
            "Processes",
            enforced=False,
            mechanism=(
                "A supervisor ends all that the kernel started, daemons included, when the kernel "
                "or the server ends."
            ),
            gap="Code can signal your other processes, its supervisor included.",
            hint=_CONTAINER,
        )
    return Dimension(
        "processes",
        "Processes",
        enforced=False,
        mechanism="What the kernel started ends with it, as far as it is still its descendant.",
        gap="Daemons can outlive the kernel, and code can signal your other processes.",
        hint=_CONTAINER,
    )


def _ipc(platform: str) -> Dimension:
    if platform == "win32":
        mechanism = "The kernel listens on this machine only, and messages are signed."
    else:
        mechanism = "The kernel's own sockets are files in a folder that only you can enter."
    return Dimension(
        "ipc",
        "Talking to other programs",
        enforced=False,
        mechanism=mechanism,
        gap="Code can talk to your other programs through their sockets.",
        hint=_CONTAINER,
    )


def _time(limits: Limits) -> Dimension:
    if not limits.run_time:
        return Dimension(
            "time",
            "Time",
            enforced=False,
            gap="A run may take for ever.",
            hint="Set a time limit.",
        )
    return Dimension(
        "time",
        "Time",
        enforced=True,
        mechanism=(
            f"A run is interrupted after {limits.run_time:g} s; {limits.interrupt_grace:g} s "
            "later its kernel is ended if it did not obey."
        ),
    )
