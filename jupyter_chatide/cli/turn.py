"""``run``: one turn in the terminal."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..client.console import Console
from ..client.images import keep_image
from ..client.own_parts import OwnParts
from ..client.reading import TurnReading
from ..client.terminal import TurnText
from ..errors import ChatIDEError
from .arguments import Arguments
from .process import FAILED, OK, run_stoppable
from .reading import read_text, workspace_folder

if TYPE_CHECKING:
    from ..chat import Chat
    from ..chat.events import AnyEvent

_TICK = 0.1  # seconds between two pictures of the status line


def command(arguments: Arguments) -> int:
    """Carry the command out."""
    prompt = read_text("-", "prompt") if arguments.prompt == "-" else arguments.prompt
    folder = workspace_folder(arguments.workspace)
    return run_stoppable(partial(_run, prompt, arguments, folder))


async def _run(prompt: str, arguments: Arguments, folder: Path | None) -> int:
    parts = OwnParts()
    async with parts.gateway() as gateway, parts.runtime() as runtime:
        chats = parts.chats(gateway, runtime)
        try:
            chat = chats.create(workspace=folder)
            try:
                if arguments.fallback is not None:
                    chat.set_fallback([model for model in arguments.fallback if model])
                turn = await chat.start_turn(prompt, model=arguments.model)
            except BaseException:
                await chats.delete(chat.id)  # nothing was asked in it
                raise
            console = Console(None if arguments.json else sys.stdout, sys.stderr)
            reading = TurnReading(turn)
            await _follow(chat, reading, console, keep=not arguments.json)
            if arguments.json:
                from .document import turn_document

                print(turn_document(chat, turn))
            console.note(f"Kept as the chat “{chat.state.title}” ({chat.id}).", dim=True)
            return OK if reading.went_well else FAILED
        finally:
            await chats.aclose()


async def _follow(chat: Chat, reading: TurnReading, console: Console, keep: bool) -> None:
    """Show the turn while it goes on; when this is cancelled, stop it and show how it ended."""
    workspace = await chat.workspace()
    keep_here = partial(keep_image, workspace) if keep else lambda mime, content: ""
    shown = TurnText(console, keep_here, chat.workspace_path)
    seen = 0

    def show(events: list[AnyEvent]) -> None:
        nonlocal seen
        for event in events:
            for ready in reading.feed(event):
                shown.show(ready)
            seen = event.n

    async def show_live() -> None:
        async for events in chat.events(seen):
            show(events)
            if reading.end:
                return

    async def show_to_the_end() -> None:
        live = asyncio.create_task(show_live())
        idle = asyncio.create_task(chat.wait_idle())
        try:
            await asyncio.wait({live, idle}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            live.cancel()
            idle.cancel()
            with suppress(asyncio.CancelledError):
                await live
        show(chat.read(seen))
        if not reading.end:
            raise UnfinishedError(
                "The chat ended without saying how.", "Check that the disk is not full."
            )

    ticking = asyncio.create_task(_tick(console))
    try:
        await show_to_the_end()
    except asyncio.CancelledError:
        console.status("Stopping…")
        await chat.stop()
        await show_to_the_end()
        raise
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking


class UnfinishedError(ChatIDEError):
    """A turn's end could not be written into its chat's log."""

    code = "unfinished"


async def _tick(console: Console) -> None:
    while True:
        await asyncio.sleep(_TICK)
        console.tick()
