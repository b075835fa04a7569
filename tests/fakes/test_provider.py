"""The fake provider does what a test tells it, so that a test that fails means the product."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from . import CUT, HOLD, FakeProvider

QUESTION = {"model": "any", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def ask(provider: FakeProvider) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{provider.base_url}/chat/completions", json=QUESTION)


def test_it_streams_the_scripted_text_and_records_the_request() -> None:
    with FakeProvider() as provider:
        provider.reply("Grüße, ", "Welt", packet=1)
        answer = ask(provider)
        events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
        assert events[-1] == "[DONE]"
        deltas = [json.loads(e)["choices"] for e in events[:-1]]
        assert "".join(d[0]["delta"].get("content", "") for d in deltas if d) == "Grüße, Welt"
        assert provider.requests[0].json == QUESTION


def test_it_refuses_drops_and_says_when_the_script_is_over() -> None:
    with FakeProvider() as provider:
        provider.refuse(429, retry_after=3)
        provider.reply("half", CUT)
        refused = ask(provider)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
        with pytest.raises(httpx.TransportError):
            ask(provider)
        assert ask(provider).status_code == 500


async def test_it_holds_until_released_and_notices_when_the_client_leaves() -> None:
    with FakeProvider() as provider:
        provider.reply("a", HOLD, "b")
        provider.reply("a", HOLD, "b")
        url = f"{provider.base_url}/chat/completions"
        async with httpx.AsyncClient(trust_env=False) as client:
            asking = asyncio.create_task(client.post(url, json=QUESTION))
            await asyncio.to_thread(provider.wait_for_requests, 1)
            provider.release()
            assert '"b"' in (await asking).text
            async with client.stream("POST", url, json=QUESTION) as answer:
                async for text in answer.aiter_text():
                    if '"a"' in text:
                        break
                left = time.monotonic()
        request = provider.requests[1]
        assert await asyncio.to_thread(request.wait_left)
        assert request.left_at is not None and request.left_at - left < 1
        assert not provider.requests[0].left.is_set()
