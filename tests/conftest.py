"""What every test may use: pytest-jupyter's fixtures, which also run ``async def`` tests."""

from __future__ import annotations

pytest_plugins = ["pytest_jupyter.jupyter_server"]
