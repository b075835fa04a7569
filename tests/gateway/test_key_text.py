"""What can be a key, what a person is shown of it, and that a provider's answer shows none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_chatide.gateway import KeyStoreError
from jupyter_chatide.gateway.key_text import check_key, mask, quoted, scrub

from .asking import KEY, SERVICE_ACCOUNT

USER = {
    "type": "authorized_user",
    "client_id": "764086051850-x.apps.googleusercontent.com",
    "client_secret": "d-FL95Q19q7MQmFpd7hHD0Ty",
    "refresh_token": "1//0gXyZabcdefghijklmnopqrstuv",
}
DOCUMENT = check_key(json.dumps(SERVICE_ACCOUNT), "The key", "json")


def test_a_short_key_is_masked_whole() -> None:
    assert mask("secret") == "…"
    assert mask(KEY) == f"…{KEY[-4:]}"


def test_keys_and_their_pieces_are_scrubbed() -> None:
    assert scrub("nothing here", KEY) == "nothing here"
    assert scrub(f"Wrong key: {KEY}.", KEY) == "Wrong key: [key]."
    assert scrub(f"key {KEY[:8]}****{KEY[-4:]} is off", KEY) == "key [key] is off"
    assert scrub("short abc", "abc") == "short [key]"
    assert scrub("text", None) == "text"


def test_a_key_in_an_address_is_scrubbed_however_it_is_written() -> None:
    key = "sk/canary+7f3a9b2c5d8e1f40=="
    for written in (f"https://x/v1?key={key}&a=b", "https://x/v1?key=sk%2Fcanary%2B7f3a9b2c5d8e"):
        found = scrub(written, key)
        assert "canary" not in found and "7f3a9b" not in found


def test_a_token_made_of_the_key_is_scrubbed() -> None:
    said = "401 for Authorization: Bearer ya29.a0AfH6SMBx3kLq9d8f7g6h5j4k3"
    assert scrub(said, DOCUMENT) == "401 for Authorization: Bearer [key]"
    assert scrub("Send a Bearer token.", DOCUMENT) == "Send a Bearer token."


def test_several_keys_are_scrubbed_at_once() -> None:
    assert scrub(f"{KEY} and hunter2hunter2", KEY, None, "hunter2hunter2") == "[key] and [key]"


@pytest.mark.parametrize("written", [str, json.dumps, repr], ids=["lines", "JSON", "Python"])
def test_no_line_of_a_private_key_is_left(written: Any) -> None:
    key = SERVICE_ACCOUNT["private_key"]
    text = f"Could not sign with {written(key)} of {SERVICE_ACCOUNT['private_key_id']}"
    found = scrub(text, DOCUMENT)
    for line in key.splitlines()[1:-1]:
        for start in range(0, len(line) - 8, 8):
            assert line[start : start + 8] not in found
    assert SERVICE_ACCOUNT["private_key_id"] not in found
    assert found.startswith("Could not sign with ")
    whole = scrub(f"{DOCUMENT} {json.dumps(SERVICE_ACCOUNT)}", DOCUMENT)
    assert "MIIEvQ" not in whole and "9f8e7d" not in whole


def test_what_is_not_secret_in_a_document_may_be_said() -> None:
    text = f"{SERVICE_ACCOUNT['client_email']} may not use some-project (service_account)."
    assert scrub(text, DOCUMENT) == text
    secrets = f"{USER['client_secret']} {USER['refresh_token']}"
    assert scrub(f"{USER['client_id']} {secrets}", json.dumps(USER)) == (
        f"{USER['client_id']} [key] [key]"
    )


def test_a_document_is_named_by_its_account() -> None:
    assert mask(DOCUMENT) == SERVICE_ACCOUNT["client_email"]
    assert mask(json.dumps(USER)) == "…"
    assert len(mask(json.dumps(SERVICE_ACCOUNT | {"client_email": "x" * 9999}))) <= 100
    assert mask(json.dumps(SERVICE_ACCOUNT | {"client_email": "a\nb"})) == "…"


@pytest.mark.parametrize("document", [SERVICE_ACCOUNT, USER], ids=["service", "user"])
def test_a_document_is_kept_whole_and_in_one_line(document: dict[str, str]) -> None:
    document = document | {"note": "Schlüssel"}
    kept = check_key(f"  {json.dumps(document, indent=4)}\n", "The key", "json")
    assert json.loads(kept) == document
    assert kept.isascii() and kept.isprintable()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("sk-0123456789abcdef", "JSON"),
        ("[1]", "JSON"),
        ("{", "JSON"),
        ("{" * 10_000, "JSON"),
        ('{"a": ' * 2_000, "JSON"),
        (json.dumps(SERVICE_ACCOUNT)[:-1], "JSON"),
        ("{}", "not the credentials"),
        (json.dumps(SERVICE_ACCOUNT | {"type": "external_account"}), "not the credentials"),
        (json.dumps(SERVICE_ACCOUNT | {"type": ["service_account"]}), "not the credentials"),
        (json.dumps(SERVICE_ACCOUNT | {"private_key": ""}), "lacks its 'private_key'"),
        (json.dumps(SERVICE_ACCOUNT | {"client_email": 7}), "lacks its 'client_email'"),
        (json.dumps(SERVICE_ACCOUNT | {"private_key": "abc"}), "PEM"),
        (json.dumps(SERVICE_ACCOUNT | {"token_uri": "http://evil.example"}), "token_uri"),
        (json.dumps(SERVICE_ACCOUNT | {"token_uri": "https://[evil"}), "token_uri"),
        (json.dumps(USER | {"refresh_token": None}), "lacks its 'refresh_token'"),
        (json.dumps(SERVICE_ACCOUNT | {"more": "x" * 20_000}), "longer"),
    ],
)
def test_what_is_no_credentials_document_is_refused_without_quoting_it(
    text: str, says: str
) -> None:
    with pytest.raises(KeyStoreError, match=says) as caught:
        check_key(text, "The key", "json")
    assert caught.value.hint
    assert "MIIEvQ" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def test_what_others_say_becomes_one_short_line_without_keys_and_commands_to_terminals() -> None:
    said = quoted(f"bad\x1b[2J\r\nkey {KEY}\u202e " + "x " * 5_000, KEY)
    assert said.startswith("bad [2J key [key] x x")
    assert said.isprintable() and len(said) <= 301
