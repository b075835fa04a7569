"""``--fallback`` and ``usage``: who answers instead, and what it all took."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.fakes import CUT
from tests.fakes.provider import FakeProvider

from .conftest import MODEL, Terminal


def test_another_model_answers_when_the_first_is_unavailable(
    terminal: Terminal, provider: FakeProvider
) -> None:
    with FakeProvider() as busy:
        terminal.configure(
            providers={
                "lab": {"label": "Our lab", "base_url": busy.base_url, "needs_key": False},
            }
        )
        terminal.ask_provider(provider)
        busy.refuse(402, {"message": "no credit", "code": "insufficient_quota"})
        provider.reply("I stand in.")
        done = terminal.type("run", "Hello", "--model", "lab/big", "--fallback", MODEL)
    assert done.returncode == 0
    assert done.stdout == "I stand in.\n"
    assert f"{MODEL} answers instead of lab/big" in done.stderr
    assert "Our lab" in done.stderr  # who was unavailable, and why


def test_without_a_chain_the_error_is_said(terminal: Terminal, provider: FakeProvider) -> None:
    terminal.ask_provider(provider)
    terminal.configure(fallback=["demo/demo"])
    provider.refuse(402, {"message": "no credit", "code": "insufficient_quota"})
    done = terminal.type("run", "Hello", "--model", MODEL, "--fallback", "")
    assert done.returncode == 1
    assert "credit" in done.stderr


def test_usage_is_told_by_day_and_model(terminal: Terminal, provider: FakeProvider) -> None:
    assert "No model was asked" in terminal.type("usage").stderr
    terminal.ask_provider(provider)
    for _ in range(2):
        provider.reply("Hello.", usage=(7, 1100))
        terminal.type("run", "Hello", "--model", MODEL)
    day = datetime.now(UTC).date().isoformat()
    lines = [line.split() for line in terminal.type("usage").stdout.splitlines()]
    assert lines[0][:3] == [day, MODEL, "2"]
    assert " ".join(lines[0][3:]) == "requests 14 tokens in, 2,200 out cost unknown"
    assert lines[1][:2] == ["in", "all"]
    told = json.loads(terminal.type("usage", "--days", "1", "--json").stdout)
    assert told["totals"]["output_tokens"] == 2200
    assert told["totals"]["cost"] is None and told["totals"]["unknown"] == 2


def test_tokens_of_an_answer_that_broke_off_are_called_unknown(
    terminal: Terminal, provider: FakeProvider
) -> None:
    terminal.ask_provider(provider)
    provider.reply("Hel", CUT)
    assert terminal.type("run", "Hello", "--model", MODEL).returncode == 1
    assert "1 request  tokens unknown  cost unknown" in terminal.type("usage").stdout
    provider.reply("Hello.", usage=(7, 11))
    terminal.type("run", "Hello", "--model", MODEL)
    assert "7 tokens in, 11 out, and 1 of 2 not counted" in terminal.type("usage").stdout


def test_a_number_of_days_is_checked(terminal: Terminal) -> None:
    for days in ("0", "-1", "x", "1e3", "99999999"):
        assert terminal.type("usage", "--days", days).returncode == 2


def test_an_option_is_set_and_a_wrong_one_told(terminal: Terminal) -> None:
    done = terminal.type("keys", "set", "bedrock", "--option", "region=eu-central-1")
    assert done.returncode == 0 and "eu-central-1" in done.stderr
    for wrong in ("region", "=x", "colour=red"):
        done = terminal.type("keys", "set", "bedrock", "--option", wrong)
        assert done.returncode == 2, wrong
        assert "Traceback" not in done.stderr
