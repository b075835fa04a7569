"""``models``: what can be asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from ..client.own_parts import OwnParts
from ..errors import ChatIDEError
from .arguments import Arguments
from .process import FAILED, OK, tell
from .tables import print_table

if TYPE_CHECKING:
    from ..gateway import ModelInfo


def command(arguments: Arguments) -> int:
    """Carry the command out."""
    listed = asyncio.run(_list(arguments.provider))
    if arguments.json:
        print(msgspec.json.encode(listed).decode())
    else:
        print_table(
            (f"{provider}/{model.id}", _context(model), _prices(model))
            for provider, models in listed.items()
            for model in models
        )
    return OK if listed else FAILED


async def _list(provider: str) -> dict[str, list[ModelInfo]]:
    async with OwnParts().gateway() as gateway:
        if provider:
            return {provider: await gateway.models(provider)}
        names = [status.id for status in await gateway.providers() if status.ready]
        answers = await asyncio.gather(*map(gateway.models, names), return_exceptions=True)
    listed = {}
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, ChatIDEError):
            tell(answer.message, answer.hint)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            listed[name] = answer
    return listed


def _context(model: ModelInfo) -> str:
    return f"{model.context_window:,} tokens" if model.context_window else ""


def _prices(model: ModelInfo) -> str:
    if model.input_price is None or model.output_price is None:
        return ""
    return f"${model.input_price:g} in, ${model.output_price:g} out"
