"""All chats of a data directory: make, open, list, delete."""

from __future__ import annotations

import asyncio
import builtins
import re
import secrets
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..errors import ChatIDEError, NotFoundError
from ..paths import default_data_dir, private_dir
from .chat import Chat, ChatInfo, clean_title
from .log import EventLog, LogError, read_header
from .places import TurnPlaces

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..runtime import Runtime

WAITING_PER_PLACE = 4

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Chats:
    """The chats under ``data_dir/chats``.

    Args:
        gateway: who asks the models.
        runtime: who runs the code.
        data_dir: where chats are kept; the ``chatide`` folder of Jupyter's data directory
            unless given.
        max_turns: how many turns go on at once; as many as four times that wait for a place.
    """

    def __init__(
        self,
        gateway: Gateway,
        runtime: Runtime,
        data_dir: Path | None = None,
        *,
        max_turns: int = 8,
    ) -> None:
        self.places = TurnPlaces(max_turns, WAITING_PER_PLACE * max_turns)
        self.gateway = gateway
        self.runtime = runtime
        self._folder = (data_dir or default_data_dir()) / "chats"
        self._open: dict[str, Chat] = {}
        self._loading = threading.Lock()
        self._going: set[str] = set()  # being deleted

    def create(self, title: str = "", *, workspace: Path | None = None) -> Chat:
        """Start a chat.

        Args:
            title: what the list shows; the first prompt unless given.
            workspace: a directory to work in, instead of one of the chat's own. It is never
                removed with the chat.

        Raises:
            InvalidRequestError: the title is longer than 200 characters.
            LogError: it could not be written.
        """
        title = clean_title(title) if title else ""
        id = secrets.token_hex(8)
        where = str(workspace.resolve()) if workspace else ""
        try:
            private_dir(self._folder.parent)
            folder = private_dir(private_dir(self._folder) / id)
            log = EventLog.create(folder / "log.jsonl", id, workspace=where)
        except OSError as error:
            raise LogError(
                f"No chat could be made in {self._folder}: {error.strerror}.",
                "Make room there, or set the folder's permissions.",
            ) from error
        chat = self._open[id] = Chat(self, folder, log)
        if title:
            chat.rename(title)
        chat.save_info()
        return chat

    async def get(self, id: str) -> Chat:
        """Open a chat; nothing in it runs again.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: another process has it open.
            LogError: its log cannot be read.
        """
        path = self._path(id)
        if chat := self._open.get(id):
            return chat
        return await asyncio.to_thread(self._load, path)

    async def list(self, search: str = "") -> list[ChatInfo]:
        """The chats whose title contains ``search`` (in any case), the last used first.

        Those that cannot be read are among them, and say why.
        """
        infos = await asyncio.to_thread(self._infos)
        found = [info for info in infos if search.casefold() in info.title.casefold()]
        return sorted(found, key=lambda info: info.modified, reverse=True)

    def running(self) -> builtins.list[str]:
        """The ids of the chats in which a turn or a run goes on."""
        # A copy: a thread may be opening another chat.
        return [chat.id for chat in list(self._open.values()) if chat.running]

    async def delete(self, id: str) -> None:
        """Stop what runs in a chat, then remove it with its workspace.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: another process has it open.
            LogError: its folder cannot be removed.
        """
        folder = self._path(id)
        chat = None
        with suppress(LogError):  # one that cannot be read can be removed
            chat = await self.get(id)
        folder = self._path(id)  # nobody else deleted it meanwhile
        self._going.add(id)  # nobody opens it again while it goes
        try:
            if chat:
                await chat.aclose()
            # Renamed first: what a crash leaves half removed is not taken for a chat.
            grave = folder.with_name(f".deleted-{id}-{secrets.token_hex(4)}")
            folder.rename(grave)
        except FileNotFoundError:
            raise NotFoundError("There is no such chat.", "It was deleted already.") from None
        except OSError as error:
            raise LogError(
                f"The chat could not be removed: {error.strerror}.",
                "Check the permissions of its folder.",
            ) from error
        finally:
            self._going.discard(id)
        await asyncio.to_thread(shutil.rmtree, grave, ignore_errors=True)

    async def aclose(self) -> None:
        """Stop and close every open chat. Safe to call twice."""
        await asyncio.gather(*(chat.aclose() for chat in list(self._open.values())))

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id) or id in self._going:
            raise NotFoundError("There is no such chat.", "It may have been deleted.")
        return self._folder / id

    def _load(self, folder: Path) -> Chat:
        """Open a chat's log. Blocks: call in a thread."""
        with self._loading:
            if chat := self._open.get(folder.name):
                return chat
            path = folder / "log.jsonl"
            if not path.is_file():
                raise NotFoundError("There is no such chat.", "It may have been deleted.")
            log = EventLog(path)
            try:
                chat = self._open[folder.name] = Chat(self, folder, log)
            except BaseException:
                log.close()  # or it would be said to be open elsewhere
                raise
            return chat

    def _infos(self) -> builtins.list[ChatInfo]:
        folders = (path.parent for path in self._folder.glob("*/log.jsonl"))
        return [self._info(folder) for folder in folders if _ID.fullmatch(folder.name)]

    def _info(self, folder: Path) -> ChatInfo:
        if chat := self._open.get(folder.name):
            return chat.info()
        log = folder / "log.jsonl"
        info = None
        with suppress(OSError, msgspec.MsgspecError):  # it is derived: the log says it all
            info = msgspec.json.decode((folder / "meta.json").read_bytes(), type=ChatInfo)
        try:
            read_header(log)
            if info and info.id == folder.name:
                return info
            chat = self._load(folder)
            chat.save_info()
            return chat.info()
        except ChatIDEError as error:
            word = error.message
        except OSError as error:
            word = f"This chat's log cannot be read: {error.strerror}."
        if info:
            return msgspec.structs.replace(info, id=folder.name, unreadable=word)
        modified = 0.0
        with suppress(OSError):
            modified = log.stat().st_mtime
        return ChatInfo(folder.name, "", modified, modified, "", unreadable=word)

    def forget(self, chat: Chat) -> None:
        """Take a closed chat out of the open ones."""
        if self._open.get(chat.id) is chat:
            del self._open[chat.id]
