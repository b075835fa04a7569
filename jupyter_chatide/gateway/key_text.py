"""What a key may look like, how it is named to a person, and how it is kept out of texts."""

from __future__ import annotations

import json
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from .errors import KeyStoreError

_LONGEST_KEY = 4096  # characters; OAuth tokens come near 2,000
_LONGEST_DOCUMENT = 16_384  # characters; a service account's has about 2,400
_LONGEST_HINT = 100  # characters
_LONGEST_QUOTE = 300  # characters
_FRAGMENT = 6  # characters of a key that are taken for a piece of it

# What each kind of Google's credentials must hold. Those of ``external_account`` name programs to
# run and addresses to ask: they are not taken from a form.
# https://cloud.google.com/docs/authentication/external/externally-sourced-credentials
_FIELDS = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
_PUBLIC = {
    "account",
    "auth_provider_x509_cert_url",
    "auth_uri",
    "client_email",
    "client_id",
    "client_x509_cert_url",
    "project_id",
    "quota_project_id",
    "token_uri",
    "type",
    "universe_domain",
}
_BEARER = re.compile(r"(Bearer\s+)[\w.~+/=-]{16,}", re.IGNORECASE)


def check_key(key: str, name: str, key_format: Literal["token", "json"] = "token") -> str:
    """The key as it is kept: without the white space around it that pasting leaves, and a
    document in one line.

    Args:
        key: what was given.
        name: what to call it in a message.
        key_format: one line of printable ASCII, or a JSON credentials document.

    Raises:
        KeyStoreError: it cannot be a key.
    """
    key = key.strip()
    if not key:
        raise KeyStoreError(f"{name} is empty.", "Paste the whole key.")
    if key_format == "json":
        return _check_document(key, name)
    if len(key) > _LONGEST_KEY:
        raise KeyStoreError(f"{name} is longer than {_LONGEST_KEY} characters.", "Paste one key.")
    if not all("!" <= character <= "~" for character in key):
        raise KeyStoreError(
            f"{name} holds white space or characters that no key has.",
            "Paste the key again, in one line and without quotes.",
        )
    return key


def mask(key: str) -> str:
    """What tells two keys apart: the account that a document is for, the end of another key, and
    nothing of a short one."""
    document = _document(key)
    if document is not None:
        account = document.get("client_email")
        if isinstance(account, str) and account.isascii() and account.isprintable():
            return account[:_LONGEST_HINT]
        return "…"
    return f"…{key[-4:]}" if len(key) >= 16 else "…"


def scrub(text: str, *keys: str | None) -> str:
    """``text`` without the keys, whole or in pieces: providers quote keys in what they answer.

    Of a credentials document, what is secret in it is taken out.
    """
    given = [key for key in keys if key]
    if not given:
        return text
    for key in given:
        text = text.replace(key, "[key]")
    pieces: dict[int, set[str]] = {}
    for secret in (secret for key in given for secret in _secrets(key)):
        length = min(_FRAGMENT, len(secret))
        found = pieces.setdefault(length, set())
        found.update(secret[i : i + length] for i in range(len(secret) - length + 1))

    def veil(word: re.Match[str]) -> str:
        inside = (
            word[0][i : i + length] in known
            for length, known in pieces.items()
            for i in range(len(word[0]) - length + 1)
        )
        return "[key]" if any(inside) else word[0]

    text = _BEARER.sub(r"\1[key]", text)  # what a provider made of the key
    return re.sub(r"[^\s\"'`,;()<>]+", veil, text)


def quoted(text: str, *keys: str | None) -> str:
    """What somebody else says, as it can stand in a message: one printable line of bearable
    length, without the keys."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(scrub(printable, *keys).split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"


def _check_document(text: str, name: str) -> str:
    if len(text) > _LONGEST_DOCUMENT:
        raise KeyStoreError(
            f"{name} is longer than {_LONGEST_DOCUMENT:,} characters.", "Paste one document."
        )
    whole = "Paste the whole JSON file that the provider gave you, braces included."
    document = _document(text)
    if document is None:
        raise KeyStoreError(f"{name} is not a JSON document.", whole)
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise KeyStoreError(
            f"{name} is not the credentials of a service account or of a user.", whole
        )
    for field in _FIELDS[kind]:
        value = document.get(field)
        if not isinstance(value, str) or not value.strip():
            raise KeyStoreError(f"{name} lacks its {field!r}.", whole)
    if kind == "service_account" and "PRIVATE KEY-----" not in document["private_key"]:
        raise KeyStoreError(f"{name} holds no private key in PEM form.", whole)
    if "token_uri" in document and not _is_https(document["token_uri"]):
        raise KeyStoreError(f"{name} names a token_uri that is not an https:// URL.", whole)
    return json.dumps(document, separators=(",", ":"))


def _is_https(url: object) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        return parts is not None and parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False


def _document(key: str) -> dict[str, Any] | None:
    if not key.startswith("{"):
        return None
    try:
        document = json.loads(key)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _secrets(key: str) -> list[str]:
    """What must not be shown of a key: itself, or the secret lines of a document."""
    document = _document(key)
    if document is None:
        return [key]
    texts = (v for k, v in document.items() if k not in _PUBLIC and isinstance(v, str))
    lines = (line.strip() for text in texts for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("-----")]
