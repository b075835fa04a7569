"""Facts of models: from the providers' lists first, from litellm's price list where those are
silent."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_chatide.gateway.adapter import ProviderConfiguration
from jupyter_chatide.gateway.catalog import Catalog
from jupyter_chatide.gateway.messages import ModelInfo, UsageDelta
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS

PROVIDERS = {provider.id: provider for provider in DEFAULT_PROVIDERS}

MILLION = UsageDelta(1_000_000, 1_000_000)


async def catalog_of(entries: object, tmp_path: Path) -> Catalog:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(entries))
    catalog = Catalog(path)
    await catalog.load()
    return catalog


async def loaded() -> Catalog:
    catalog = Catalog()
    await catalog.load()
    return catalog


async def test_the_default_models_of_the_large_providers_are_known_with_their_prices() -> None:
    catalog = await loaded()
    # Not GitHub, NVIDIA and the routers: their prices are in their own lists or nowhere.
    for name in (
        "openai",
        "anthropic",
        "google",
        "vertex",
        "bedrock",
        "mistral",
        "cohere",
        "azure",
    ):
        provider = PROVIDERS[name]
        info = catalog.info(provider, provider.default_model)
        assert info is not None and info.context_window and info.context_window > 8000, name
        cost = catalog.cost(provider, provider.default_model, MILLION)
        assert cost is not None and 0.1 < cost < 1000, name
    for name in ("groq", "together", "fireworks", "deepseek", "xai", "perplexity", "cerebras"):
        provider = PROVIDERS[name]
        assert catalog.cost(provider, provider.default_model, MILLION), name
    for name in ("moonshot", "zai", "sambanova"):
        provider = PROVIDERS[name]
        assert catalog.cost(provider, provider.default_model, MILLION), name


async def test_reading_the_list_neither_imports_litellm_nor_takes_long() -> None:
    script = (
        "import asyncio, sys, time\n"
        "from jupyter_chatide.gateway.catalog import Catalog\n"
        "catalog = Catalog()\n"
        "asyncio.run(catalog.load())\n"
        "assert catalog._entries\n"
        "assert 'litellm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    catalog, begin = Catalog(), time.perf_counter()
    await catalog.load()
    assert time.perf_counter() - begin < 1.0  # some 10 ms; decoding it whole takes ten times that


async def test_what_the_live_list_says_wins_and_the_rest_is_filled(tmp_path: Path) -> None:
    entry = {
        "litellm_provider": "groq",
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "supports_vision": True,
        "supports_reasoning": True,
    }
    catalog = await catalog_of({"groq/m": entry}, tmp_path)
    groq = PROVIDERS["groq"]
    live = ModelInfo("m", "M", context_window=5000, vision=False, input_price=3.0, output_price=4.0)
    filled = ModelInfo("m", "M", 5000, 100, False, True, None, 3.0, 4.0)
    assert catalog.fill(groq, live) == filled
    catalog.note("groq", [live])
    assert catalog.info(groq, "m") == filled
    assert catalog.cost(groq, "m", MILLION) == 7.0
    catalog.note("groq", [])
    assert catalog.cost(groq, "m", MILLION) == 3.0


async def test_an_unknown_model_costs_an_unknown_amount_and_never_nothing(tmp_path: Path) -> None:
    free = {"litellm_provider": "groq", "input_cost_per_token": 0, "output_cost_per_token": 0.0}
    half = {"litellm_provider": "groq", "input_cost_per_token": 1e-6}
    elsewhere = {
        "litellm_provider": "openai",
        "input_cost_per_token": 1,
        "output_cost_per_token": 1,
    }
    catalog = await catalog_of({"groq/f": free, "groq/h": half, "gpt": elsewhere}, tmp_path)
    for model in ("new", "f", "h", "gpt"):
        assert catalog.cost(PROVIDERS["groq"], model, MILLION) is None
    assert catalog.info(PROVIDERS["groq"], "new") is None
    assert catalog.cost(PROVIDERS["openai"], "gpt", MILLION) is None  # no such price can be


async def test_a_free_model_of_a_live_list_costs_nothing(tmp_path: Path) -> None:
    catalog = await catalog_of({}, tmp_path)
    catalog.note("openrouter", [ModelInfo("x:free", input_price=0.0, output_price=0.0)])
    assert catalog.cost(PROVIDERS["openrouter"], "x:free", MILLION) == 0.0


async def test_cached_tokens_and_long_prompts_have_prices_of_their_own(tmp_path: Path) -> None:
    entry = {
        "litellm_provider": "openai",
        "input_cost_per_token": 4e-6,
        "output_cost_per_token": 20e-6,
        "cache_read_input_token_cost": 0.4e-6,
        "input_cost_per_token_above_272k_tokens": 8e-6,
        "output_cost_per_token_above_272k_tokens": 30e-6,
    }
    catalog = await catalog_of({"m": entry}, tmp_path)
    openai = PROVIDERS["openai"]

    def cost(*tokens: int) -> float | None:
        return catalog.cost(openai, "m", UsageDelta(*tokens))

    assert cost(100_000, 1000) == pytest.approx(0.42)
    assert cost(100_000, 1000, 50_000) == pytest.approx(0.24)
    assert cost(300_000, 1000) == pytest.approx(2.43)
    assert cost(300_000, 1000, 300_000) == pytest.approx(0.27)
    assert cost(10, 0, 50) == pytest.approx(4e-6)  # more cached than given: a provider's slip


async def test_a_search_is_paid_beside_the_tokens(tmp_path: Path) -> None:
    entry = {
        "litellm_provider": "perplexity",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 1e-6,
        "search_context_cost_per_query": {"search_context_size_low": 0.005},
    }
    catalog = await catalog_of({"perplexity/sonar": entry}, tmp_path)
    cost = catalog.cost(PROVIDERS["perplexity"], "sonar", UsageDelta(1000, 1000))
    assert cost == pytest.approx(0.007)


@pytest.mark.parametrize(
    ("provider", "model", "base_url", "cost"),
    [
        ("demo", "demo", "", 0.0),
        ("local", "any", "", 0.0),
        ("ollama", "qwen3", "", 0.0),
        ("ollama", "qwen3", "http://gpu.example:11434", None),
        ("ollama", "gpt-oss:120b-cloud", "", None),
        ("vllm", "m", "", 0.0),
        ("litellm", "gpt-5", "", None),
        ("openai-compatible", "m", "http://localhost:9000/v1", None),  # it may be a proxy
        ("openai-compatible", "m", "https://llm.example/v1", None),
    ],
)
async def test_only_what_runs_on_this_machine_is_free(
    provider: str, model: str, base_url: str, cost: float | None
) -> None:
    catalog = await loaded()
    assert catalog.cost(PROVIDERS[provider], model, MILLION, base_url=base_url) == cost


async def test_a_provider_of_one_s_own_does_not_get_another_s_prices(tmp_path: Path) -> None:
    entry = {
        "litellm_provider": "groq",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 1e-6,
    }
    catalog = await catalog_of({"groq/m": entry, "deepinfra/m": entry}, tmp_path)
    own = ProviderConfiguration(
        id="deepinfra",
        label="Mine",
        icon="",
        adapter="direct",
        group="custom",
        base_url="https://x",
    )
    assert catalog.info(own, "m") is None
    assert catalog.info(PROVIDERS["vllm"], "m") is None


async def test_providers_without_a_list_show_what_is_known_of_them() -> None:
    catalog = await loaded()
    for name in ("perplexity", "vertex", "bedrock"):
        models = catalog.known(PROVIDERS[name])
        names = [model.id for model in models]
        assert names[0] == PROVIDERS[name].default_model
        assert len(names) == len(set(names)) and len(names) >= 4
        assert sum(model.input_price is not None for model in models) > len(models) * 0.8
    assert "sonar" in [model.id for model in catalog.known(PROVIDERS["perplexity"])]
    assert not any("pplx" in model.id for model in catalog.known(PROVIDERS["perplexity"]))


async def test_bedrock_s_models_are_those_of_the_region() -> None:
    catalog = await loaded()
    names = {model.id for model in catalog.known(PROVIDERS["bedrock"], "eu-central-1")}
    assert "eu.anthropic.claude-sonnet-5-5" in names
    assert "global.anthropic.claude-sonnet-5-5" in names
    assert "anthropic.claude-sonnet-5-5" in names
    assert not any(name.startswith(("us.", "us-gov.", "jp.", "apac.")) for name in names)
    names = {model.id for model in catalog.known(PROVIDERS["bedrock"], "us-gov-west-1")}
    assert any(name.startswith("us-gov.") for name in names)
    assert not any(name.startswith("us.") for name in names)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"m": 7, "groq/m": [], "groq/n": "x"}'])
async def test_a_damaged_price_list_is_as_good_as_none(content: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(content)
    for catalog in (Catalog(path), Catalog(tmp_path / "none.json")):
        await catalog.load()
        for model in ("m", "n"):
            assert catalog.info(PROVIDERS["groq"], model) is None
        assert catalog.known(PROVIDERS["perplexity"]) == [ModelInfo("sonar-pro")]
