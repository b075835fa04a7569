"""Reading an answer as it comes, while a client may leave and proxies must be kept awake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

T = TypeVar("T")

KEEPALIVE = 15.0  # seconds of silence after which proxies are shown that there is life


async def listen(
    source: AsyncGenerator[T, None], *ends: asyncio.Future[Any], keepalive: float = KEEPALIVE
) -> AsyncGenerator[T | None, None]:
    """What ``source`` gives, and ``None`` for each silence; ``source`` is closed with this.

    Args:
        source: the answer.
        ends: futures; when one of them is done, so is this, in the middle of the answer.
        keepalive: how long a silence is, in seconds.
    """
    async with aclosing(source):
        while True:
            coming: asyncio.Future[Any] = asyncio.ensure_future(anext(source, None))
            try:
                while not coming.done():
                    await asyncio.wait(
                        {coming, *ends}, timeout=keepalive, return_when=asyncio.FIRST_COMPLETED
                    )
                    if any(end.done() for end in ends):
                        return
                    if not coming.done():
                        yield None
            finally:
                coming.cancel()
                await asyncio.wait({coming})
            if (item := coming.result()) is None:
                return
            yield item
