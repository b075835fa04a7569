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
from ..client.reading import ReadingOrder
from ..client.terminal import TurnText
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
    return run_stoppable(partial(_run, prompt, arguments.model, folder, arguments.json))


async def _run(prompt: str, model: str, folder: Path | None, json: bool) -> int:
    from ..chat import Chats
    from ..gateway import Gateway
    from ..runtime import Runtime

    async with Gateway() as gateway, Runtime() as runtime:
        chats = Chats(gateway, runtime)
        try:
            chat = chats.create(workspace=folder)
            try:
                turn = await chat.start_turn(prompt, model=model)
            except BaseException:
                await chats.delete(chat.id)  # nothing was asked in it
                raise
            console = Console(None if json else sys.stdout, sys.stderr)
            await _follow(chat, console, keep=not json)
            if json:
                from .document import turn_document

                print(turn_document(chat, turn))
            console.note(f"Kept as the chat “{chat.state.title}” ({chat.id}).", dim=True)
            return OK if _went_well(chat.read()) else FAILED
        finally:
            await chats.aclose()


async def _follow(chat: Chat, console: Console, keep: bool) -> None:
    """Show the turn while it goes on; when this is cancelled, stop it and show how it ended."""
    workspace = await chat.workspace()
    keep_here = partial(keep_image, workspace) if keep else lambda mime, content: ""
    shown = TurnText(console, keep_here, chat.workspace_path)
    order = ReadingOrder()
    seen = 0

    async def show_until_finished() -> None:
        nonlocal seen
        async for events in chat.events(seen):
            for event in events:
                for ready in order.feed(event):
                    shown.show(ready)
                seen = event.n
                if event_ends(event):
                    return

    ticking = asyncio.create_task(_tick(console))
    try:
        await show_until_finished()
    except asyncio.CancelledError:
        console.status("Stopping…")
        await chat.stop()
        await show_until_finished()
        raise
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking


async def _tick(console: Console) -> None:
    while True:
        await asyncio.sleep(_TICK)
        console.tick()


def event_ends(event: AnyEvent) -> bool:
    """Whether a turn ends with this event."""
    from ..chat.events import TurnFinished

    return isinstance(event, TurnFinished)


def _went_well(events: list[AnyEvent]) -> bool:
    """Whether the turn finished, and the last thing it did went well."""
    from ..chat.events import ActionFinished, RunFinished, TurnFinished

    done = True
    for event in events:
        match event:
            case RunFinished():
                done = event.status == "ok"
            case ActionFinished(status="done" | "failed"):
                done = event.status == "done"
            case TurnFinished():
                return done and event.status == "finished"
    return False
