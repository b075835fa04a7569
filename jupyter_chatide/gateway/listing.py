"""What models a provider has: each provider's list, read over plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from .adapter import Target
from .connections import Connections, connection_failure
from .errors import MalformedReplyError, ModelTimeoutError
from .messages import ModelInfo
from .refusals import refusal

_PATIENCE = 15.0  # seconds for a whole list
_LARGEST_LIST = 20_000_000  # bytes
_MOST_PAGES = 20

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


async def list_models(
    connections: Connections, target: Target, *, patience: float = _PATIENCE
) -> list[ModelInfo]:
    """The models of a provider that can hold a conversation, in its own order.

    Args:
        connections: whose connections to use.
        target: the provider, its base URL and key.
        patience: seconds until it gives up.

    Raises:
        GatewayError: the provider did not answer with a list.
    """
    kind = target.provider.models
    try:
        async with asyncio.timeout(patience):
            if kind == "openai":
                answer = await get_json(connections, target, f"{target.base_url}/models")
                return list(_openai(_entries(target, answer, "data")))
            if kind == "ollama":
                root = target.base_url.removesuffix("/v1")
                answer = await get_json(connections, target, f"{root}/api/tags")
                return list(_ollama(_entries(target, answer, "models")))
            if kind == "anthropic":
                return await _anthropic(connections, target)
            if kind == "gemini":
                return await _gemini(connections, target)
    except TimeoutError:
        raise ModelTimeoutError(
            f"{target.provider.label} did not list its models within {patience:g} s.", "Try again."
        ) from None
    return []


async def get_json(
    connections: Connections,
    target: Target,
    url: str,
    params: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """GET an object from a provider, with its key in a header.

    Raises:
        GatewayError: it refuses, cannot be reached, or answers with something else.
    """
    client = await connections.to(url)
    import httpx  # the client has brought it: nothing is loaded on the loop's thread

    try:
        async with client.stream("GET", url, params=params, headers=_headers(target)) as response:
            body = bytearray()
            async for packet in response.aiter_bytes():
                body += packet
                if len(body) > _LARGEST_LIST:
                    raise _no_list(target)
    except httpx.HTTPError as failure:
        raise connection_failure(target, failure, connections.connect) from None
    if not response.is_success:
        raise refusal(target, "", response.status_code, bytes(body), response.headers)
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _no_list(target) from None
    if isinstance(answer, list):  # Together lists without a wrapper
        return {"data": answer}
    if not isinstance(answer, dict):
        raise _no_list(target)
    return answer


def _headers(target: Target) -> dict[str, str]:
    if target.provider.models == "anthropic":
        headers = {"anthropic-version": "2023-06-01"}
        return headers if target.key is None else {**headers, "x-api-key": target.key}
    if target.key is None:
        return {}
    if target.provider.models == "gemini":
        return {"x-goog-api-key": target.key}
    return {"Authorization": f"Bearer {target.key}"}


def _no_list(target: Target) -> MalformedReplyError:
    return MalformedReplyError(
        f"{target.provider.label} answered with something that is not a list of models.",
        "Check its base URL; most end in /v1.",
    )


def _entries(target: Target, answer: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    entries = answer.get(field)
    if not isinstance(entries, list):
        raise _no_list(target)
    return [entry for entry in entries if isinstance(entry, dict)]


def _openai(entries: Iterable[Mapping[str, Any]]) -> Iterator[ModelInfo]:
    """OpenAI's own list and what others add to it: Mistral, Groq, OpenRouter, the Hugging Face
    router, LM Studio, vLLM and llama.cpp."""
    seen = set()
    for entry in entries:
        name = entry.get("id")
        if not isinstance(name, str) or not name or name in seen or not _chats(name, entry):
            continue
        seen.add(name)
        offers = [offer for offer in _list(entry, "providers") if isinstance(offer, dict)]
        inputs = _list(_object(entry, "architecture"), "input_modalities")
        capabilities = _object(entry, "capabilities")
        prices = _object(entry, "pricing")
        label = entry.get("name")
        yield ModelInfo(
            id=name,
            label=label if isinstance(label, str) else "",
            context_window=_count(
                entry.get("context_length"),  # OpenRouter
                entry.get("context_window"),  # Groq
                entry.get("max_context_length"),  # Mistral, LM Studio
                entry.get("max_model_len"),  # vLLM
                _object(entry, "meta").get("n_ctx"),  # llama.cpp
                *(offer.get("context_length") for offer in offers),  # Hugging Face
            ),
            vision="image" in inputs if inputs else _flag(capabilities.get("vision")),
            input_price=_price(prices.get("prompt")),
            output_price=_price(prices.get("completion")),
        )


def _chats(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether a listed model holds conversations, by what the list says, else by its name."""
    outputs = _list(_object(entry, "architecture"), "output_modalities")
    if outputs:
        return "text" in outputs
    said = _object(entry, "capabilities").get("completion_chat")  # Mistral
    if isinstance(said, bool):
        return said
    return not any(part in name.lower() for part in _NOT_CHATTING)


def _ollama(entries: Iterable[Mapping[str, Any]]) -> Iterator[ModelInfo]:
    for entry in entries:
        name = entry.get("name")
        family = _object(entry, "details").get("family")
        if isinstance(name, str) and name and not (isinstance(family, str) and "bert" in family):
            yield ModelInfo(id=name)


async def _anthropic(connections: Connections, target: Target) -> list[ModelInfo]:
    """https://docs.anthropic.com/en/api/models-list: pages by ``after_id``."""
    models: list[ModelInfo] = []
    params = {"limit": "1000"}
    for _ in range(_MOST_PAGES):
        answer = await get_json(connections, target, f"{_root(target)}/v1/models", params)
        for entry in _entries(target, answer, "data"):
            name, label = entry.get("id"), entry.get("display_name")
            if isinstance(name, str) and name:
                models.append(
                    ModelInfo(
                        id=name,
                        label=label if isinstance(label, str) else "",
                        context_window=_count(entry.get("max_input_tokens")),
                    )
                )
        last = answer.get("last_id")
        if answer.get("has_more") is not True or not isinstance(last, str):
            break
        params["after_id"] = last
    return models


async def _gemini(connections: Connections, target: Target) -> list[ModelInfo]:
    """https://ai.google.dev/api/models#method:-models.list: pages by ``pageToken``."""
    models: list[ModelInfo] = []
    params = {"pageSize": "1000"}
    for _ in range(_MOST_PAGES):
        answer = await get_json(connections, target, f"{_root(target)}/v1beta/models", params)
        for entry in _entries(target, answer, "models"):
            name, label = entry.get("name"), entry.get("displayName")
            if not isinstance(name, str) or not _generates(name, entry):
                continue
            models.append(
                ModelInfo(
                    id=name.removeprefix("models/"),
                    label=label if isinstance(label, str) else "",
                    context_window=_count(entry.get("inputTokenLimit")),
                )
            )
        following = answer.get("nextPageToken")
        if not isinstance(following, str) or not following:
            break
        params["pageToken"] = following
    return models


def _generates(name: str, entry: Mapping[str, Any]) -> bool:
    methods = _list(entry, "supportedGenerationMethods")
    chatting = not any(part in name for part in _NOT_CHATTING)
    return chatting and (not methods or "generateContent" in methods)


def _root(target: Target) -> str:
    return target.base_url.removesuffix("/v1").removesuffix("/v1beta")


def _object(entry: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = entry.get(field)
    return value if isinstance(value, dict) else {}


def _list(entry: Mapping[str, Any], field: str) -> list[Any]:
    value = entry.get(field)
    return value if isinstance(value, list) else []


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(*values: object) -> int | None:
    for value in values:
        if isinstance(value, int) and value > 0:
            return value
    return None


def _price(value: object) -> float | None:
    """US dollars per million tokens, from the dollars per token that OpenRouter gives as text."""
    try:
        price = float(value) * 1e6 if isinstance(value, str | int | float) else -1.0
    except ValueError:
        return None
    return round(price, 6) if price >= 0 else None
