"""What models a provider has: each provider's list, read over plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from .adapter import Target
from .errors import GatewayError, MalformedReplyError, ModelNotFoundError, ModelTimeoutError
from .listing_formats import (
    Entry,
    anthropic_models,
    cohere_models,
    gemini_models,
    github_models,
    ollama_limits,
    ollama_models,
    openai_models,
    xai_models,
)
from .messages import ModelInfo
from .wire.connections import Connections, connection_failure
from .wire.refusals import refusal

OLLAMA_CONTEXT = 8192
"""Tokens that Ollama is asked to read at once where nobody set another number."""

_PATIENCE = 15.0  # seconds for a whole list
_LARGEST_LIST = 20_000_000  # bytes
_LARGE_LIST = 200_000  # bytes that are decoded off the loop's thread
_MANY = 200  # entries that are read off the loop's thread
_MOST_PAGES = 20
_MOST_SHOWN = 100  # of Ollama's models, each of which takes a request
_SHOWN_AT_ONCE = 8

Reader = Callable[[Iterable[Entry]], Iterator[ModelInfo]]


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
    try:
        async with asyncio.timeout(patience):
            return await _list(connections, target, patience)
    except TimeoutError:
        raise ModelTimeoutError(
            f"{target.provider.label} did not list its models within {patience:g} s.", "Try again."
        ) from None


async def _list(connections: Connections, target: Target, patience: float) -> list[ModelInfo]:
    base_url, root = target.base_url, _root(target)
    match target.provider.models:
        case "openai":
            return await _one_page(connections, target, f"{base_url}/models", "data", openai_models)
        case "lmstudio":
            try:  # its own route says what a model can do
                url = f"{root}/api/v0/models"
                return await _one_page(connections, target, url, "data", openai_models)
            except (ModelNotFoundError, MalformedReplyError):
                url = f"{base_url}/models"
                return await _one_page(connections, target, url, "data", openai_models)
        case "xai":
            url = f"{base_url}/language-models"
            return await _one_page(connections, target, url, "models", xai_models)
        case "github":
            url = f"{base_url.removesuffix('/inference')}/catalog/models"
            return await _one_page(connections, target, url, "data", github_models)
        case "cohere":
            pages = _Pages(f"{root}/v1/models", "models", "page_token", "next_page_token")
            params = {"page_size": "1000", "endpoint": "chat"}
            return await pages.read(connections, target, params, cohere_models)
        case "anthropic":
            pages = _Pages(f"{root}/v1/models", "data", "after_id", "last_id", more="has_more")
            return await pages.read(connections, target, {"limit": "1000"}, anthropic_models)
        case "gemini":
            pages = _Pages(f"{root}/v1beta/models", "models", "pageToken", "nextPageToken")
            return await pages.read(connections, target, {"pageSize": "1000"}, gemini_models)
        case "ollama":
            return await _ollama(connections, target, patience)
        case _:
            return []


async def get_json(
    connections: Connections,
    target: Target,
    url: str,
    params: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """GET an object from a provider, with its key in a header; POST where there is a body.

    A list without a wrapper comes as ``{"data": list}``.

    Raises:
        GatewayError: it refuses, cannot be reached, or answers with something else.
    """
    client = await connections.to(url)
    import httpx  # the client has brought it: nothing is loaded on the loop's thread

    method = "GET" if body is None else "POST"
    content = None if body is None else msgspec.json.encode(body)
    headers = _headers(target)
    try:
        async with client.stream(
            method, url, params=params, headers=headers, content=content
        ) as response:
            said = bytearray()
            async for packet in response.aiter_bytes():
                said += packet
                if len(said) > _LARGEST_LIST:
                    raise _no_list(target)
    except httpx.HTTPError as failure:
        raise connection_failure(target, failure, connections.connect) from None
    if not response.is_success:
        raise refusal(target, "", response.status_code, bytes(said), response.headers)
    try:
        large = len(said) > _LARGE_LIST
        answer = await asyncio.to_thread(_decode, said) if large else _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _no_list(target) from None
    if isinstance(answer, list):  # Together and GitHub list without a wrapper
        return {"data": answer}
    if not isinstance(answer, dict):
        raise _no_list(target)
    return answer


def ollama_root(base_url: str) -> str:
    """Where Ollama's own routes are, for a base URL as people give it."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/api")


def ollama_context(target: Target) -> int:
    """Tokens that a model of Ollama's may read at once, as the user wishes it."""
    wished = target.options.get("context", "")
    return int(wished) if wished.isascii() and wished.isdigit() else OLLAMA_CONTEXT


def _decode(said: bytearray) -> Any:
    return msgspec.json.decode(said)


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


async def _models(
    target: Target, answer: Mapping[str, Any], field: str, reader: Reader
) -> list[ModelInfo]:
    entries = answer.get(field)
    if not isinstance(entries, list):
        raise _no_list(target)

    def read() -> list[ModelInfo]:
        return list(reader(entry for entry in entries if isinstance(entry, dict)))

    return await asyncio.to_thread(read) if len(entries) > _MANY else read()


async def _one_page(
    connections: Connections, target: Target, url: str, field: str, reader: Reader
) -> list[ModelInfo]:
    answer = await get_json(connections, target, url)
    return await _models(target, answer, field, reader)


class _Pages(msgspec.Struct, frozen=True):
    """A list in pages.

    Args:
        url: where it is.
        field: where a page holds its entries.
        asked: the parameter that asks for the next page.
        following: where a page names the next one.
        more: where a page says whether there is a next one; ``""`` where naming it says so.
    """

    url: str
    field: str
    asked: str
    following: str
    more: str = ""

    async def read(
        self, connections: Connections, target: Target, params: dict[str, str], reader: Reader
    ) -> list[ModelInfo]:
        """Read every page, up to a number that no honest list has."""
        models: dict[str, ModelInfo] = {}
        for _ in range(_MOST_PAGES):
            answer = await get_json(connections, target, self.url, params)
            for model in await _models(target, answer, self.field, reader):
                models.setdefault(model.id, model)
            following = answer.get(self.following)
            if not isinstance(following, str) or not following:
                break
            if self.more and answer.get(self.more) is not True:
                break
            params = {**params, self.asked: following}
        return list(models.values())


async def _ollama(connections: Connections, target: Target, patience: float) -> list[ModelInfo]:
    """Ollama's list, with what each model can do as far as there is time to ask."""
    root = ollama_root(target.base_url)
    answer = await get_json(connections, target, f"{root}/api/tags")
    models = await _models(target, answer, "models", ollama_models)
    waiting = list(range(min(len(models), _MOST_SHOWN)))
    dull: set[int] = set()

    async def ask() -> None:
        while waiting:
            index = waiting.pop(0)
            with suppress(GatewayError):  # the name alone will do
                limit, abilities = await ollama_show(connections, target, models[index].id)
                if abilities and "completion" not in abilities:  # it embeds
                    dull.add(index)
                models[index] = _shown(target, models[index].id, limit, abilities)

    with suppress(TimeoutError):
        async with asyncio.timeout(patience / 2), asyncio.TaskGroup() as group:
            for _ in range(min(_SHOWN_AT_ONCE, len(waiting))):
                group.create_task(ask())
    return [model for index, model in enumerate(models) if index not in dull]


async def ollama_show(
    connections: Connections, target: Target, model: str
) -> tuple[int | None, frozenset[str]]:
    """The longest context of one of Ollama's models in tokens, where it says so, and its abilities:
    ``completion``, ``vision``, ``tools``, ``thinking``…

    Raises:
        GatewayError: it does not say.
    """
    url = f"{ollama_root(target.base_url)}/api/show"
    return ollama_limits(await get_json(connections, target, url, body={"model": model}))


def _shown(target: Target, name: str, limit: int | None, abilities: frozenset[str]) -> ModelInfo:
    wished = ollama_context(target)
    return ModelInfo(
        id=name,
        context_window=min(wished, limit) if limit else wished,
        vision="vision" in abilities if abilities else None,
        reasoning="thinking" in abilities if abilities else None,
        tools="tools" in abilities if abilities else None,
    )


def _root(target: Target) -> str:
    root = target.base_url.rstrip("/").removesuffix("/v1").removesuffix("/v1beta")
    return root.removesuffix("/compatibility")
