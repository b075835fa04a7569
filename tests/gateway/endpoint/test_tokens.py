"""Tokens of the endpoint: made, checked, revoked; kept where nobody else looks."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from pathlib import Path

import pytest

from jupyter_chatide.errors import InvalidRequestError, NotFoundError
from jupyter_chatide.gateway.endpoint.tokens import PREFIX, EndpointTokens, TokenError
from jupyter_chatide.gateway.errors import KeyStoreError
from jupyter_chatide.gateway.settings import Budget


@pytest.fixture
def tokens(tmp_path: Path) -> EndpointTokens:
    return EndpointTokens(tmp_path / "chatide")


def test_a_token_is_known_again(tokens: EndpointTokens) -> None:
    info, secret = tokens.create("Aider", Budget(cost=1.5, tokens=9, period="month"))
    assert secret.startswith(PREFIX) and len(secret) > 40
    assert tokens.check(secret) == info
    assert tokens.last_used(info.id) == pytest.approx(time.time(), abs=5)
    assert EndpointTokens(tokens.path.parent).check(secret) == info  # another process
    assert tokens.all() == [info]


def test_only_its_hash_is_kept(tokens: EndpointTokens) -> None:
    _, secret = tokens.create("Aider")
    content = tokens.path.read_text()
    assert secret not in content and secret.removeprefix(PREFIX) not in content
    (entry,) = json.loads(content)["tokens"]
    assert entry["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert tokens.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("wrong", ["", "x", PREFIX, "\udcff", "é" * 99])
def test_another_token_is_none(tokens: EndpointTokens, wrong: str) -> None:
    _, secret = tokens.create("Aider")
    for given in (wrong, secret + wrong, secret[:-1]):
        if given != secret:
            with pytest.raises(TokenError):
                tokens.check(given)


def test_a_revoked_token_is_none_in_any_process(tokens: EndpointTokens) -> None:
    other = EndpointTokens(tokens.path.parent)
    info, secret = tokens.create("Aider")
    _, kept = tokens.create("Another")
    other.check(secret)
    tokens.revoke(info.id)
    with pytest.raises(TokenError, match="revoked"):
        other.check(secret)
    other.check(kept)
    with pytest.raises(NotFoundError):
        tokens.revoke(info.id)


@pytest.mark.parametrize("days", [0.0, -1.0, 1e9, 1e308, math.inf, math.nan])
def test_a_token_ends_at_a_time_that_there_is(tokens: EndpointTokens, days: float) -> None:
    with pytest.raises(InvalidRequestError, match="days"):
        tokens.create("x", expires=time.time() + days * 86_400)


def test_an_expired_token_is_none_and_goes(tokens: EndpointTokens) -> None:
    _, secret = tokens.create("Aider", expires=time.time() + 0.05)
    time.sleep(0.1)
    with pytest.raises(TokenError, match="expired"):
        tokens.check(secret)
    assert tokens.all() == []
    tokens.create("Another")
    assert len(json.loads(tokens.path.read_text())["tokens"]) == 1


@pytest.mark.parametrize(
    ("label", "budget", "expires", "field"),
    [
        ("", Budget(), None, "label"),
        ("x" * 81, Budget(), None, "label"),
        ("two\nlines", Budget(), None, "label"),
        ("x", Budget(cost=0), None, "budget_cost"),
        ("x", Budget(cost=float("nan")), None, "budget_cost"),
        ("x", Budget(tokens=-1), None, "budget_tokens"),
        ("x", Budget(), 5.0, "days"),
    ],
)
def test_what_cannot_be_is_named(
    tokens: EndpointTokens, label: str, budget: Budget, expires: float | None, field: str
) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: "):
        tokens.create(label, budget, expires)


def test_two_processes_lose_none_of_each_others(tokens: EndpointTokens) -> None:
    def make(store: EndpointTokens) -> None:
        for number in range(10):
            store.create(f"Program {number}")

    stores = [EndpointTokens(tokens.path.parent) for _ in range(3)]
    threads = [threading.Thread(target=make, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens.all()) == 30


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_file_that_others_can_write_opens_nothing(tokens: EndpointTokens) -> None:
    _, secret = tokens.create("Aider")
    tokens.path.chmod(0o606)
    with pytest.raises(KeyStoreError):
        EndpointTokens(tokens.path.parent).check(secret)


def test_a_damaged_file_opens_nothing_and_is_kept(tokens: EndpointTokens) -> None:
    _, secret = tokens.create("Aider")
    tokens.path.write_text("{oops")
    with pytest.raises(KeyStoreError):
        tokens.check(secret)
    with pytest.raises(KeyStoreError):
        tokens.create("Another")
    assert tokens.path.read_text() == "{oops"
