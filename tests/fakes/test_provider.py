"""The fake providers do what a test tells it, so that a test that fails means the product."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from . import CUT, HOLD, Call, Failure, FakeAnthropic, FakeGemini, FakeProvider, Reasoning

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


def said(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_anthropics_format_is_spoken_in_its_blocks() -> None:
    with FakeAnthropic() as provider, httpx.Client(trust_env=False) as client:
        provider.reply(Reasoning("hm"), "Hi", Call("plot", "{}"), Failure("overloaded_error"))
        url = f"{provider.origin}/v1/messages"
        events = said(client.post(url, json={"model": "m", "stream": True}))
    blocks = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
    assert blocks == ["thinking", "text", "tool_use"]
    opened = [e["index"] for e in events if e["type"] == "content_block_start"]
    closed = [e["index"] for e in events if e["type"] == "content_block_stop"]
    assert opened == closed == [0, 1, 2]
    assert [e["type"] for e in events][-3:] == ["error", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_googles_format_is_spoken_in_its_parts() -> None:
    with FakeGemini() as provider, httpx.Client(trust_env=False) as client:
        provider.reply(Reasoning("hm"), "Hi", Call("plot", '{"x":1}'), usage=(7, 11, 3, 2))
        provider.refuse(429, {"code": 429, "message": "later"})
        url = f"{provider.origin}/v1beta/models/m:streamGenerateContent?alt=sse"
        events = said(client.post(url, json={"contents": []}))
        refused = client.post(url, json={"contents": []}).json()
    parts = [part for e in events for part in e["candidates"][0]["content"]["parts"]]
    assert parts == [
        {"text": "hm", "thought": True},
        {"text": "Hi"},
        {"functionCall": {"name": "plot", "args": {"x": 1}}},
    ]
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"
    assert events[-1]["usageMetadata"]["thoughtsTokenCount"] == 2
    assert refused["error"]["status"] == "RESOURCE_EXHAUSTED"
