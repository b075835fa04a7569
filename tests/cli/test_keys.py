"""``jupyter chatide keys`` and ``models``: who can be asked, and with what key."""

from __future__ import annotations

import json
import os
import pty
import stat

from tests.fakes.provider import FakeProvider
from tests.gateway.asking import SERVICE_ACCOUNT

from .conftest import MODEL, Terminal

CANARY = "sk-canary-0123456789abcdefWXYZ"


def test_a_key_is_kept_for_oneself_and_never_shown(terminal: Terminal) -> None:
    done = terminal.type("keys", "set", "anthropic", input=f"{CANARY}\n")
    assert done.returncode == 0
    assert "anthropic has a key" in done.stderr
    assert "WXYZ" in done.stderr
    shown = done.stdout + done.stderr
    path = terminal.chatide / "keys.json"
    assert CANARY in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for command in (["keys", "list"], ["keys", "list", "--json"], ["doctor", "--json"]):
        done = terminal.type(*command)
        shown += done.stdout + done.stderr
    assert CANARY[:12] not in shown
    assert terminal.type("keys", "remove", "anthropic").returncode == 0
    assert CANARY not in path.read_text()


def test_a_key_typed_on_a_terminal_is_not_seen(terminal: Terminal) -> None:
    ours, theirs = pty.openpty()
    command = terminal.start(
        "keys", "set", "openai", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    while b"Key for openai: " not in seen:
        seen += os.read(ours, 1024)
    os.write(ours, CANARY.encode() + b"\n")
    try:
        while piece := os.read(ours, 1024):
            seen += piece
    except OSError:
        pass
    os.close(ours)
    assert command.wait(30) == 0
    assert b"openai has a key" in seen
    assert CANARY.encode() not in seen


def test_the_list_says_which_providers_have_a_key(terminal: Terminal) -> None:
    terminal.environ["GROQ_API_KEY"] = CANARY
    done = terminal.type("keys", "list")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "environment GROQ_API_KEY" in rows["groq"]
    assert "no key" in rows["anthropic"]
    assert "ready" in rows["demo"]
    listed = json.loads(terminal.type("keys", "list", "--json").stdout)
    groq = next(provider for provider in listed if provider["id"] == "groq")
    assert groq["key"] == {"set": True, "source": "environment", "hint": "GROQ_API_KEY"}
    assert "icon" not in groq
    done = terminal.type("keys", "remove", "groq")
    assert done.returncode == 1
    assert "Unset GROQ_API_KEY" in done.stderr


def test_a_base_url_alone_needs_no_key(terminal: Terminal, provider: FakeProvider) -> None:
    terminal.ask_provider(provider)
    provider.models = ["one", {"id": "two", "context_length": 8192}]
    done = terminal.type("models", "openai-compatible")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "openai-compatible/one",
        "openai-compatible/two",
    ]
    listed = json.loads(terminal.type("models", "--json").stdout)
    assert {"demo", "openai-compatible"} <= set(listed)


def test_a_check_makes_a_real_call(terminal: Terminal) -> None:
    with FakeProvider(key=CANARY) as provider:
        base = ("--base-url", provider.base_url)
        provider.otherwise("OK")
        terminal.type("keys", "set", "openai-compatible", *base, input="sk-wrong-key-00000000\n")
        done = terminal.type("keys", "check", "openai-compatible")
        assert done.returncode == 1
        assert "failed" in done.stdout
        assert "sk-wrong" not in done.stdout + done.stderr
        terminal.type("keys", "set", "openai-compatible", *base, input=f"{CANARY}\n")
        done = terminal.type("keys", "check", "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["openai-compatible"]["ok"]
        assert CANARY not in done.stdout + done.stderr
        provider.otherwise(f"```python\nimport os\nprint({CANARY!r} in str(os.environ))\n```\n")
        done = terminal.type("run", "Go", "--model", MODEL)
        assert "\nFalse\n" in done.stdout


def test_what_is_wrong_is_said_in_two_lines(terminal: Terminal) -> None:
    for command, text, status in (
        (["keys", "set", "nobody"], "x\n", 2),
        (["keys", "set", "openai"], "", 2),
        (["keys", "set", "openai"], "with space\n", 1),
        (["keys", "set", "openai", "--base-url", "http://elsewhere/v1"], "x\n", 2),
        (["models", "nobody"], "", 2),
        (["models", "openai"], "", 1),
        (["keys", "check", "nobody"], "", 2),
    ):
        done = terminal.type(*command, input=text)
        assert (command, done.returncode, done.stdout) == (command, status, "")
        assert len(done.stderr.splitlines()) == 2
    for command in (["keys"], ["keys", "set"], [], ["nonsense"], ["keys", "set", "openai", "sk-x"]):
        done = terminal.type(*command)
        assert done.returncode == 2
        assert "usage: jupyter chatide" in done.stderr


def test_a_key_file_that_others_can_read_is_refused(terminal: Terminal) -> None:
    terminal.type("keys", "set", "openai", input=f"{CANARY}\n")
    (terminal.chatide / "keys.json").chmod(0o644)
    done = terminal.type("models", "openai")
    assert done.returncode == 1
    assert "chmod 600" in done.stderr


def test_a_credentials_document_comes_from_its_file(terminal: Terminal) -> None:
    document = json.dumps(SERVICE_ACCOUNT, indent=2)
    done = terminal.type("keys", "set", "vertex", "--place", "file", input=document)
    assert done.returncode == 0, done.stderr
    assert SERVICE_ACCOUNT["client_email"] in done.stderr
    key = json.loads((terminal.chatide / "keys.json").read_text())["providers"]["vertex"]["key"]
    assert json.loads(key) == SERVICE_ACCOUNT
    done = terminal.type("keys", "set", "vertex", input=document[:-9])
    assert (done.returncode, "JSON" in done.stderr) == (1, True)
    assert "MIIEvQ" not in done.stderr


def test_on_binder_a_key_outlasts_the_command(terminal: Terminal) -> None:
    environ = {"BINDER_SERVICE_HOST": "https://hub.example/"}
    done = terminal.type("keys", "set", "anthropic", input=f"{CANARY}\n", environ=environ)
    assert "file" in done.stderr
    listed = json.loads(terminal.type("keys", "list", "--json", environ=environ).stdout)
    assert {provider["id"]: provider["key"]["set"] for provider in listed}["anthropic"]
