"""What the tests of asking through litellm share: one worker, and a provider of each format."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from jupyter_core.utils import ensure_event_loop

from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.settings import Deadlines

from .asking import FORMATS, Format, serve


@pytest.fixture(scope="package", autouse=True)
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for the whole package, so that the tests share a worker."""
    loop = ensure_event_loop()  # the one that pytest-jupyter runs tests on
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No test here starts a Jupyter server."""


@pytest.fixture(scope="package")
def adapter(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[LiteLLMAdapter]:
    adapter = LiteLLMAdapter(each=100)
    yield adapter
    jp_asyncio_loop.run_until_complete(adapter.aclose())


@pytest.fixture(scope="package")
def hasty(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[LiteLLMAdapter]:
    """An adapter that soon loses patience."""
    adapter = LiteLLMAdapter(Deadlines(connect=0.7, first_token=2.5, idle=1.0, total=4.0))
    yield adapter
    jp_asyncio_loop.run_until_complete(adapter.aclose())


@pytest.fixture(params=FORMATS)
def spoken(request: pytest.FixtureRequest) -> Iterator[Format]:
    """A provider of each format."""
    with serve(request.param) as spoken:
        yield spoken


@pytest.fixture
def openai() -> Iterator[Format]:
    with serve("openai") as spoken:
        yield spoken


@pytest.fixture
def anthropic() -> Iterator[Format]:
    with serve("anthropic") as spoken:
        yield spoken


@pytest.fixture
def gemini() -> Iterator[Format]:
    with serve("gemini") as spoken:
        yield spoken
