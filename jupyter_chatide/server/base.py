"""What every handler has in common: who may ask, how bodies are read, how errors are told."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..errors import ChatIDEError, InvalidRequestError, TooBusyError
from .errors import BodyTooLargeError, explain, explain_status

if TYPE_CHECKING:
    from ..chat import Chat
    from ..extension import ChatIDEExtension

AUTH_RESOURCE = "chatide"
BODY_BYTES = 4_000_000
RETRY_AFTER = 5  # seconds that a client is told to wait when too much is going on

T = TypeVar("T")


class ChatIDEHandler(APIHandler):
    """The base of all handlers.

    ``body_bytes`` is the largest body that is read, in bytes.
    """

    auth_resource = AUTH_RESOURCE
    body_bytes = BODY_BYTES

    @property
    def chatide(self) -> ChatIDEExtension:
        """The extension, which holds the gateway, the runtime and the chats."""
        extension: ChatIDEExtension = self.settings["jupyter_chatide"]
        return extension

    async def chat(self, id: str) -> Chat:
        """The chat of that id.

        Raises:
            NotFoundError: there is none.
        """
        return await self.chatide.chats.get(id)

    async def prepare(self, **_: Any) -> None:
        """Authenticate as Jupyter does; an API never redirects to the login page."""
        await super().prepare()

    def decode(self, type: type[T]) -> T:
        """Read the request's body; an empty one is an empty object.

        Raises:
            BodyTooLargeError: it is larger than ``body_bytes``.
            InvalidRequestError: it is not JSON, or not of this type; the message names the field.
        """
        body = self.request.body
        if len(body) > self.body_bytes:
            raise BodyTooLargeError(
                f"The request is larger than {self.body_bytes / 1e6:g} MB.", "Send less at once."
            )
        try:
            return msgspec.json.decode(body or b"{}", type=type)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"The request's body: {error}.", "Correct it.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequestError("The request's body is not JSON.", "Send JSON.") from error

    def argument(self, name: str) -> str:
        """A query argument that must be there.

        Raises:
            InvalidRequestError: it is missing or empty.
        """
        value = self.get_query_argument(name, "")
        if not value:
            raise InvalidRequestError(f"{name}: missing from the query.", f"Add ?{name}=… to it.")
        return value

    def number(self, name: str, default: int = 0) -> int:
        """A query argument that is a number from 0 on; ``default`` where it is missing.

        Raises:
            InvalidRequestError: it is something else.
        """
        value = self.get_query_argument(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 16):
            raise InvalidRequestError(f"{name}: not a whole number from 0 on.", "Correct it.")
        return int(value)

    def answer(self, body: object, status: int = 200) -> None:
        """Answer with ``body`` as JSON."""
        self.set_status(status)
        self.finish(msgspec.json.encode(body))

    def answer_nothing(self) -> None:
        """Answer that it is done, and that there is nothing to say."""
        self.set_status(204)
        self.finish()

    def url(self, *parts: str) -> str:
        """The path of a route, from the server's root on."""
        from jupyter_server.utils import url_path_join

        return url_path_join(self.base_url, "api/chatide", *parts)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell what went wrong, in words for people."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        doing = f"{self.request.method} {self.request.path}"
        if error is None:
            status, told = status_code, explain_status(status_code)
        else:
            status, told = explain(error, self.log, doing)
        if isinstance(error, TooBusyError):
            self.set_header("Retry-After", str(RETRY_AFTER))
        self.set_status(status)
        self.tell(told)

    def tell(self, told: object) -> None:
        """Write an error's answer."""
        self.finish(msgspec.json.encode(told))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Leave what ``write_error`` explains to it; tornado would log request and traceback."""
        if isinstance(value, web.HTTPError):
            super().log_exception(typ, value, tb)
        elif isinstance(value, ChatIDEError):
            self.log.debug("%s: %s", self.request.path, value.code)


class UnknownRouteHandler(ChatIDEHandler):
    """Any other address under ``api/chatide/``: an error as all the others, not a page."""

    async def prepare(self, **_: Any) -> None:
        await super().prepare()
        raise web.HTTPError(404 if self.current_user else 403)
