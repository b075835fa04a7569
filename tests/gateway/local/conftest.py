"""What the tests of local models share: a file to fetch, and a folder to fetch it into."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_chatide.gateway.local import LocalModels
from jupyter_chatide.gateway.local.download import Patience
from jupyter_chatide.gateway.local.server import ModelServer
from tests.gateway.local.file_server import FileServer

QUICK = Patience(silence=5.0, pause=0.02, attempts=2)


@pytest.fixture
def files() -> Iterator[FileServer]:
    with FileServer(random.Random(1).randbytes(3_000_000)) as server:
        yield server


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "chatide"


@pytest.fixture
def open_models(
    data_dir: Path, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., LocalModels]]:
    """Opens the local models of ``data_dir``, as a server does that starts; all are closed."""
    opened: list[LocalModels] = []

    def open_models(*catalog: Any, **settings: Any) -> LocalModels:
        # Two threads wait for each other where the tests have no two cores to themselves.
        settings = {"patience": QUICK, "server": ModelServer(threads=1), **settings}
        opened.append(LocalModels(data_dir, catalog=catalog, **settings))
        return opened[-1]

    yield open_models
    for models in opened:
        jp_asyncio_loop.run_until_complete(models.aclose())
