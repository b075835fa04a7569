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
from jupyter_chatide.gateway.listing import list_models
from jupyter_chatide.gateway.wire.connections import Connections
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
        ModelInfo("router/m", "Router: M", 200000, vision=True, input_price=2.5, output_price=10.0),
    ]
    assert provider.requests[0].key == KEY


async def test_abilities_and_prices_are_read_in_every_provider_s_words(
    provider: FakeProvider,
) -> None:
    offer = {"context_length": 9, "pricing": {"input": 0.1, "output": 0.4}}
    dearer = {"pricing": {"input": 0.3, "output": 0.4}}
    provider.models = [
        {
            "id": "openrouter",
            "supported_parameters": ["tools", "reasoning", "temperature"],
            "top_provider": {"max_completion_tokens": 8000},
            "pricing": {"prompt": "0", "completion": "0"},
        },
        {"id": "openrouter-auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "together", "type": "chat", "pricing": {"input": 0.15, "output": 0.6}},
        {"id": "together-by-the-hour", "pricing": {"input": 0, "output": 0, "hourly": 3}},
        {"id": "fireworks", "supports_image_input": False, "supports_tools": True},
        {"id": "moonshot", "supports_image_in": True, "supports_reasoning": True},
        {"id": "mistral", "capabilities": {"function_calling": True, "reasoning": False}},
        {"id": "hub", "providers": [offer, offer]},
        {"id": "hub-at-two-prices", "providers": [offer, dearer]},
    ]
    assert await listed(target_for(provider.base_url)) == [
        ModelInfo(
            "openrouter",
            max_output=8000,
            reasoning=True,
            tools=True,
            input_price=0.0,
            output_price=0.0,
        ),
        ModelInfo("openrouter-auto"),
        ModelInfo("together", input_price=0.15, output_price=0.6),
        ModelInfo("together-by-the-hour"),
        ModelInfo("fireworks", vision=False, tools=True),
        ModelInfo("moonshot", vision=True, reasoning=True),
        ModelInfo("mistral", reasoning=False, tools=True),
        ModelInfo("hub", context_window=9, input_price=0.1, output_price=0.4),
        ModelInfo("hub-at-two-prices", context_window=9),
    ]


async def test_what_does_not_chat_is_left_out(provider: FakeProvider) -> None:
    provider.models = [
        "text-embedding-3-large",
        "whisper-1",
        "gpt-image-1",
        {"id": "painter", "architecture": {"output_modalities": ["image"]}},
        {"id": "mistral-moderator", "capabilities": {"completion_chat": False}},
        {"id": "image-reader", "architecture": {"output_modalities": ["text"]}},
        {"id": "azure-embedder", "capabilities": {"chat_completion": False}},
        {"id": "drawer", "type": "diffusion"},
        {"id": "fireworks-drawer", "supports_chat": False},
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


async def test_ollama_s_models_come_with_what_they_can_do(provider: FakeProvider) -> None:
    provider.route("GET", "/api/tags", {"models": [{"name": "qwen3:8b"}, {"name": "small"}]})
    facts = {"general.architecture": "qwen3", "qwen3.context_length": 40960}
    shown = {"capabilities": ["completion", "tools", "thinking"], "model_info": facts}
    provider.route("POST", "/api/show", shown)
    target = target_for(provider.origin, None, models="ollama")
    abilities = {"vision": False, "reasoning": True, "tools": True}
    assert await listed(target) == [
        ModelInfo("qwen3:8b", context_window=8192, **abilities),
        ModelInfo("small", context_window=8192, **abilities),
    ]
    asked = [request.json for request in provider.requests if request.method == "POST"]
    assert sorted(body["model"] for body in asked) == ["qwen3:8b", "small"]
    wider = Target(target.provider, target.base_url, None, {"context": "100000"})
    assert [model.context_window for model in await listed(wider)] == [40960, 40960]


async def test_ollama_s_embedding_models_are_left_out(provider: FakeProvider) -> None:
    provider.route("GET", "/api/tags", {"models": [{"name": "embedder"}]})
    provider.route("POST", "/api/show", {"capabilities": ["embedding"]})
    assert await listed(target_for(provider.origin, None, models="ollama")) == []


async def test_ollama_s_list_does_not_wait_for_a_model_that_says_nothing(
    provider: FakeProvider,
) -> None:
    provider.route("GET", "/api/tags", {"models": [{"name": "tiny"}]})
    provider.route("POST", "/api/show", (HOLD,))
    target = target_for(provider.origin, None, models="ollama")
    assert await listed(target, patience=0.6) == [ModelInfo("tiny")]


async def test_lm_studio_lists_by_its_own_route_and_else_by_openai_s(
    provider: FakeProvider,
) -> None:
    target = target_for(provider.base_url, None, models="lmstudio")
    provider.models = ["plain"]
    assert await listed(target) == [ModelInfo("plain")]
    entries = [
        {"id": "seer", "type": "vlm", "max_context_length": 32768, "capabilities": ["tool_use"]},
        {"id": "loaded", "type": "llm", "max_context_length": 9000, "loaded_context_length": 4096},
        {"id": "nomic", "type": "embeddings"},
    ]
    provider.route("GET", "/api/v0/models", {"data": entries})
    assert await listed(target) == [
        ModelInfo("seer", context_window=32768, vision=True, tools=True),
        ModelInfo("loaded", context_window=4096, vision=False),
    ]


async def test_cohere_s_pages_are_followed(provider: FakeProvider) -> None:
    command = {
        "name": "command-a",
        "endpoints": ["chat"],
        "context_length": 256000.0,
        "features": ["tools", "json_mode"],
        "supports_vision": False,
    }
    old = {"name": "command-old", "endpoints": ["chat"], "is_deprecated": True}
    embedder = {"name": "embed-v4", "endpoints": ["embed"]}
    provider.route("GET", "/v1/models", {"models": [command, old, embedder]})
    target = target_for(f"{provider.origin}/compatibility/v1", models="cohere")
    assert await listed(target) == [
        ModelInfo("command-a", context_window=256000, vision=False, reasoning=False, tools=True)
    ]
    assert provider.requests[0].key == KEY and "endpoint=chat" in provider.requests[0].query


async def test_github_lists_by_its_catalog(provider: FakeProvider) -> None:
    entry = {
        "id": "openai/gpt-4.1",
        "name": "OpenAI GPT-4.1",
        "capabilities": ["streaming", "tool-calling"],
        "limits": {"max_input_tokens": 1048576, "max_output_tokens": 32768},
        "supported_input_modalities": ["text", "image"],
        "supported_output_modalities": ["text"],
    }
    embedder = {"id": "openai/vectors", "supported_output_modalities": ["embeddings"]}
    provider.route("GET", "/catalog/models", [entry, embedder])
    assert await listed(target_for(f"{provider.origin}/inference", models="github")) == [
        ModelInfo("openai/gpt-4.1", "OpenAI GPT-4.1", 1048576, 32768, True, False, True)
    ]


async def test_xai_lists_with_prices(provider: FakeProvider) -> None:
    entry = {
        "id": "grok",
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "prompt_text_token_price": 30000,
        "completion_text_token_price": 150000,
    }
    drawer = {"id": "grok-draws", "output_modalities": ["image"]}
    provider.route("GET", "/v1/language-models", {"models": [entry, drawer]})
    assert await listed(target_for(provider.base_url, models="xai")) == [
        ModelInfo("grok", vision=True, input_price=3.0, output_price=15.0)
    ]


async def test_anthropic_lists_with_its_own_headers(provider: FakeProvider) -> None:
    abilities = {"image_input": {"supported": True}, "thinking": {"supported": False}}
    limits = {"max_input_tokens": 1_000_000, "max_tokens": 64_000}
    entry = {"id": "claude-x", "display_name": "Claude X", **limits, "capabilities": abilities}
    provider.route("GET", "/v1/models", {"data": [entry, {"id": "claude-y"}], "has_more": False})
    target = target_for(provider.origin, models="anthropic")
    x = ModelInfo("claude-x", "Claude X", 1_000_000, 64_000, vision=True, reasoning=False)
    assert await listed(target) == [x, ModelInfo("claude-y")]
    (request,) = provider.requests
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers


async def test_pages_are_followed_and_an_endless_list_ends(provider: FakeProvider) -> None:
    page = {"data": [{"id": "one"}], "has_more": True, "last_id": "one"}
    provider.route("GET", "/v1/models", page)
    models = await listed(target_for(provider.origin, models="anthropic"))
    assert models == [ModelInfo("one")]
    assert 2 <= len(provider.requests) <= 50
    assert "after_id=one" in provider.requests[1].query


async def test_gemini_lists_with_the_key_in_a_header(provider: FakeProvider) -> None:
    chat = {
        "name": "models/gemini-x",
        "displayName": "Gemini X",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "thinking": True,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    other = {"name": "models/text-bits", "supportedGenerationMethods": ["embedContent"]}
    provider.route("GET", "/v1beta/models", {"models": [chat, other]})
    target = target_for(provider.origin, models="gemini")
    expected = ModelInfo("gemini-x", "Gemini X", 1_048_576, 65_536, reasoning=True)
    assert await listed(target) == [expected]
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


async def test_what_a_list_says_of_a_model_is_taken_only_where_it_can_be(
    provider: FakeProvider,
) -> None:
    provider.models = [
        {"id": "a", "context_length": True, "name": 7, "architecture": "text", "providers": {}},
        {"id": "b", "context_length": -5, "pricing": {"prompt": "NaN", "completion": "1e999"}},
        {"id": "c", "context_length": 10**30, "capabilities": 7, "type": ["chat"]},
        {"id": "d", "max_model_len": "4096", "pricing": {"input": {}, "output": True}},
        {"id": "e\u202eevil"},
        {"id": "f" * 300},
        {"id": "  "},
        {"id": "g", "name": "x" * 5000},
    ]
    names = ["a", "b", "c", "d", "g"]
    assert await listed(target_for(provider.base_url)) == [ModelInfo(name) for name in names]


async def test_a_huge_list_is_cut(provider: FakeProvider) -> None:
    filler = "x" * 200
    entries = [{"id": f"m{number}", "description": filler} for number in range(40_000)]
    provider.route("GET", "/v1/models", {"data": entries})
    models = await listed(target_for(provider.base_url))
    assert len(models) == 5000 and models[0].id == "m0"


async def test_a_list_without_an_end_is_given_up(provider: FakeProvider) -> None:
    chunk = "[" * 1_000_000
    provider.route("GET", "/v1/models", tuple([chunk] * 25))
    with pytest.raises(MalformedReplyError):
        await listed(target_for(provider.base_url))
    provider.route("GET", "/v1/models", ("[" * 100_000,))  # nested deeper than any list
    with pytest.raises(MalformedReplyError):
        await listed(target_for(provider.base_url))


async def test_a_server_that_hangs_or_is_not_there(provider: FakeProvider) -> None:
    provider.route("GET", "/v1/models", ("{", HOLD))
    with pytest.raises(ModelTimeoutError):
        await listed(target_for(provider.base_url), patience=0.3)
    with pytest.raises(UnreachableError):
        await listed(target_for(f"http://127.0.0.1:{free_port()}/v1"))
