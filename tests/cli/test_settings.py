"""What an administrator, or a user's configuration, decides holds in the terminal too."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.provider import FakeProvider

from .conftest import MODEL, Terminal


def test_a_blocked_model_is_not_asked(terminal: Terminal, provider: FakeProvider) -> None:
    terminal.ask_provider(provider)
    terminal.configure(blocked_models=["openai-compatible/*"])
    done = terminal.type("run", "Hello", "--model", MODEL)
    assert done.returncode == 1
    assert "openai-compatible" in done.stderr and "administrator" in done.stderr
    assert provider.chats == []


def test_a_blocked_provider_is_neither_listed_nor_checked(
    terminal: Terminal, provider: FakeProvider
) -> None:
    terminal.ask_provider(provider)
    terminal.configure(blocked_models=["openai-compatible"])
    assert terminal.type("models", "openai-compatible").returncode == 1
    assert terminal.type("keys", "check", "openai-compatible").returncode == 1
    assert provider.requests == []
    listed = terminal.type("keys", "list").stdout.splitlines()
    assert any(line.split()[:2] == ["openai-compatible", "blocked"] for line in listed)


def test_a_used_up_budget_is_said(terminal: Terminal, provider: FakeProvider) -> None:
    terminal.ask_provider(provider)
    terminal.configure(budget_tokens=10)
    provider.reply("One.", usage=(7, 11))
    assert terminal.type("run", "First", "--model", MODEL).returncode == 0
    done = terminal.type("run", "Second", "--model", MODEL)
    assert done.returncode == 1
    assert "budget" in done.stderr.lower() and "budget_tokens" in done.stderr
    assert len(provider.chats) == 1
    assert "Budget: 18 tokens of 10 tokens a day." in terminal.type("usage").stderr
    doctor = terminal.type("doctor")
    assert any("FAILED" in line and "budget" in line for line in doctor.stdout.splitlines())


def test_an_administrators_provider_and_key_serve(
    terminal: Terminal, provider: FakeProvider
) -> None:
    terminal.configure(
        providers={"lab": {"label": "Our lab", "base_url": provider.base_url}},
        keys={"lab": "sk-of-the-lab-0123456789"},
        default_model="lab/fake-model",
    )
    provider.reply("Served.")
    done = terminal.type("run", "Hello")
    assert done.stdout == "Served.\n"
    assert provider.chats[0].key == "sk-of-the-lab-0123456789"
    removed = terminal.type("keys", "remove", "lab")
    assert removed.returncode == 1 and "configuration" in removed.stderr
    assert "sk-of-the-lab" not in done.stderr + terminal.type("keys", "list").stdout


def test_chats_are_kept_where_the_configuration_says(
    terminal: Terminal, provider: FakeProvider
) -> None:
    folder = Path(terminal.folder) / "kept"
    terminal.configure(
        data_dir=str(folder),
        providers={"lab": {"base_url": provider.base_url, "needs_key": False}},
    )
    provider.reply("Here.")
    assert terminal.type("run", "Hello", "--model", "lab/fake-model").returncode == 0
    assert len(list((folder / "chats").glob("*/log.jsonl"))) == 1
    assert not (terminal.chatide / "chats").exists()


def test_a_configuration_that_cannot_be_used_is_told(terminal: Terminal) -> None:
    terminal.configure(budget_tokens="many")
    done = terminal.type("models")
    assert done.returncode == 1
    assert "budget_tokens" in done.stderr and "Traceback" not in done.stderr
