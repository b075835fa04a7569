"""Measure what Jupyter ChatIDE adds to the start of a Jupyter server.

Run from the repository's root, with the package installed::

    python -m benchmarks.startup [ROUNDS]

Each round starts a server with and one without the extension, one after the other and in turns
first, so that what else the machine does falls on both. The figures are medians of ROUNDS (7 by
default):

- *first answer*: from the start of the process to the answer of ``/api/status``;
- *extension load*: validating, linking and loading the extension, inside that process;
- *import*: ``import jupyter_chatide`` alone, by ``-X importtime``.

The last line says whether import and load together stay under 100 ms.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

LIMIT = 100.0  # milliseconds
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


def main(rounds: int) -> int:
    """Measure, print, and return the exit status: 1 when the limit is passed."""
    answers: dict[bool, list[float]] = {True: [], False: []}
    loads: list[float] = []
    for round in range(rounds):
        for enabled in (True, False) if round % 2 else (False, True):
            answer, load = start_server(enabled)
            answers[enabled].append(answer)
            if enabled:
                loads.append(load)
    imports = [import_time() for _ in range(rounds)]

    with_it, without = statistics.median(answers[True]), statistics.median(answers[False])
    load, imported = statistics.median(loads), statistics.median(imports)
    print(f"first answer without the extension  {without:8.0f} ms")
    print(f"first answer with the extension     {with_it:8.0f} ms   × {with_it / without:.3f}")
    print(f"extension load                      {load:8.1f} ms   × {load / without:.3f}")
    print(f"import jupyter_chatide              {imported:8.1f} ms")
    added = load + imported
    print(f"added: {added:.1f} ms of {LIMIT:g} ms, {'within' if added < LIMIT else 'OVER'}")
    return 0 if added < LIMIT else 1


def start_server(enabled: bool) -> tuple[float, float]:
    """Start a server and end it.

    Returns:
        Milliseconds until its first answer, and those that loading the extension took of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        spent = Path(folder) / "spent.json"
        settings = {"ServerApp": {"jpserver_extensions": {"jupyter_chatide": enabled}}}
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
        return answer, json.loads(spent.read_text()).get("jupyter_chatide", 0.0)


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
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
