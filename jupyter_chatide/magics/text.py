"""A turn in IPython's terminal."""

from __future__ import annotations

import sys

from ..chat.events import AnyEvent
from ..client.console import Console
from ..client.terminal import KeepImage, TurnText


class TurnInTerminal:
    """A turn as text, with a status line while there is nothing to read.

    Args:
        keep_image: keeps an image.
    """

    def __init__(self, keep_image: KeepImage) -> None:
        self._console = Console(sys.stdout, sys.stderr)
        self._text = TurnText(self._console, keep_image)

    def show(self, event: AnyEvent) -> None:
        """Show the next event."""
        self._text.show(event)

    def refresh(self) -> None:
        """Show that something goes on."""
        self._console.tick()
