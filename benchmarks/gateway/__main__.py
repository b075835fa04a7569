"""Measure what the gateway costs, beside plain httpx and litellm, in one run.

Run from the repository's root, with the package installed::

    python -m benchmarks.gateway [ROUNDS]

Each round (3 by default) runs every measure once, each way of asking in a process of its own and
in turns, against one provider on loopback (``upstream``) that sends tokens on time. Shown are the
medians over the rounds, ratios, and whether each limit is kept; the exit status is 1 when one is
not. What each measure is, ``client`` says.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MEASURES: dict[str, tuple[str, str, int, int, int]] = {
    # name: way, measure, streams, tokens, tokens a second
    "httpx": ("httpx", "load", 10, 300, 100),
    "direct": ("direct", "load", 10, 300, 100),
    "litellm": ("litellm", "load", 10, 300, 100),
    "worker": ("worker", "load", 10, 300, 100),
    "httpx first": ("httpx", "first", 53, 5, 0),
    "direct first": ("direct", "first", 53, 5, 0),
    "litellm first": ("litellm", "first", 53, 5, 0),
    "worker first": ("worker", "first", 53, 5, 0),
    "direct many": ("direct", "load", 100, 1000, 100),
    "worker many": ("worker", "load", 60, 1000, 100),
    "direct stop": ("direct", "stop", 20, 1000, 100),
    "worker stop": ("worker", "stop", 20, 1000, 100),
}
ON_TIME = 500.0  # milliseconds that an answer of ten seconds may end late

Found = dict[str, Any]


def main(rounds: int) -> int:
    """Measure, print, and return the exit status: 1 when a limit is passed."""
    found: dict[str, list[Found]] = {name: [] for name in MEASURES}
    for number in range(rounds):
        names = list(MEASURES)
        for name in names if number % 2 == 0 else reversed(names):
            print(f"round {number + 1} of {rounds}: {name:14}", end="\r", file=sys.stderr)
            with upstream() as port:
                way, measure, *numbers = MEASURES[name]
                command = ["-m", "benchmarks.gateway.client", way, measure]
                said = subprocess.run(
                    [sys.executable, *command, *map(str, (port, *numbers))],
                    stdout=subprocess.PIPE,
                    check=True,
                )
                found[name].append(json.loads(said.stdout))

    def median(name: str, figure: str) -> float:
        return statistics.median(one[figure] for one in found[name])

    print(f"{'processor time a chunk, this process':44}{'µs':>8}  × httpx")
    plain = median("httpx", "processor")
    for name in ("httpx", "direct", "litellm", "worker"):
        spent = median(name, "processor")
        print(f"  {name:42}{spent:8.0f}{spent / plain:9.2f}")
    print(f"  {'the worker process itself':42}{median('worker', 'children'):8.0f}")
    print(f"{'time to first token':44}{'ms':>8}  added to httpx")
    first = median("httpx first", "median")
    for name in ("httpx", "direct", "litellm", "worker"):
        took = median(f"{name} first", "median")
        print(f"  {name:42}{took:8.2f}{took - first:9.2f}")
    print(f"{'100 tokens/s to each of':44}{'ms':>8}")
    for name, streams in (("direct many", "100 direct"), ("worker many", "60 litellm")):
        print(f"  {streams + ' streams: lag of the loop, median':42}", end="")
        print(f"{median(name, 'lag_median'):8.1f}")
        print(f"  {'lag of the loop, p99':42}{median(name, 'lag_p99'):8.1f}")
        print(f"  {'end of an answer of 10 s, median late':42}{median(name, 'late_median'):8.0f}")
        print(f"  {'end of an answer of 10 s, worst late':42}{median(name, 'late_worst'):8.0f}")
    workers = found["worker many"][-1]
    sizes = ", ".join(f"{size:.0f}" for size in workers["memory"])
    print(f"  {workers['workers']} worker processes, MB each: {sizes}")
    print(f"{'Stop to connection closed':44}{'ms':>8}   worst")
    for name in ("direct", "worker"):
        took, worst = median(f"{name} stop", "median"), median(f"{name} stop", "worst")
        print(f"  {name:42}{took:8.1f}{worst:8.1f}")

    limits = {
        "direct: processor time a chunk / httpx": (median("direct", "processor") / plain, 2.0),
        "worker: server's processor time / litellm in process": (
            median("worker", "processor") / median("litellm", "processor"),
            0.2,
        ),
        "direct: added to first token, ms": (median("direct first", "median") - first, 2.0),
        "worker: added to first token, ms": (median("worker first", "median") - first, 15.0),
        "100 direct streams: p99 lag, ms": (median("direct many", "lag_p99"), 20.0),
        "60 litellm streams: p99 lag, ms": (median("worker many", "lag_p99"), 20.0),
        "100 direct streams: worst late, ms": (median("direct many", "late_worst"), ON_TIME),
        "60 litellm streams: worst late, ms": (median("worker many", "late_worst"), ON_TIME),
        "direct: Stop, worst, ms": (median("direct stop", "worst"), 50.0),
        "worker: Stop, worst, ms": (median("worker stop", "worst"), 50.0),
    }
    print(f"{'limits':60}{'found':>8}{'limit':>8}")
    for name, (figure, limit) in limits.items():
        kept = "within" if figure <= limit else "OVER"
        print(f"  {name:58}{figure:8.2f}{limit:8g}  {kept}")
    return int(any(figure > limit for figure, limit in limits.values()))


@contextmanager
def upstream() -> Iterator[int]:
    """A provider of its own; gives its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway.upstream"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    with process:
        yield int(process.stdout.readline())
        process.stdin.close()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
