"""What every test may use: pytest-jupyter's fixtures, which also run ``async def`` tests."""

from __future__ import annotations

import os

pytest_plugins = ["pytest_jupyter.jupyter_server"]

# No test, nor any process that it starts, writes to the keyring of whoever runs it.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
