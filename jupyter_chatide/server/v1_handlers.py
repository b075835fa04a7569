"""The gateway in OpenAI's format, for other programs.

These routes know nothing of Jupyter's users: a token of the endpoint, and nothing else, opens them,
and it opens nothing else. So they are plain tornado handlers, which read no cookie, set none, and
answer no other origin.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing, suppress
from logging import Logger
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import ChatIDEError
from .streaming import KEEPALIVE, listen

if TYPE_CHECKING:
    from ..extension import ChatIDEExtension
    from ..gateway.endpoint.endpoint import Endpoint
    from ..gateway.endpoint.requests import CompletionRequest
    from ..gateway.endpoint.tokens import TokenInfo

_BODY_BYTES = 20_000_000


class V1Handler(web.RequestHandler):
    """What all routes of the endpoint have in common, and the answer to every other path there."""

    token: TokenInfo

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint."""
        extension: ChatIDEExtension = self.settings["jupyter_chatide"]
        return extension.endpoint

    @property
    def log(self) -> Logger:
        """The extension's log."""
        logger: Logger = self.settings["jupyter_chatide"].log
        return logger

    def set_default_headers(self) -> None:
        """Nothing is kept, and no other origin is let in, whatever the server's settings say."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        """Ask for none: a browser adds no token of the endpoint by itself."""

    async def prepare(self) -> None:
        """Look at the host's name as Jupyter does, and at the token."""
        if not JupyterHandler.check_host(self):  # type: ignore[arg-type]  # needs no more of it
            raise web.HTTPError(403)
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        self.token = await self.endpoint.check(secret)

    @allow_unauthenticated
    async def get(self, path: str = "") -> None:
        """There is nothing here."""
        self._nothing_here()

    @allow_unauthenticated
    async def post(self, path: str = "") -> None:
        """There is nothing here."""
        self._nothing_here()

    def answer(self, body: object, status: int = 200) -> None:
        """Answer with ``body`` as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell what went wrong as OpenAI's API does."""
        from ..gateway.endpoint.replies import plain_error

        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, ChatIDEError):
            self._tell(error)
            return
        if status_code < 500:
            words = {
                403: "This host name is not let in by the Jupyter server.",
                405: "This cannot be done here; check the HTTP method.",
            }.get(status_code, "The request is not valid.")
            self.answer(plain_error(words, status_code, f"http_{status_code}"), status_code)
            return
        self.answer(self._unforeseen(error), 500)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Say nothing here: ``write_error`` logs what is worth it."""

    def explain(self, error: Exception) -> object:
        """The body that tells of an error."""
        from ..gateway.endpoint.replies import error_body

        return error_body(error) if isinstance(error, ChatIDEError) else self._unforeseen(error)

    def _tell(self, error: ChatIDEError) -> None:
        from ..gateway.endpoint.replies import error_body, retry_after, status_of, worth_retrying

        # What OpenAI's clients look at before they ask again by themselves.
        self.set_header("x-should-retry", "true" if worth_retrying(error) else "false")
        if (wait := retry_after(error)) is not None:
            self.set_header("Retry-After", str(max(1, round(wait))))
        if status_of(error) == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        self.answer(error_body(error), status_of(error))

    def _unforeseen(self, error: BaseException | None) -> object:
        from ..gateway.endpoint.replies import plain_error

        number = secrets.token_hex(4)
        self.log.error(
            "Error %s in %s %s", number, self.request.method, self.request.path, exc_info=error
        )
        words = f"Something went wrong inside Jupyter ChatIDE. Report it with the number {number}."
        return plain_error(words, 500, "internal")

    def _nothing_here(self) -> NoReturn:
        from ..errors import InvalidRequestError

        error = InvalidRequestError(
            f"There is no {self.request.path[:200]} here.",
            "There are v1/chat/completions and v1/models.",
        )
        self.set_status(404)
        self.finish(msgspec.json.encode(self.explain(error)))
        raise web.Finish


class CompletionsHandler(V1Handler):
    """``v1/chat/completions``"""

    def initialize(self, keepalive: float = KEEPALIVE) -> None:
        """Set up the handler.

        Args:
            keepalive: seconds of silence after which a comment is sent.
        """
        self._keepalive = keepalive
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[ChatIDEError] = asyncio.get_running_loop().create_future()
        self._streaming = False

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        if not self._gone.done():
            self._gone.set_result(None)
        super().on_connection_close()

    @allow_unauthenticated
    async def post(self, path: str = "") -> None:
        """Answer a question, as a stream or in one piece."""
        from ..gateway.endpoint.requests import read_completion

        if len(self.request.body) > _BODY_BYTES:
            self._refuse_size()
        completion = await asyncio.to_thread(read_completion, self.request.body)
        with self.endpoint.session(self.token) as ended, suppress(StreamClosedError):
            self._ended = ended
            try:
                await self._answer(completion)
            except Exception as error:
                if not self._streaming or isinstance(error, StreamClosedError):
                    raise
                await self._send(b"data: " + msgspec.json.encode(self.explain(error)))
        if self._streaming and not self._gone.done():
            self.finish()

    async def _answer(self, completion: CompletionRequest) -> None:
        from ..gateway.endpoint.replies import Reply

        reply = Reply(completion.model, one_call=completion.one_call)
        source = self.endpoint.stream(self.token, completion)
        heard = listen(source, self._gone, self._ended, keepalive=self._keepalive)
        async with aclosing(heard) as deltas:
            async for delta in deltas:
                if delta is None:
                    if completion.stream:
                        await self._send(b": still here")
                    continue
                for chunk in reply.feed(delta):
                    if completion.stream:
                        await self._send(b"data: " + msgspec.json.encode(chunk))
        if self._ended.done():
            raise self._ended.result()
        if self._gone.done():
            return
        if not completion.stream:
            self.answer(reply.whole())
            return
        if completion.include_usage:
            await self._send(b"data: " + msgspec.json.encode(reply.usage_chunk()))
        await self._send(b"data: [DONE]")

    async def _send(self, event: bytes) -> None:
        if not self._streaming:
            # Not before the first chunk: an error until then can still have its own status.
            self._streaming = True
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("X-Accel-Buffering", "no")
        self.write(event + b"\n\n")
        # Who reads nothing holds no answer open that must end.
        sent: asyncio.Future[Any] = asyncio.ensure_future(self.flush())
        ends: set[asyncio.Future[Any]] = {sent, self._gone, self._ended}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if sent.done():
            sent.result()

    def _refuse_size(self) -> NoReturn:
        from ..gateway.endpoint.replies import plain_error

        words = f"The request is larger than {_BODY_BYTES / 1e6:g} MB. Send less at once."
        self.answer(plain_error(words, 413, "too_large"), 413)
        raise web.Finish


class V1ModelsHandler(V1Handler):
    """``v1/models``"""

    @allow_unauthenticated
    async def get(self, path: str = "") -> None:
        """List the models of all providers that are ready."""
        from ..gateway.endpoint.replies import model_entry

        models = await self.endpoint.models()
        self.answer({"object": "list", "data": [model_entry(*pair) for pair in models]})


class V1ModelHandler(V1Handler):
    """``v1/models/{path}``"""

    @allow_unauthenticated
    async def get(self, path: str = "") -> None:
        """Tell of one model."""
        from ..gateway.endpoint.replies import model_entry

        self.answer(model_entry(*await self.endpoint.model(path)))
