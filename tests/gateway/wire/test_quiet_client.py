"""A provider that repeats the key in its answer's headers gets it into no log."""

from __future__ import annotations

import logging

import pytest

from jupyter_chatide.gateway.wire.connections import Connections
from tests.fakes import FakeProvider

from ..asking import KEY


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "x-goog-api-key", "api-key"])
async def test_the_headers_of_an_answer_are_logged_without_the_key(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    caplog.set_level(logging.DEBUG)
    repeated = {"X-Repeated": f"{KEY[:12]} {KEY}", "X-Other": "something"}
    provider.route("GET", "/v1/echo", {}, headers=repeated)
    connections = Connections()
    client = await connections.to(provider.origin)
    value = f"Bearer {KEY}" if header == "Authorization" else KEY
    answer = await client.get(f"{provider.base_url}/echo", headers={header: value})
    await client.get(f"{provider.base_url}/echo")  # without a key there is none to hide
    await connections.aclose()
    assert answer.headers["X-Repeated"] == repeated["X-Repeated"]
    logged = [r.getMessage() for r in caplog.records if "X-Other" in r.getMessage()]
    assert len(logged) == 2
    assert KEY[:12] not in logged[0]
    assert "something" in logged[0] and "200" in logged[0]
    assert KEY in logged[1]
