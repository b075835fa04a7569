"""A real JupyterLab in a process of its own, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.process import JupyterProcess

BASE_URL = "/user/some one/".replace(" ", "%20")  # as a hub has it, with what must be escaped


@pytest.fixture
def jp_asyncio_loop() -> None:
    """None: pytest-jupyter's loop would stand in the way of Playwright's."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing: no server runs in this process."""


@pytest.fixture(scope="session")
def base_url() -> None:
    """None: pytest-base-url's own fixture warns with pytest 9, and addresses here are whole."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium where there is one; without its own sandbox for root."""
    found = shutil.which("chromium")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {
        **browser_type_launch_args,
        **({"executable_path": found} if found else {}),
        "args": ["--no-sandbox"] if root else [],
    }


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    lab = JupyterProcess(
        tmp_path_factory.mktemp("lab"),
        app="jupyterlab",
        base_url=BASE_URL,
        options=("--expose-app-in-browser",),
    )
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
