"""Where ``%%chat`` is carried out: what it needs of that place, and the Jupyter server as one."""

from __future__ import annotations

import time
from typing import Any, Protocol

import msgspec

from ..chat.events import AnyEvent, Mode
from ..client.servers import RunningServer, ServerAPI, ServerError

_QUICK = 0.1  # seconds between two questions for events while there are some
_SLOW = 0.5  # and at most, while there are none
_SILENCE = 20.0  # seconds that a server may be away in the middle of a turn

_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class Connection(Protocol):
    """Chats that run in another process. Calls block; each may raise a ``ChatIDEError``.

    Any call may be interrupted by a ``KeyboardInterrupt``; the next one works all the same.
    """

    where: str
    """In words for a person: "in …"."""

    def create_chat(self) -> str:
        """Start a chat; returns its id."""
        ...

    def start_turn(self, chat: str, prompt: str, model: str, mode: Mode) -> str:
        """Ask; returns the turn's id.

        Raises:
            NotFoundError: there is no such chat (any more).
        """
        ...

    def events(self, chat: str, after: int) -> list[AnyEvent]:
        """The events after number ``after``; waits a moment for some to come."""
        ...

    def running(self, chat: str) -> bool:
        """Whether a turn or a run goes on."""
        ...

    def stop(self, chat: str) -> None:
        """End what runs; returns when it has ended."""
        ...

    def keep_image(self, chat: str, mime: str, content: Any) -> str:
        """Keep an image in the chat's workspace; returns its path, ``""`` where it is elsewhere."""
        ...

    def close(self) -> None:
        """End the connection. Safe to call twice."""
        ...


class ServerConnection:
    """The Jupyter server that this kernel belongs to: chats show up in its sidebar.

    Args:
        server: that server.

    Raises:
        ServerError: Jupyter ChatIDE does not answer there.
    """

    def __init__(self, server: RunningServer) -> None:
        self.where = f"in the Jupyter server at {server.url}; chats are in its sidebar"
        self._api = ServerAPI(server)
        self._pause = _QUICK
        self._last_answer = time.monotonic()
        try:
            answers = "chats" in self._api.get("chats")
        except BaseException:
            self._api.close()
            raise
        if not answers:
            raise ServerError(f"{server.url} does not answer as Jupyter ChatIDE does.")

    def create_chat(self) -> str:
        """Start a chat; returns its id."""
        return str(msgspec.json.decode(self._api.ask("POST", "chats", {}))["id"])

    def start_turn(self, chat: str, prompt: str, model: str, mode: Mode) -> str:
        """Ask; returns the turn's id."""
        body = {"prompt": prompt, "model": model, "mode": mode}
        self._pause, self._last_answer = _QUICK, time.monotonic()
        return str(msgspec.json.decode(self._api.ask("POST", f"chats/{chat}/turns", body))["turn"])

    def events(self, chat: str, after: int) -> list[AnyEvent]:
        """The events after number ``after``; waits a moment before it asks."""
        time.sleep(self._pause)
        try:
            lines = self._api.ask("GET", f"chats/{chat}/events?after={after}")
        except ServerError:
            if time.monotonic() - self._last_answer > _SILENCE:
                raise
            return []
        self._last_answer = time.monotonic()
        try:
            events: list[AnyEvent] = _events.decode_lines(lines)
        except msgspec.MsgspecError as error:
            raise ServerError(
                "The Jupyter server's events cannot be read: its jupyter-chatide is another one.",
                "Install one version of jupyter-chatide for both, and restart both.",
            ) from error
        self._pause = _QUICK if events else min(self._pause * 1.5, _SLOW)
        return events

    def running(self, chat: str) -> bool:
        """Whether a turn or a run goes on."""
        return bool(self._api.get(f"chats/{chat}")["running"])

    def stop(self, chat: str) -> None:
        """End what runs; returns when it has ended."""
        self._api.reconnect()
        self._pause = _QUICK
        self._api.ask("POST", f"chats/{chat}/stop")

    def keep_image(self, chat: str, mime: str, content: Any) -> str:
        """Images are in the sidebar."""
        return ""

    def close(self) -> None:
        """Close the HTTP connections."""
        self._api.close()
