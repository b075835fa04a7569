"""A server extension for tests: everything that anybody logs, at DEBUG, goes into the file that
``CHATIDE_TEST_LOG`` names."""

from __future__ import annotations

import logging
import os
from typing import Any

CHATTY = ("asyncio", "concurrent", "httpcore", "httpx", "jupyter_chatide", "keyring", "litellm")


def _load_jupyter_server_extension(serverapp: Any) -> None:
    handler = logging.FileHandler(os.environ["CHATIDE_TEST_LOG"], encoding="utf-8")
    handler.setLevel(logging.DEBUG)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    for name in ("", *CHATTY):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    logging.getLogger().addHandler(handler)
    serverapp.log.addHandler(handler)
