"""The providers we know, as data, and how their addresses are read."""

from __future__ import annotations

import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InvalidRequestError
from .adapter import ProviderConfiguration

DEFAULT_PROVIDERS: tuple[ProviderConfiguration, ...] = (
    ProviderConfiguration(
        id="openai",
        label="OpenAI",
        icon="openai.svg",
        adapter="direct",
        base_url="https://api.openai.com/v1",
        base_url_variable="OPENAI_BASE_URL",
        key_variables=("OPENAI_API_KEY",),
        key_url="https://platform.openai.com/api-keys",
        default_model="gpt-5.6",
        key_check="models",
    ),
    ProviderConfiguration(
        id="anthropic",
        label="Anthropic",
        icon="anthropic.svg",
        adapter="litellm",
        base_url="https://api.anthropic.com",
        base_url_variable="ANTHROPIC_BASE_URL",
        key_variables=("ANTHROPIC_API_KEY",),
        key_url="https://console.anthropic.com/settings/keys",
        default_model="claude-sonnet-5-5",
        models="anthropic",
        litellm_prefix="anthropic",
        key_check="models",
    ),
    ProviderConfiguration(
        id="google",
        label="Google Gemini",
        icon="google.svg",
        adapter="litellm",
        base_url="https://generativelanguage.googleapis.com",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        key_url="https://aistudio.google.com/apikey",
        default_model="gemini-flash-latest",
        models="gemini",
        litellm_prefix="gemini",
        key_check="models",
    ),
    ProviderConfiguration(
        id="mistral",
        label="Mistral AI",
        icon="mistral.svg",
        adapter="direct",
        base_url="https://api.mistral.ai/v1",
        key_variables=("MISTRAL_API_KEY",),
        key_url="https://console.mistral.ai/api-keys",
        default_model="mistral-medium-latest",
        key_check="models",
    ),
    ProviderConfiguration(
        id="groq",
        label="Groq",
        icon="groq.svg",
        adapter="direct",
        base_url="https://api.groq.com/openai/v1",
        key_variables=("GROQ_API_KEY",),
        key_url="https://console.groq.com/keys",
        default_model="openai/gpt-oss-120b",
        key_check="models",
    ),
    ProviderConfiguration(
        id="openrouter",
        label="OpenRouter",
        icon="openrouter.svg",
        adapter="direct",
        base_url="https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY",),
        key_url="https://openrouter.ai/settings/keys",
        default_model="openai/gpt-oss-120b",
        key_check="/key",
    ),
    ProviderConfiguration(
        id="huggingface",
        label="Hugging Face",
        icon="huggingface.svg",
        adapter="direct",
        base_url="https://router.huggingface.co/v1",
        key_variables=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN"),
        key_url="https://huggingface.co/settings/tokens",
        default_model="openai/gpt-oss-120b",
    ),
    ProviderConfiguration(
        id="ollama",
        label="Ollama",
        icon="ollama.svg",
        adapter="direct",
        base_url="http://127.0.0.1:11434/v1",
        base_url_editable=True,
        base_url_variable="OLLAMA_HOST",
        needs_key=False,
        models="ollama",
        key_check="models",
        local=True,
    ),
    ProviderConfiguration(
        id="lmstudio",
        label="LM Studio",
        icon="lmstudio.svg",
        adapter="direct",
        base_url="http://127.0.0.1:1234/v1",
        base_url_editable=True,
        needs_key=False,
        key_check="models",
        local=True,
    ),
    ProviderConfiguration(
        id="openai-compatible",
        label="OpenAI-compatible server",
        icon="openai-compatible.svg",
        adapter="direct",
        base_url_editable=True,
        needs_key=False,
    ),
    ProviderConfiguration(
        id="demo",
        label="Demo",
        icon="demo.svg",
        adapter="demo",
        needs_key=False,
        default_model="demo",
        models="demo",
    ),
)

_OLLAMA_PORT = 11434
_LONGEST_URL = 2000  # characters


@cache
def icon_svg(name: str) -> str:
    """The SVG document of an icon in ``gateway/icons``; a plain one where it has none."""
    folder = Path(__file__).parent / "icons"
    path = folder / name if (folder / name).is_file() else folder / "openai-compatible.svg"
    return path.read_text(encoding="utf-8")


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

    For a directly spoken provider, a URL without a path gets ``/v1``, where such servers answer,
    and a pasted ``/chat/completions`` is dropped.

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
    path = parts.path.rstrip("/")
    if provider.adapter == "direct":
        path = path.removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


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
