"""The providers as data: complete, and pointing where they should."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway.addresses import (
    base_url_from_variable,
    check_base_url,
    is_loopback,
)
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS

PROVIDERS = {provider.id: provider for provider in DEFAULT_PROVIDERS}

ASKED_FOR = (
    *("openai", "anthropic", "google", "vertex", "azure", "bedrock", "huggingface", "mistral"),
    *("cohere", "groq", "together", "fireworks", "deepseek", "xai", "perplexity", "openrouter"),
    *("cerebras", "github", "moonshot", "zai", "hyperbolic", "nvidia", "sambanova", "ollama"),
    *("lmstudio", "llamacpp", "vllm", "litellm", "openai-compatible", "local", "demo"),
)


def test_every_provider_that_people_expect_is_there() -> None:
    assert sorted(PROVIDERS) == sorted(ASKED_FOR)
    assert len({provider.label for provider in DEFAULT_PROVIDERS}) == len(DEFAULT_PROVIDERS)


@pytest.mark.parametrize("name", ASKED_FOR)
def test_a_provider_says_all_that_is_needed_to_use_it(name: str) -> None:
    provider = PROVIDERS[name]
    if provider.group == "cloud":
        assert urlsplit(provider.key_url).scheme == "https"
        assert provider.key_variables
        if name != "azure":
            assert provider.base_url.startswith("https://")
    elif provider.local:
        assert is_loopback(provider.base_url) and provider.base_url_editable
    assert not provider.base_url.endswith("/")
    assert provider.adapter != "litellm" or provider.litellm_prefix
    assert provider.key_check in ("models", "completion") or provider.key_check.startswith("/")
    # What has no list to ask needs a model to begin with.
    if provider.models == "none" and provider.adapter != "local":
        assert provider.default_model
    assert 1 <= provider.hottest <= 2
    for option in provider.options:
        assert option.help.endswith(".") and option.label
    assert (provider.key_format == "json") == (name == "vertex")


def test_no_two_providers_read_the_same_key() -> None:
    variables = [name for provider in DEFAULT_PROVIDERS for name in provider.key_variables]
    assert len(variables) == len(set(variables))
    # They are there for other work, and must not go to a model provider or a port of this machine.
    assert not {"GITHUB_TOKEN", "LLAMA_API_KEY", "OLLAMA_API_KEY"} & set(variables)


def test_no_two_local_servers_are_looked_for_at_the_same_place() -> None:
    urls = [provider.base_url for provider in DEFAULT_PROVIDERS if provider.local]
    ports = [urlsplit(url).port for url in urls]
    assert sorted(filter(None, ports)) == [1234, 4000, 8000, 8080, 11434]


@pytest.mark.parametrize(
    ("provider", "given", "url"),
    [
        ("azure", "https://me.openai.azure.com", "https://me.openai.azure.com/openai/v1"),
        ("azure", "https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1"),
        (
            "azure",
            "https://me.openai.azure.com/openai/v1/",
            "https://me.openai.azure.com/openai/v1",
        ),
        (
            "azure",
            "https://me.openai.azure.com/openai/deployments/gpt-5/chat/completions",
            "https://me.openai.azure.com/openai/v1",
        ),
        (
            "azure",
            "https://me.services.ai.azure.com/",
            "https://me.services.ai.azure.com/openai/v1",
        ),
        ("azure", "https://gateway.example/azure/v1", "https://gateway.example/azure/v1"),
        ("vllm", "http://box:8000", "http://box:8000/v1"),
        ("vllm", "http://box:8000/v1/chat/completions", "http://box:8000/v1"),
        ("litellm", "http://box:4000/team", "http://box:4000/team"),
        ("ollama", "http://box:11434/v1", "http://box:11434"),
        ("ollama", "http://box:11434/api/chat", "http://box:11434"),
        ("ollama", "https://hub.example/ollama/api/", "https://hub.example/ollama"),
    ],
)
def test_an_address_is_read_as_people_paste_it(provider: str, given: str, url: str) -> None:
    assert check_base_url(PROVIDERS[provider], given) == url
    assert check_base_url(PROVIDERS[provider], url) == url


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("box", "http://box:11434"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000"),
        (":9000", "http://127.0.0.1:9000"),
        ("https://ollama.example", "https://ollama.example"),
        ("[::]", "http://127.0.0.1:11434"),
    ],
)
def test_ollama_s_variable_follows_ollama_s_rules(value: str, url: str) -> None:
    assert base_url_from_variable(PROVIDERS["ollama"], value) == url


@pytest.mark.parametrize(
    "text",
    [
        *("", "box:8000", "ftp://box", "http://", "javascript:alert(1)", "http://user:pw@box/v1"),
        *("http://box/v1?key=x", "http://box/v1#x", "http://bo x/v1", "http://böx/v1"),
        *("http://box:99999/v1", "http://box/v1\n", "http://[::1/v1", f"http://{'x' * 3000}"),
    ],
)
def test_what_is_no_address_is_refused_by_the_fields_name(text: str) -> None:
    provider = PROVIDERS["openai-compatible"]
    if text.endswith("\n"):  # pasting leaves it
        assert check_base_url(provider, text) == "http://box/v1"
        return
    with pytest.raises(InvalidRequestError, match="base_url: "):
        check_base_url(provider, text)
