"""``local``: models that run on this machine."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..client.console import Console
from ..client.own_parts import OwnParts
from .arguments import Arguments
from .process import FAILED, OK, run_stoppable, tell
from .tables import print_table

if TYPE_CHECKING:
    from ..gateway.local import LocalModel

_TICK = 0.2  # seconds between two looks at a download


def list_models(arguments: Arguments) -> int:
    """Show the models on this machine, and those that can be fetched."""
    return run_stoppable(partial(_list, arguments.json))


def download(arguments: Arguments) -> int:
    """Fetch a recommended model."""
    return run_stoppable(partial(_download, arguments.model))


def add(arguments: Arguments) -> int:
    """Use a GGUF file of the user's own."""
    return run_stoppable(partial(_add, Path(arguments.path).expanduser().absolute()))


def remove(arguments: Arguments) -> int:
    """Delete a fetched model, or forget a file."""
    return run_stoppable(partial(_remove, arguments.model))


async def _list(json: bool) -> int:
    async with OwnParts().gateway() as gateway:
        usable, reason = gateway.local.available()
        found = await gateway.local.list()
    if json:
        print(msgspec.json.encode(found).decode())
        return OK
    print_table(
        (f"local/{model.id}", _state_words(model), _size_words(model), model.license, model.label)
        for model in found
    )
    if not usable:
        tell(reason)
    return OK


async def _download(name: str) -> int:
    console = Console(None, sys.stderr)
    async with OwnParts().gateway() as gateway:
        await gateway.local.download(name)
        while True:
            model = next(model for model in await gateway.local.list() if model.id == name)
            if model.state not in {"downloading", "verifying"}:
                break
            console.status(f"{model.label}: {_state_words(model)} of {_size_words(model)}")
            console.tick()
            await asyncio.sleep(_TICK)
        console.status("")
        if model.state != "ready":
            tell(model.message or "The download was stopped; the next one goes on from there.")
            return FAILED
        tell(f"Ready: jupyter chatide run --model local/{name} PROMPT")
        usable, reason = gateway.local.available()
        if not usable:
            tell(reason)
    return OK


async def _add(path: Path) -> int:
    async with OwnParts().gateway() as gateway:
        model = await gateway.local.add(path)
    tell(f"Ready: jupyter chatide run --model local/{model.id} PROMPT")
    return OK


async def _remove(name: str) -> int:
    async with OwnParts().gateway() as gateway:
        await gateway.local.remove(name)
    tell(f"local/{name} is removed.")
    return OK


def _state_words(model: LocalModel) -> str:
    share = f" {model.done / model.size:.0%}" if model.size else ""
    match model.state:
        case "absent":
            return "to fetch"
        case "partial":
            return f"to fetch on,{share} there"
        case "downloading" | "verifying":
            return f"{model.state}{share}"
        case _:
            return model.state


def _size_words(model: LocalModel) -> str:
    return f"{model.size / 1e9:.1f} GB" if model.size else ""
