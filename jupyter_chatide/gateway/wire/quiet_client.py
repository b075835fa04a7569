"""An HTTP client whose debug log holds no key: httpcore logs the headers of answers, and there are
providers that repeat in them what they were sent. Importing this loads httpx.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

import httpx

from ..key_text import scrub

_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy")))
_KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")

_sent: ContextVar[tuple[str, ...]] = ContextVar("keys that the present request carries", default=())


class QuietClient(httpx.AsyncClient):
    """As httpx's own, but that what is logged of a request is logged without its key."""

    async def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        """Send a request."""
        values = (request.headers.get(name, "") for name in _KEY_HEADERS)
        before = _sent.set(tuple(value.rpartition(" ")[2] for value in values if value))
        try:
            return await super().send(request, **kwargs)
        finally:
            _sent.reset(before)


class _WithoutKeys(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if keys := _sent.get():
            record.msg, record.args = scrub(record.getMessage(), *keys), ()
        return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_WithoutKeys())
