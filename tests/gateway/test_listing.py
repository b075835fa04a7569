"""Model lists of every provider's form, read over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chatide.gateway import (
    AuthenticationError,
    MalformedReplyError,
    ModelInfo,
    ModelTimeoutError,
    UnreachableError,
)
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.connections import Connections
from jupyter_chatide.gateway.listing import list_models
from tests.fakes import HOLD, FakeProvider, free_port

from .asking import KEY, target_for


async def listed(target: Target, **limits: Any) -> list[ModelInfo]:
    connections = Connections()
    try:
        return await list_models(connections, target, **limits)
    finally:
        await connections.aclose()


async def test_an_openai_list_with_what_others_add_to_it(provider: FakeProvider) -> None:
    provider.models = [
        "plain",
        {"id": "groq", "context_window": 131072},
        {"id": "vllm", "max_model_len": 4096},
        {"id": "mistral", "max_context_length": 1000, "capabilities": {"vision": True}},
        {"id": "llama.cpp", "meta": {"n_ctx": 8192, "n_ctx_train": 32768}},
        {"id": "hub", "providers": [{"provider": "x", "context_length": 5000}]},
        {
            "id": "router/m",
            "name": "Router: M",
            "context_length": 200000,
            "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
            "pricing": {"prompt": "0.0000025", "completion": "0.00001"},
        },
    ]
    assert await listed(target_for(provider.base_url)) == [
        ModelInfo("plain"),
        ModelInfo("groq", context_window=131072),
        ModelInfo("vllm", context_window=4096),
        ModelInfo("mistral", context_window=1000, vision=True),
        ModelInfo("llama.cpp", context_window=8192),
        ModelInfo("hub", context_window=5000),
        ModelInfo("router/m", "Router: M", 200000, True, 2.5, 10.0),
    ]
    assert provider.requests[0].key == KEY


async def test_what_does_not_chat_is_left_out(provider: FakeProvider) -> None:
    provider.models = [
        "text-embedding-3-large",
        "whisper-1",
        "gpt-image-1",
        {"id": "painter", "architecture": {"output_modalities": ["image"]}},
        {"id": "mistral-moderator", "capabilities": {"completion_chat": False}},
        {"id": "image-reader", "architecture": {"output_modalities": ["text"]}},
        "gpt-5.6",
        "gpt-5.6",
        {"id": 7},
        {},
    ]
    names = [model.id for model in await listed(target_for(provider.base_url))]
    assert names == ["image-reader", "gpt-5.6"]


async def test_ollama_lists_by_its_own_route(provider: FakeProvider) -> None:
    tags = [
        {"name": "qwen3:8b", "details": {"family": "qwen3"}},
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
        {"name": "tiny"},
    ]
    provider.route("GET", "/api/tags", {"models": tags})
    target = target_for(provider.base_url, None, models="ollama")
    assert await listed(target) == [ModelInfo("qwen3:8b"), ModelInfo("tiny")]
    assert provider.requests[0].key is None


async def test_anthropic_lists_with_its_own_headers(provider: FakeProvider) -> None:
    entry = {"id": "claude-x", "display_name": "Claude X", "max_input_tokens": 1_000_000}
    provider.route("GET", "/v1/models", {"data": [entry, {"id": "claude-y"}], "has_more": False})
    target = target_for(provider.origin, models="anthropic")
    x = ModelInfo("claude-x", "Claude X", 1_000_000)
    assert await listed(target) == [x, ModelInfo("claude-y")]
    (request,) = provider.requests
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers


async def test_pages_are_followed_and_an_endless_list_ends(provider: FakeProvider) -> None:
    page = {"data": [{"id": "one"}], "has_more": True, "last_id": "one"}
    provider.route("GET", "/v1/models", page)
    models = await listed(target_for(provider.origin, models="anthropic"))
    assert 2 <= len(models) <= 50
    assert "after_id=one" in provider.requests[1].query


async def test_gemini_lists_with_the_key_in_a_header(provider: FakeProvider) -> None:
    chat = {
        "name": "models/gemini-x",
        "displayName": "Gemini X",
        "inputTokenLimit": 1_048_576,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    other = {"name": "models/text-bits", "supportedGenerationMethods": ["embedContent"]}
    provider.route("GET", "/v1beta/models", {"models": [chat, other]})
    target = target_for(provider.origin, models="gemini")
    assert await listed(target) == [ModelInfo("gemini-x", "Gemini X", 1_048_576)]
    (request,) = provider.requests
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.query and KEY not in request.path


async def test_a_wrong_key_is_said(provider: FakeProvider) -> None:
    provider.key = "another"
    with pytest.raises(AuthenticationError) as caught:
        await listed(target_for(provider.base_url))
    assert KEY not in str(caught.value)
    google = {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}
    provider.key = None
    provider.route("GET", "/v1beta/models", google, status=400)
    with pytest.raises(AuthenticationError):
        await listed(target_for(provider.origin, models="gemini"))


@pytest.mark.parametrize("body", [{"data": "no"}, {}, [], 7, ("<html>",), ("",)])
async def test_what_is_no_list_is_called_malformed(provider: FakeProvider, body: Any) -> None:
    provider.route("GET", "/v1/models", body)
    if body == []:
        assert await listed(target_for(provider.base_url)) == []
        return
    with pytest.raises(MalformedReplyError):
        await listed(target_for(provider.base_url))


async def test_a_server_that_hangs_or_is_not_there(provider: FakeProvider) -> None:
    provider.route("GET", "/v1/models", ("{", HOLD))
    with pytest.raises(ModelTimeoutError):
        await listed(target_for(provider.base_url), patience=0.3)
    with pytest.raises(UnreachableError):
        await listed(target_for(f"http://127.0.0.1:{free_port()}/v1"))
