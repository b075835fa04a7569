"""What providers' lists of models look like, and what they say of each model.

Nothing here is trusted: what has the wrong type, length or range is taken as not said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .messages import ModelInfo

Entry = Mapping[str, Any]

MOST_MODELS = 5000
LONGEST_NAME = 200  # characters
_MOST_TOKENS = 1_000_000_000
_DEAREST = 100_000.0  # US dollars per million tokens

# In lists that say nothing of what a model is for, these in a name tell that it does not chat.
# They only tidy the list: a model that it leaves out can still be named.
_NOT_CHATTING = (
    "audio",
    "babbage",
    "dall-e",
    "davinci",
    "embed",
    "guard",
    "image",
    "moderation",
    "ocr",
    "orpheus",
    "realtime",
    "rerank",
    "sora",
    "transcribe",
    "tts",
    "whisper",
)

_CHATTING_TYPES = ("", "chat", "language", "code", "model", "llm", "vlm")


def openai_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """OpenAI's own list and what others add to it: Azure, Mistral, Groq, OpenRouter, the Hugging
    Face router, Together, Fireworks, Moonshot, SambaNova, LM Studio, vLLM and llama.cpp."""
    for name, entry in _named(entries, "id"):
        if not _chats(name, entry):
            continue
        offers = [offer for offer in listed(entry, "providers") if isinstance(offer, dict)]
        capabilities = _object(entry, "capabilities")
        words = _words(entry, "capabilities")
        parameters = _words(entry, "supported_parameters")
        yield ModelInfo(
            id=name,
            label=_label(entry, "name", "display_name"),
            context_window=count(
                entry.get("loaded_context_length"),  # LM Studio
                entry.get("context_length"),  # OpenRouter, Together, Fireworks, Moonshot
                entry.get("context_window"),  # Groq
                entry.get("max_context_length"),  # Mistral, LM Studio
                entry.get("max_model_len"),  # vLLM
                _object(entry, "meta").get("n_ctx"),  # llama.cpp
                *(offer.get("context_length") for offer in offers),  # Hugging Face
            ),
            max_output=count(
                entry.get("max_completion_tokens"),  # Groq, SambaNova
                _object(entry, "top_provider").get("max_completion_tokens"),  # OpenRouter
            ),
            vision=_first(
                _has(_modalities(entry, "input"), "image"),
                flag(capabilities.get("vision")),  # Mistral
                flag(entry.get("supports_image_input")),  # Fireworks
                flag(entry.get("supports_image_in")),  # Moonshot
                {"vlm": True, "llm": False}.get(str(entry.get("type"))),  # LM Studio
            ),
            reasoning=_first(
                _has(parameters, "reasoning"),  # OpenRouter
                flag(capabilities.get("reasoning")),  # Mistral
                flag(entry.get("supports_reasoning")),  # Moonshot
            ),
            tools=_first(
                _has(parameters, "tools"),  # OpenRouter
                _has(words, "tool_use"),  # LM Studio
                flag(capabilities.get("function_calling")),  # Mistral
                flag(entry.get("supports_tools")),  # Fireworks
            ),
            **_prices(entry, offers),
        )


def ollama_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """``GET /api/tags``: names, and little more."""
    for name, entry in _named(entries, "name"):
        family = _object(entry, "details").get("family")
        if not (isinstance(family, str) and "bert" in family):
            yield ModelInfo(id=name)


def ollama_limits(shown: Entry) -> tuple[int | None, frozenset[str]]:
    """The longest context of a model in tokens and what it can do, from ``POST /api/show``."""
    facts = _object(shown, "model_info")
    kind = facts.get("general.architecture")
    return count(facts.get(f"{kind}.context_length")), _words(shown, "capabilities")


def anthropic_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """https://docs.anthropic.com/en/api/models-list"""
    for name, entry in _named(entries, "id"):
        capabilities = _object(entry, "capabilities")
        yield ModelInfo(
            id=name,
            label=_label(entry, "display_name"),
            context_window=count(entry.get("max_input_tokens")),
            max_output=count(entry.get("max_tokens")),
            vision=flag(_object(capabilities, "image_input").get("supported")),
            reasoning=flag(_object(capabilities, "thinking").get("supported")),
        )


def gemini_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """https://ai.google.dev/api/models#method:-models.list"""
    for name, entry in _named(entries, "name"):
        methods = listed(entry, "supportedGenerationMethods")
        if (methods and "generateContent" not in methods) or not sounds_like_chatting(name):
            continue
        yield ModelInfo(
            id=name.removeprefix("models/"),
            label=_label(entry, "displayName"),
            context_window=count(entry.get("inputTokenLimit")),
            max_output=count(entry.get("outputTokenLimit")),
            reasoning=flag(entry.get("thinking")),
        )


def cohere_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """https://docs.cohere.com/v1/reference/list-models"""
    for name, entry in _named(entries, "name"):
        endpoints = _words(entry, "endpoints")
        if entry.get("is_deprecated") is True or (endpoints and "chat" not in endpoints):
            continue
        features = _words(entry, "features")
        yield ModelInfo(
            id=name,
            context_window=count(entry.get("context_length")),
            vision=flag(entry.get("supports_vision")),
            reasoning=_has(features, "reasoning"),
            tools=_has(features, "tools"),
        )


def github_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """https://docs.github.com/en/rest/models/catalog"""
    for name, entry in _named(entries, "id"):
        if not _chats(name, entry):
            continue
        limits, words = _object(entry, "limits"), _words(entry, "capabilities")
        yield ModelInfo(
            id=name,
            label=_label(entry, "name"),
            context_window=count(limits.get("max_input_tokens")),
            max_output=count(limits.get("max_output_tokens")),
            vision=_has(_modalities(entry, "input"), "image"),
            reasoning=_has(words, "reasoning"),
            tools=_has(words, "tool-calling"),
        )


def xai_models(entries: Iterable[Entry]) -> Iterator[ModelInfo]:
    """https://docs.x.ai/docs/api-reference#list-language-models; prices are in ten-thousandths of
    a dollar per million tokens."""
    for name, entry in _named(entries, "id"):
        if _has(_modalities(entry, "output"), "text") is False:
            continue
        yield ModelInfo(
            id=name,
            context_window=count(entry.get("context_length"), entry.get("max_prompt_length")),
            vision=_has(_modalities(entry, "input"), "image"),
            input_price=price(entry.get("prompt_text_token_price"), 1e-4),
            output_price=price(entry.get("completion_text_token_price"), 1e-4),
        )


def sounds_like_chatting(name: str) -> bool:
    """Whether a model's name does not say that it is for something else than conversations."""
    return not any(part in name.lower() for part in _NOT_CHATTING)


def listed(entry: Entry, field: str) -> list[Any]:
    """A list inside an object; an empty one where there is none."""
    value = entry.get(field)
    return value if isinstance(value, list) else []


def _named(entries: Iterable[Entry], field: str) -> Iterator[tuple[str, Entry]]:
    """Each entry with a usable name of its own."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.get(field)
        if not isinstance(name, str) or not name.strip() or name in seen:
            continue
        if len(name) > LONGEST_NAME or not name.isprintable():
            continue
        seen.add(name)
        yield name, entry
        if len(seen) >= MOST_MODELS:
            return


def _chats(name: str, entry: Entry) -> bool:
    """Whether a listed model holds conversations, by what the list says, else by its name."""
    if "text" in _modalities(entry, "output"):
        return True
    if _modalities(entry, "output"):
        return False
    capabilities = _object(entry, "capabilities")
    for said in (
        capabilities.get("completion_chat"),  # Mistral
        capabilities.get("chat_completion"),  # Azure
        entry.get("supports_chat"),  # Fireworks, Hyperbolic
    ):
        if isinstance(said, bool):
            return said
    kind = entry.get("type")  # Together, LM Studio
    if isinstance(kind, str) and kind not in _CHATTING_TYPES:
        return False
    return sounds_like_chatting(name)


def _modalities(entry: Entry, side: str) -> frozenset[str]:
    return (
        _words(_object(entry, "architecture"), f"{side}_modalities")  # OpenRouter, Hugging Face
        or _words(entry, f"supported_{side}_modalities")  # GitHub
        or _words(entry, f"{side}_modalities")  # xAI
    )


def _prices(entry: Entry, offers: Sequence[Entry]) -> dict[str, float | None]:
    prices = _object(entry, "pricing")
    if "prompt" in prices:  # OpenRouter, SambaNova: dollars per token, as text
        return {
            "input_price": price(prices["prompt"], 1e6),
            "output_price": price(prices.get("completion"), 1e6),
        }
    if "input" in prices:  # Together: dollars per million
        # Nought for all is its way to say nothing of models that it serves by the hour.
        given, made = price(prices["input"]), price(prices.get("output"))
        return {"input_price": given, "output_price": made} if given or made else {}
    of_offers = {
        (price(asked.get("input")), price(asked.get("output")))
        for asked in (_object(offer, "pricing") for offer in offers)  # Hugging Face
    }
    if len(of_offers) == 1:  # who of several answers, and at what price, is not known before
        given, made = of_offers.pop()
        return {"input_price": given, "output_price": made}
    return {}


def _object(entry: Entry, field: str) -> Entry:
    value = entry.get(field)
    return value if isinstance(value, dict) else {}


def _words(entry: Entry, field: str) -> frozenset[str]:
    return frozenset(word for word in listed(entry, field) if isinstance(word, str))


def _has(words: frozenset[str], word: str) -> bool | None:
    return word in words if words else None


def _first(*answers: bool | None) -> bool | None:
    return next((answer for answer in answers if answer is not None), None)


def flag(value: object) -> bool | None:
    """A yes or a no; ``None`` for all else."""
    return value if isinstance(value, bool) else None


def _label(entry: Entry, *fields: str) -> str:
    for field in fields:
        value = entry.get(field)
        if isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_NAME:
            return value
    return ""


def count(*values: object) -> int | None:
    """The first of ``values`` that can be a number of tokens."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if 1 <= value <= _MOST_TOKENS:  # NaN fails it too
            return int(value)
    return None


def price(value: object, per_million: float = 1.0) -> float | None:
    """US dollars per million tokens, from a number or its text in another unit."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        price = float(value) * per_million
    except (ValueError, OverflowError):
        return None
    return round(price, 6) if math.isfinite(price) and 0 <= price <= _DEAREST else None
