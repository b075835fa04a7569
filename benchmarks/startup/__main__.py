"""Measure what Jupyter ChatIDE adds to the start of a Jupyter server.

Run from the repository's root, with the package installed::

    python -m benchmarks.startup [ROUNDS] [EXTENSION …]

Each round starts a server without extensions, one with ours, and one with each other EXTENSION
that is installed in the same environment (``jupyter_ai_litellm``, ``notebook_intelligence``), in
turns first, so that what else the machine does falls on all. Shown are medians of ROUNDS (9 by
default), and the best of them, which is nearer the truth on a busy machine:

- *first answer*: from the start of the process to the answer of ``/api/status``;
- *processor time*: of that process, from its start to its end;
- *extension load*: finding, importing, linking and loading the extension in that process;
- *import*: ``import jupyter_chatide`` alone, by ``-X importtime``.

The last lines say whether import and load together stay under 100 ms, and whether loading stays
within 3 % of the server's own start, by their medians; the exit status is 1 when they do not.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

OURS = "jupyter_chatide"
LIMIT = 100.0  # milliseconds
SHARE = 3.0  # percent of the server's own start
PATIENCE = 60.0  # seconds that a server may take to answer

# Runs a server, and writes down how long each extension took to be linked and loaded.
SERVER = """
import json, sys, time
from jupyter_server.extension.manager import ExtensionManager
from jupyter_server.serverapp import ServerApp

spent = {}

def timed(method, name_at):
    def wrapper(self, *args, **kwargs):
        begun = time.perf_counter()
        try:
            return method(self, *args, **kwargs)
        finally:
            name = args[name_at]
            spent[name] = spent.get(name, 0) + (time.perf_counter() - begun) * 1e3
            with open(sys.argv[1], "w") as file:
                json.dump(spent, file)
    return wrapper

for method in ("add_extension", "link_extension", "load_extension"):
    setattr(ExtensionManager, method, timed(getattr(ExtensionManager, method), 0))
ServerApp.launch_instance(sys.argv[2:])
"""


def main(rounds: int, others: list[str]) -> int:
    """Measure, print, and return the exit status: 1 when a limit is passed."""
    names = ["", OURS, *others]
    starts: dict[str, list[Start]] = {name: [] for name in names}
    for round in range(rounds):
        for name in names if round % 2 else reversed(names):
            starts[name].append(start_server(name, names))
    imports = [import_time() for _ in range(rounds)]

    def median(name: str, figure: str) -> float:
        return statistics.median(getattr(start, figure) for start in starts[name])

    print(f"{'milliseconds':32}{'median':>8}{'best':>8}{'ratio':>8}")
    for figure, label in (("answer", "first answer"), ("processor", "processor time")):
        for name in names:
            figures = [getattr(start, figure) for start in starts[name]]
            show(f"{label}, {name or 'none'}", figures, median("", figure))
    for name in names[1:]:
        show(f"load of {name}", [start.load for start in starts[name]])
    show("import jupyter_chatide", imports)
    load = median(OURS, "load")
    added = load + statistics.median(imports)
    share = load / median("", "answer") * 100
    print(f"added: {added:.0f} ms of {LIMIT:g} ms, {'within' if added < LIMIT else 'OVER'}")
    print(
        f"load: {share:.1f} % of the server's own start, of {SHARE:g} %,"
        f" {'within' if share <= SHARE else 'OVER'}"
    )
    return 0 if added < LIMIT and share <= SHARE else 1


def show(name: str, figures: list[float], base: float = 0.0) -> None:
    """Print the median and the best of some figures, and the median's ratio to ``base``."""
    middle = statistics.median(figures)
    ratio = f"{middle / base:8.3f}" if base else ""
    print(f"{name:32}{middle:8.1f}{min(figures):8.1f}{ratio}")


class Start(NamedTuple):
    """One start of a server, in milliseconds."""

    answer: float
    processor: float
    load: float


def start_server(name: str, known: list[str]) -> Start:
    """Start a server with one extension, or with none of those known, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        spent = Path(folder) / "spent.json"
        # jupyter_lsp looks for language servers in a thread, now before the first answer, now
        # after it: noise larger than what is measured.
        extensions = {other: other == name for other in known if other} | {"jupyter_lsp": False}
        settings = {"ServerApp": {"jpserver_extensions": extensions}}
        (Path(folder) / "jupyter_server_config.json").write_text(json.dumps(settings))
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": folder,
            "JUPYTER_DATA_DIR": folder,
            "JUPYTER_RUNTIME_DIR": folder,
        }
        command = [
            *(sys.executable, "-c", SERVER, str(spent)),
            *(f"--port={port}", "--ServerApp.port_retries=0", "--no-browser", "--allow-root"),
            *("--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"),
        ]
        used = processor_time()
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await_answer(f"http://127.0.0.1:{port}/api/status?token=t", process)
            answer = (time.perf_counter() - begun) * 1e3
        finally:
            process.terminate()
            process.wait()
        load = json.loads(spent.read_text()).get(name, 0.0)
        return Start(answer, processor_time() - used, load)


def processor_time() -> float:
    """Milliseconds of processor time that all ended child processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1e3


def await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)
    raise SystemExit("The server did not start.")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def import_time() -> float:
    """Milliseconds that ``import jupyter_chatide`` takes, all it imports included."""
    command = [sys.executable, "-X", "importtime", "-c", "import jupyter_chatide"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = next(
        line for line in done.stderr.splitlines() if line.rstrip().endswith("| jupyter_chatide")
    )
    return int(last.split("|")[1]) / 1e3


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9, sys.argv[2:]))
