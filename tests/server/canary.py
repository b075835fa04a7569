"""The hunt for keys: one of its own for each place, used in every way there is, and looked for
wherever something may have been left."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.keyring_backend import CLASS, STORE
from tests.fakes.provider import HOLD, Failure, FakeProvider
from tests.fakes.server import FakeServer
from tests.gateway.asking import SERVICE_ACCOUNT

from .process import JupyterProcess

WORKER = "jupyter_chatide.gateway.litellm.worker"
PLACES = {
    "environment": "openai",
    "trait": "of-the-lab",
    "keyring": "in-the-keyring",
    "file": "in-a-file",
    "memory": "in-memory",
    "worker": "anthropic",  # in a file, and on the way through the litellm worker
}
_PIECE = 10  # characters of a key that are taken for it
_LOOKS = """
```python
import os, pathlib, sys
print("I see", dict(os.environ), sys.argv, sys.orig_argv)
for name in ("environ", "cmdline"):
    print(pathlib.Path("/proc/self", name).read_bytes())
```
"""


class Canary:
    """A key that is to be found in one place only.

    Args:
        name: where that is.
    """

    def __init__(self, name: str) -> None:
        self.core = secrets.token_hex(20)
        self.key = f"sk-{name}-{self.core}"

    def is_in(self, data: bytes) -> bool:
        """Whether the key is there, or a piece of it."""
        found = data.lower()
        return any(
            self.core[i : i + _PIECE].encode() in found for i in range(len(self.core) - _PIECE + 1)
        )


class Hunt:
    """A server whose keys are used in every way, and what came of it.

    Attributes:
        canaries: by place.
        said: everything that the server and the terminal answered.
        processes: command lines and environments of all processes seen below the server.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canaries = {place: Canary(place) for place in PLACES}
        self.private_key = Canary("private")
        self.token = ""
        self.said: list[tuple[str, bytes]] = []
        self.processes: dict[str, bytes] = {}
        self.keyring = folder / "keyring"
        self.trait = folder / "lab.key"
        self.fakes: dict[str, FakeServer] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server and its providers."""
        with ExitStack() as stack:
            for place, canary in self.canaries.items():
                kind = FakeAnthropic if place == "worker" else FakeProvider
                self.fakes[place] = stack.enter_context(kind(key=canary.key))
            self._configure()
            self.server.start()
            stack.callback(self.server.stop)
            yield

    def _configure(self) -> None:
        for name in ("home", "tmp", "keyring"):
            (self.folder / name).mkdir()
        self.trait.write_text(self.canaries["trait"].key)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_TOKEN"))},
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONASYNCIODEBUG": "1",
            "LITELLM_LOG": "DEBUG",
            "CHATIDE_TEST_LOG": str(self.folder / "everything.log"),
            "PYTHON_KEYRING_BACKEND": CLASS,
            STORE: str(self.keyring),
            "OPENAI_API_KEY": self.canaries["environment"].key,
            "OPENAI_BASE_URL": f"{self.fakes['environment'].origin}/v1",
            "ANTHROPIC_BASE_URL": self.fakes["worker"].origin,
        }
        extensions = ("jupyter_chatide", "tests.server.debug_log")
        self.server = JupyterProcess(
            self.folder,
            extensions=dict.fromkeys(extensions, True),
            options=("--debug",),
            environment=self.environment,
        )
        lab = {"label": "Lab", "base_url": f"{self.fakes['trait'].origin}/v1"}
        path = self.folder / "jupyter_server_config.json"
        settings = json.loads(path.read_text())
        settings["ChatIDEExtension"] |= {
            "providers": {"of-the-lab": lab},
            "keys": {"of-the-lab": f"file:{self.trait}"},
        }
        path.write_text(json.dumps(settings))
        self.environment |= {
            "JUPYTER_CONFIG_DIR": str(self.folder),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
        }

    # What is done with the keys.

    def set_keys(self) -> None:
        """Set the keys that a person sets."""
        for place in ("keyring", "file", "memory"):
            provider = PLACES[place]
            server = {"label": place, "base_url": f"{self.fakes[place].origin}/v1"}
            self.ask("PUT", f"providers/{provider}", server | {"needs_key": True})
            self._set_key(provider, self.canaries[place].key, place)
        self._set_key("anthropic", self.canaries["worker"].key, "file")
        lines = SERVICE_ACCOUNT["private_key"].splitlines()
        lines[1] = f"MII{self.private_key.core}"
        document = SERVICE_ACCOUNT | {
            "private_key": "\n".join(lines),
            "private_key_id": self.private_key.core,
        }
        self._set_key("vertex", json.dumps(document), "file")
        self.ask("PUT", "providers/vertex/options", {"project": "some-project"})
        # What is refused is not kept either.
        for wrong in ("{key} {key}", "{key}\nX-Evil: 1", "ü{key}", "{key}" * 100):
            body = {"key": wrong.format(key=self.canaries["file"].key), "place": "file"}
            assert self.ask("PUT", "keys/groq", body) == 400
        for body in (b'{"key": "%s", "oops', b'{"key": ["%s"]}', b'{"%s": 1}'):
            data = body.replace(b"%s", self.canaries["file"].key.encode())
            assert self.ask("PUT", "keys/groq", data) == 400

    def _set_key(self, provider: str, key: str, place: str) -> None:
        assert self.ask("PUT", f"keys/{provider}", {"key": key, "place": place}) == 200

    def use(self, place: str) -> None:
        """Use a key in every way that goes well."""
        provider, fake = PLACES[place], self.fakes[place]
        assert self.ask("POST", f"keys/{provider}/check") == 200
        self.ask("GET", f"models?provider={provider}")
        fake.reply("Let me look.", _LOOKS)
        fake.reply("Done.")  # should it repair
        self.turn(f"{provider}/fake-model")
        fake.reply("A call.")
        self.llmcall(provider)
        fake.reply("An endpoint.")
        self.endpoint(f"{provider}/fake-model")

    def fail(self, place: str) -> None:
        """Use a key with a provider that quotes it in every way that it can."""
        provider, fake = PLACES[place], self.fakes[place]
        key = self.canaries[place].key
        fake.key = "another"  # so that this one is wrong, and quoted
        assert self.ask("POST", f"keys/{provider}/check") == 200
        self.ask("GET", f"models?provider={provider}")
        self.llmcall(provider)
        self.turn(f"{provider}/fake-model")
        self.endpoint(f"{provider}/fake-model")
        fake.key = key
        url = f"https://api.example/v1?key={key}&alt=sse"
        for status, words in (
            (400, f"Unknown parameter in {url}"),
            (401, f"Wrong key {key[:12]}****{key[-12:]}"),
            (403, f"Bearer {key} may not"),
            (404, f"{key}: no such model"),
            (422, json.dumps({"headers": {"Authorization": f"Bearer {key}"}})),
        ):
            fake.refuse(status, {"message": words, "code": key, "type": key, "param": key})
            self.llmcall(provider)
            fake.refuse(status, {"message": words})
            self.turn(f"{provider}/fake-model")
        for status, body in (
            (500, f"<html>{url}</html>"),
            (400, key),
            (400, json.dumps({"detail": url})),
            (200, f'["{key}"'),
            (200, f"data: {key}\n\n"),
        ):
            for _ in range(3):  # a server that fails is asked again
                fake.respond(status, body, headers={"X-Key": key})
            self.llmcall(provider)
            fake.unscript()
        for part in (Failure("overloaded_error", f"mid {key}"), f"data: {key}\n\n".encode()):
            fake.reply("So far", part)
            self.turn(f"{provider}/fake-model")
            fake.unscript()

    def turn(self, model: str) -> None:
        """Have a model answer in a chat, to its end."""
        chat = self.server.api("POST", "chats")["id"]
        self.ask("POST", f"chats/{chat}/turns", {"prompt": "Look", "model": model})
        self.server.wait_for(lambda: self.server.events(chat)[-1]["type"] == "turn_finished")
        self.ask("GET", f"chats/{chat}/events")
        self.look_at_processes()

    def llmcall(self, provider: str) -> int:
        """Ask through the facade."""
        messages = [{"role": "user", "content": "hi"}]
        body = {"provider": provider, "model": "fake-model", "messages": messages, "fallback": []}
        return self.ask("POST", "llmcall", body)

    def endpoint(self, model: str) -> None:
        """Ask through the endpoint."""
        if not self.token:
            self.ask("PATCH", "endpoint", {"enabled": True})
            made = self.server.api("POST", "endpoint/tokens", {"label": "hunt"})
            self.token = made["token"]
            self.ask("GET", "endpoint")
        messages = [{"role": "user", "content": "hi"}]
        for stream in (False, True):
            body = {"model": model, "messages": messages, "stream": stream}
            self.ask("POST", "v1/chat/completions", body, f"Bearer {self.token}")
        self.ask("GET", "v1/models", None, f"Bearer {self.token}")

    def kill_the_worker(self) -> None:
        """Kill the litellm worker while it has a key in hand."""
        fake = self.fakes["worker"]
        fake.reply("Half", HOLD)
        count = len(fake.chats)
        chat = self.server.api("POST", "chats")["id"]
        self.ask("POST", f"chats/{chat}/turns", {"prompt": "x", "model": "anthropic/fake-model"})
        fake.wait_for_requests(count + 1, timeout=30)
        self.server.wait_for(lambda: "Half" in str(self.server.events(chat)))
        self.look_at_processes()
        workers = [p for p in self._children() if WORKER in p.cmdline()]
        assert workers
        for worker in workers:
            worker.kill()
        self.server.wait_for(lambda: self.server.events(chat)[-1]["type"] == "turn_finished")
        self.ask("GET", f"chats/{chat}/events")

    def prove_the_document(self) -> None:
        """Have Google's library read a private key that is none."""
        self.ask("POST", "keys/vertex/check")
        self.llmcall("vertex")

    def list_everything(self) -> None:
        """Ask for all that can be listed."""
        for path in ("providers", "preferences", "usage", "endpoint", "chats", "local", "sandbox"):
            self.ask("GET", path)
        self.ask("GET", "../contents")
        self.ask("GET", "../nbconvert")

    def ask(self, method: str, path: str, body: Any = None, authorization: str = "") -> int:
        """Ask the server, keep what it says, and return the status."""
        url = self.server.url + (f"api/{path[3:]}" if path[:3] == "../" else f"api/chatide/{path}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": authorization or "token the-token-of-these-tests"}
        request = urllib.request.Request(url, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, said = answer.status, answer.read() + str(answer.headers).encode()
        except urllib.error.HTTPError as error:
            with error:
                status, said = error.code, error.read() + str(error.headers).encode()
        self.said.append((f"{method} {path}", said))
        return int(status)

    def type(self, *arguments: str, input: str = "") -> int:
        """Type a command of ours in a terminal."""
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_chatide.cli", *arguments],
            input=input.encode(),
            capture_output=True,
            env=self.environment,
            cwd=self.folder / "home",
            timeout=120,
        )
        self.said.append((" ".join(arguments), done.stdout + done.stderr))
        return done.returncode

    def look_at_processes(self) -> None:
        """Note the command lines and environments of all processes that the server started."""
        for process in self._children():
            try:
                told = [*process.cmdline(), *map("=".join, process.environ().items())]
            except psutil.Error:
                continue
            name = re.sub(r"[0-9a-f-]{30,}", "…", " ".join(process.cmdline()[:6]))
            self.processes[f"{process.pid} {name}"] = "\0".join(told).encode()

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.server.process.pid).children(recursive=True)

    # What is found.

    def files_with(self, canary: Canary) -> set[Path]:
        """The files below the server's folder that hold the key, by path from there."""
        return {
            path.relative_to(self.folder)
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
            if canary.is_in(path.read_bytes()) or canary.is_in(path.name.encode())
        }

    def answers_with(self, canary: Canary) -> list[str]:
        """What was asked when the answer held the key."""
        return [asked for asked, said in self.said if canary.is_in(said)]

    def processes_with(self, canary: Canary) -> list[str]:
        """The processes below the server that were given the key in the open."""
        return [name for name, told in self.processes.items() if canary.is_in(told)]
