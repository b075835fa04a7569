"""A server of model files on loopback, as the hub and its store behave, and as they fail."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from jupyter_chatide.gateway.local import RecommendedModel

HUB = "/repository/resolve/revision/model.gguf"
_STORE = "/store/signed"


class FileServer:
    """Serves ``content`` at ``url``, through a redirect as the hub does.

    What may be set, between requests or before them:
        content: the file's bytes.
        etag: the store's tag; ``None`` sends none.
        stated: whether the hub states checksum and size; or what to state as the checksum.
        ranges: whether the store can send a part.
        cuts: after how many bytes to close the connection, one for each request to come.
        pause: seconds before each block of 64 KB.
        statuses: what to answer instead, one for each request to the store to come.
        location: where the hub redirects to, instead of to the store.
        lies: a ``Content-Range`` to send, whatever was asked for.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.etag: str | None = '"first"'
        self.stated: bool | str = True
        self.ranges = True
        self.cuts: list[int] = []
        self.pause = 0.0
        self.statuses: list[int] = []
        self.location = ""
        self.lies = ""
        self.requests: list[tuple[str, str, str]] = []  # path, Range, If-Range
        self.sent = 0
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.origin + HUB

    def model(self, **changes: Any) -> RecommendedModel:
        """What a catalog says of the file."""
        facts = {
            "id": "small-coder",
            "label": "Small Coder",
            "url": self.url,
            "size": len(self.content),
            "sha256": self.checksum,
            "license": "Apache-2.0",
            "context_window": 8192,
        }
        return RecommendedModel(**{**facts, **changes})

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def ranges_asked(self) -> list[str]:
        """What was asked of the store, by ``Range`` header."""
        return [asked for path, asked, _ in self.requests if path == _STORE]

    def __enter__(self) -> FileServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                asked, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
                fake.requests.append((self.path, asked, condition))
                if self.path == _STORE:
                    fake.answer(self, asked, condition)
                elif self.path == HUB:
                    self.send_response(302)
                    self.send_header("Location", fake.location or _STORE)
                    if fake.stated:
                        stated = fake.checksum if fake.stated is True else fake.stated
                        self.send_header("X-Linked-ETag", f'"{stated}"')
                        self.send_header("X-Linked-Size", str(len(fake.content)))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.send_error(404)

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler, asked: str, condition: str) -> None:
        """Answer a request to the store."""
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            handler.send_response(status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        begin = 0
        if asked and self.ranges and condition in ("", self.etag):
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
        if begin and begin >= len(self.content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.content)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if begin else 200)
        if begin:
            there = f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}"
            handler.send_header("Content-Range", self.lies or there)
        if self.etag is not None:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(self.content) - begin))
        handler.end_headers()
        self._send(handler, begin)

    def _send(self, handler: BaseHTTPRequestHandler, begin: int) -> None:
        end = len(self.content)
        if self.cuts:
            end = begin + self.cuts.pop(0)
            handler.close_connection = True
        for block in _blocks(self.content[begin:end]):
            if self._closing.wait(self.pause):
                handler.close_connection = True
                return
            try:
                handler.wfile.write(block)
            except OSError:  # the client has left
                handler.close_connection = True
                return
            self.sent += len(block)


def _blocks(content: bytes) -> Iterator[bytes]:
    for begin in range(0, len(content), 1 << 16):
        yield content[begin : begin + (1 << 16)]
