"""Chats: make, list, rename, delete; ask, stop, run again."""

from __future__ import annotations

from contextlib import suppress

from jupyter_server.auth.decorator import authorized
from msgspec import UNSET
from tornado import web

from ..errors import ChatIDEError, InvalidRequestError
from .base import ChatIDEHandler
from .bodies import ChatChange, NewChat, NewRun, NewTurn, ResumeTurn, StartedRun, StartedTurn


class ChatsHandler(ChatIDEHandler):
    """``chats``"""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the chats."""
        search = self.get_query_argument("search", "")
        self.answer({"chats": await self.chatide.chats.list(search)})

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a chat."""
        chat = self.chatide.chats.create(self.decode(NewChat).title)
        self.set_header("Location", self.url("chats", chat.id))
        self.answer(chat.info(), 201)


class ChatHandler(ChatIDEHandler):
    """``chats/{chat}``"""

    @web.authenticated
    @authorized
    async def get(self, chat: str) -> None:
        """Tell of a chat."""
        self.answer((await self.chat(chat)).info())

    @web.authenticated
    @authorized
    async def patch(self, chat: str) -> None:
        """Change a chat's title, or its chain of models to fall back on."""
        found = await self.chat(chat)
        change = self.decode(ChatChange)
        if change.title is UNSET and change.fallback is UNSET:
            raise InvalidRequestError("title: there is nothing to change.", "Give a title.")
        if change.fallback is not UNSET:
            found.set_fallback(change.fallback)
        if change.title is not UNSET:
            found.rename(change.title)
        self.answer(found.info())

    @web.authenticated
    @authorized
    async def delete(self, chat: str) -> None:
        """Stop and remove a chat."""
        with suppress(ChatIDEError):  # what cannot be opened has no pages to show
            self.chatide.previews.revoke((await self.chat(chat)).workspace_path)
        await self.chatide.chats.delete(chat)
        self.answer_nothing()


class TurnsHandler(ChatIDEHandler):
    """``chats/{chat}/turns``"""

    @web.authenticated
    @authorized
    async def post(self, chat: str) -> None:
        """Ask; a key that was seen before gives the turn that it started."""
        found = await self.chat(chat)
        body = self.decode(NewTurn)
        known = set(found.state.keys.values())
        turn = await found.start_turn(body.prompt, model=body.model, mode=body.mode, key=body.key)
        self.answer(StartedTurn(turn), 200 if turn in known else 201)


class ResumeHandler(ChatIDEHandler):
    """``chats/{chat}/turns/{turn}/resume``"""

    @web.authenticated
    @authorized
    async def post(self, chat: str, turn: str) -> None:
        """Have a turn that failed or was stopped go on."""
        found = await self.chat(chat)
        body = self.decode(ResumeTurn)
        await found.resume_turn(turn, body.how, model=body.model)
        self.answer(StartedTurn(turn))


class StopHandler(ChatIDEHandler):
    """``chats/{chat}/stop``"""

    @web.authenticated
    @authorized
    async def post(self, chat: str) -> None:
        """Stop the chat; answer when all has ended."""
        await (await self.chat(chat)).stop()
        self.answer_nothing()


class RunsHandler(ChatIDEHandler):
    """``chats/{chat}/runs``"""

    @web.authenticated
    @authorized
    async def post(self, chat: str) -> None:
        """Run an action again."""
        found = await self.chat(chat)
        body = self.decode(NewRun)
        self.answer(StartedRun(await found.run_action(body.action)), 201)
