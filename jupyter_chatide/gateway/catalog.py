"""What is known of models by name: limits, abilities and prices.

The providers' own lists come first. What they leave out is looked up in the price list that
litellm's package holds, read as the data that it is: litellm is not imported.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from .adapter import ProviderConfiguration
from .addresses import is_loopback
from .listing_formats import count, flag, price, sounds_like_chatting
from .messages import ModelInfo, UsageDelta

_FILE = "model_prices_and_context_window_backup.json"
_THRESHOLDS = (512, 272, 200, 128, 100)  # thousands of input tokens past which prices differ
_SEARCHING = "perplexity"  # each request searches the web, at a price of its own

# What Bedrock puts before the names of models that several regions serve together, and where
# those regions are. https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles.html
_GEOGRAPHIES = {
    "us-gov": ("us-gov-",),
    "us": ("us-east-", "us-west-", "ca-"),
    "eu": ("eu-",),
    "apac": ("ap-",),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "in": ("ap-south-",),
}

Prices = tuple[float, float]  # US dollars per million input and output tokens


class _Owner(msgspec.Struct, frozen=True):
    """Whose model an entry of the price list is, and whether to show it."""

    litellm_provider: str = ""
    mode: str = ""
    deprecation_date: str | None = None
    supports_function_calling: bool | None = None
    supports_web_search: bool | None = None


class _Facts(msgspec.Struct, frozen=True):
    """What the price list says of a model."""

    model: ModelInfo
    cached_price: float | None  # US dollars per million input tokens read from a cache
    dearer: tuple[tuple[int, Prices], ...]  # from so many input tokens on, the largest first
    per_request: float  # US dollars


class Catalog:
    """What is known of models by name.

    Args:
        path: a price list in litellm's format; ``None`` finds that of the installed litellm.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: dict[str, msgspec.Raw] = {}
        self._noted: dict[str, dict[str, ModelInfo]] = {}
        self._known: dict[str, list[ModelInfo]] = {}
        self._loading = asyncio.Lock()
        self._loaded = False

    async def load(self) -> None:
        """Read the price list, once, off the loop's thread. Without one, nothing is known."""
        async with self._loading:
            if not self._loaded:
                self._entries = await asyncio.to_thread(_read, self._path)
                self._loaded = True

    def note(self, provider: str, models: Iterable[ModelInfo]) -> None:
        """Remember what a provider's own list says.

        Args:
            provider: its id.
            models: its whole list; what an earlier one said is forgotten.
        """
        self._noted[provider] = {model.id: model for model in models}

    def fill(self, provider: ProviderConfiguration, model: ModelInfo) -> ModelInfo:
        """``model`` with what its provider's list left out, as far as it is known."""
        facts = self._facts(provider, model.id)
        if facts is None:
            return model
        missing: dict[str, Any] = {
            field: getattr(facts.model, field)
            for field in ("context_window", "max_output", "vision", "reasoning", "tools")
            if getattr(model, field) is None
        }
        if model.input_price is None and model.output_price is None:
            missing["input_price"] = facts.model.input_price
            missing["output_price"] = facts.model.output_price
        return msgspec.structs.replace(model, **missing)

    def info(self, provider: ProviderConfiguration, model: str) -> ModelInfo | None:
        """What is known of a model; ``None`` where nothing is."""
        noted = self._noted.get(provider.id, {}).get(model)
        filled = self.fill(provider, noted or ModelInfo(id=model))
        return filled if noted or filled != ModelInfo(id=model) else None

    def known(self, provider: ProviderConfiguration, region: str = "") -> list[ModelInfo]:
        """The models of a provider that has no list to ask for, its default model first.

        Those are left out that are past their end, or too old for their abilities to be listed.

        Args:
            provider: whose models.
            region: of Bedrock, to leave out what other regions serve; ``""`` leaves out none.
        """
        if provider.id not in self._known:
            names = dict.fromkeys([provider.default_model, *self._names(provider)])
            self._known[provider.id] = [
                self.fill(provider, ModelInfo(id=name)) for name in names if name
            ]
        models = self._known[provider.id]
        return [model for model in models if _serves(region, model.id)]

    def cost(
        self, provider: ProviderConfiguration, model: str, usage: UsageDelta, *, base_url: str = ""
    ) -> float | None:
        """What an answer costs.

        Args:
            provider: who answered.
            model: the model's name there.
            usage: the tokens that it took.
            base_url: where it answered; ``""`` is the provider's own.

        Returns:
            US dollars; ``None`` where that is unknown.
        """
        if _is_free(provider, model, base_url or provider.base_url):
            return 0.0
        info = self.info(provider, model)
        if info is None or info.input_price is None or info.output_price is None:
            return None
        facts = self._facts(provider, model)
        given, made = info.input_price, info.output_price
        per_request = facts.per_request if facts else 0.0
        cached = facts.cached_price if facts else None
        if facts is not None and (given, made) == (
            facts.model.input_price,
            facts.model.output_price,
        ):
            for threshold, prices in facts.dearer:
                if usage.input_tokens > threshold:
                    cached = None if cached is None else cached * prices[0] / (given or 1.0)
                    given, made = prices
                    break
        cached_tokens = min(usage.cached_tokens, usage.input_tokens)
        dollars = (
            (usage.input_tokens - cached_tokens) * given
            + cached_tokens * min(given, given if cached is None else cached)
            + usage.output_tokens * made
        ) / 1e6
        return dollars + per_request

    def _names(self, provider: ProviderConfiguration) -> list[str]:
        prefix = _prefix(provider)
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        names = []
        for name, raw in self._entries.items():
            try:
                owner = msgspec.json.decode(raw, type=_Owner)
            except msgspec.MsgspecError:
                continue
            short = name.removeprefix(f"{prefix}/")
            if not _is_of(owner.litellm_provider, prefix) or owner.mode != "chat":
                continue
            if not (owner.supports_function_calling or owner.supports_web_search):
                continue
            if (owner.deprecation_date or today) < today or "@" in short:
                continue
            if not sounds_like_chatting(short):
                continue
            if "/" in short and prefix == "bedrock":  # the same once more, by region or commitment
                continue
            names.append(short)
        return names

    def _facts(self, provider: ProviderConfiguration, model: str) -> _Facts | None:
        """The entry of a model. Servers of one's own have what they say they have, and no more."""
        if provider.group != "cloud" and not provider.price_prefix:
            return None
        prefix = _prefix(provider)
        for name in (f"{prefix}/{model}", model):
            if name not in self._entries:
                continue
            try:
                entry = msgspec.json.decode(self._entries[name])
            except msgspec.MsgspecError:
                continue
            if not isinstance(entry, dict):
                continue
            if name != model or _is_of(str(entry.get("litellm_provider")), prefix):
                return _facts(model, entry)
        return None


def _read(path: Path | None) -> dict[str, msgspec.Raw]:
    if path is None:
        spec = find_spec("litellm")
        if spec is None or not spec.submodule_search_locations:
            return {}
        path = Path(next(iter(spec.submodule_search_locations))) / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _prefix(provider: ProviderConfiguration) -> str:
    return provider.price_prefix or provider.litellm_prefix or provider.id


def _is_of(owner: str, prefix: str) -> bool:
    return owner == prefix or owner.startswith((f"{prefix}_", f"{prefix}-"))


def _serves(region: str, model: str) -> bool:
    regions = _GEOGRAPHIES.get(model.partition(".")[0])
    return not region or regions is None or region.startswith(regions)


def _is_free(provider: ProviderConfiguration, model: str, base_url: str) -> bool:
    """Whether a model runs on this machine: not one that a local server asks elsewhere, as
    a proxy does, and for all we know any server that we have no name for."""
    if provider.adapter in ("demo", "local"):
        return True
    asked_elsewhere = provider.id == "litellm" or model.endswith("cloud")  # Ollama's, -cloud
    return provider.group == "local" and is_loopback(base_url) and not asked_elsewhere


def _facts(model: str, entry: dict[str, Any]) -> _Facts:
    per_token = partial(price, per_million=1e6)
    given = per_token(entry.get("input_cost_per_token"))
    made = per_token(entry.get("output_cost_per_token"))
    if not given and not made:  # nought for both stands for "not known" in this list
        given = made = None
    window = count(entry.get("max_input_tokens"))
    dearer = []
    for thousands in _THRESHOLDS:
        more_given = per_token(entry.get(f"input_cost_per_token_above_{thousands}k_tokens"))
        more_made = per_token(entry.get(f"output_cost_per_token_above_{thousands}k_tokens"))
        if more_given is not None and more_made is not None:
            dearer.append((thousands * 1000, (more_given, more_made)))
    return _Facts(
        model=ModelInfo(
            id=model,
            context_window=window,
            max_output=count(entry.get("max_output_tokens")),
            vision=flag(entry.get("supports_vision")),
            reasoning=flag(entry.get("supports_reasoning")),
            tools=flag(entry.get("supports_function_calling")),
            input_price=given,
            output_price=made,
        ),
        cached_price=per_token(entry.get("cache_read_input_token_cost")),
        dearer=tuple(dearer),
        per_request=_per_request(entry),
    )


def _per_request(entry: dict[str, Any]) -> float:
    searching = entry.get("search_context_cost_per_query")
    if entry.get("litellm_provider") != _SEARCHING or not isinstance(searching, dict):
        return 0.0
    said = searching.get("search_context_size_low")  # what is searched where nobody says how much
    return float(said) if isinstance(said, float) and math.isfinite(said) else 0.0
