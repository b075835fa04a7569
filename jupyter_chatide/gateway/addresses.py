"""How the addresses of providers are read, from people and from environment variables."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import InvalidRequestError
from .adapter import ProviderConfiguration

_OLLAMA_PORT = 11434
_LONGEST_URL = 2000  # characters

# Azure answers in OpenAI's format below this path, at every resource.
# https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_AZURE_PATH = "/openai/v1"


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine by name or address."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(provider: ProviderConfiguration, text: str) -> str:
    """Read what a person gave as a provider's base URL, and return it as we use it.

    For a directly spoken provider, a URL without a path gets ``/v1``, where such servers answer
    (``/openai/v1`` at Azure), and a pasted ``/chat/completions`` is dropped. Ollama is named by
    its root, without ``/v1`` or ``/api``.

    Raises:
        InvalidRequestError: it is not an ``http(s)://host`` URL, or it carries a user name, a
            password, a query or a fragment.
    """
    text = text.strip()
    hint = "Give it as http://host:port/v1, without a user name or a query."
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST_URL:
        raise InvalidRequestError("base_url: it holds characters that a URL has not.", hint)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # reading the port checks it
        if "[" in parts.netloc or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host):
            ip_address(host)
        host.encode("ascii").decode("idna")  # httpx raises on what is none
    except ValueError:
        raise InvalidRequestError("base_url: it is not a URL.", hint) from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidRequestError("base_url: it does not begin with http:// or https://.", hint)
    if "@" in parts.netloc:
        raise InvalidRequestError("base_url: it holds a user name or a password.", hint)
    if "?" in text or "#" in text:
        raise InvalidRequestError("base_url: it holds a query or a fragment.", hint)
    path = _path(provider, host, parts.path.rstrip("/"))
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def _path(provider: ProviderConfiguration, host: str, path: str) -> str:
    if provider.adapter == "ollama":
        return re.sub(r"(/v1|/api)?(/chat/completions|/chat)?$", "", path)
    if provider.adapter != "direct":
        return path
    path = path.removesuffix("/chat/completions")
    if host.endswith(_AZURE_HOSTS) and not path.endswith("/v1"):
        return _AZURE_PATH
    return path or "/v1"


def base_url_from_variable(provider: ProviderConfiguration, value: str) -> str:
    """The base URL that the provider's environment variable means.

    ``OLLAMA_HOST`` follows Ollama's own rules: ``host``, ``host:port``, ``:port`` or a URL; the
    port is 11434 where neither it nor a scheme is given; an address to listen on everywhere
    (``0.0.0.0``) is asked at loopback.

    Raises:
        InvalidRequestError: it makes no URL; the message names the variable.
    """
    value = value.strip().rstrip("/")
    if provider.models == "ollama":
        if "://" not in value:
            value = f"http://{_with_port(value)}"
        for everywhere in ("//0.0.0.0", "//[::]"):
            value = value.replace(everywhere, "//127.0.0.1")
    try:
        return check_base_url(provider, value)
    except InvalidRequestError as error:
        message = error.message.replace("base_url", provider.base_url_variable, 1)
        raise InvalidRequestError(message, error.hint) from None


def _with_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):  # no port, or an IPv6 address in brackets
        return f"{host}:{_OLLAMA_PORT}"
    return f"{name or '127.0.0.1'}:{port}"
