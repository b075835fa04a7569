"""``exec``: code in a sandbox, without a model."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import msgspec

from ..client.console import Console
from ..client.images import keep_image
from ..client.own_parts import OwnParts
from ..client.terminal import OutputText
from .arguments import Arguments
from .process import FAILED, OK, STOPPED, TIMEOUT, run_stoppable, tell
from .reading import read_text, workspace_folder

_STATUSES = {"ok": OK, "timeout": TIMEOUT, "interrupted": STOPPED}


def command(arguments: Arguments) -> int:
    """Carry the command out."""
    code = read_text(arguments.file, "code")
    status = run_stoppable(partial(_execute, arguments, code))
    if status == STOPPED:
        tell("Stopped.")
    return status


async def _execute(arguments: Arguments, code: str) -> int:
    folder = workspace_folder(arguments.workspace)
    console = Console(sys.stdout, sys.stderr)
    async with OwnParts().runtime() as runtime:
        workspace = await runtime.create_workspace(folder)

        def keep(mime: str, content: Any) -> str:
            # What is kept in a temporary workspace would be gone before anyone sees it.
            return keep_image(workspace, mime, content) if folder else ""

        shown = OutputText(console, keep, whole=True)
        show = None if arguments.json else shown.show
        result = await workspace.run(code, timeout=arguments.timeout, on_output=show)
        shown.finish()
    if arguments.json:
        print(msgspec.json.encode(result).decode())
    for notice in result.notices:
        console.note(notice.message, notice.hint)
    return _STATUSES.get(result.status, FAILED)
