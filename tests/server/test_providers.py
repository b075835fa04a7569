"""Providers, models and keys over HTTP. A key goes in and never comes out."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import CUT, HOLD, FakeProvider

from .conftest import Api

CANARY = "sk-canary-7f3a9b2c4d5e6f708192a3b4"


async def test_providers_are_listed_with_the_model_that_answers_first(api: Api) -> None:
    listed = (await api.get("/providers")).json
    ids = [provider["id"] for provider in listed["providers"]]
    assert {"openai", "anthropic", "google", "huggingface", "ollama", "demo"} <= set(ids)
    assert listed["default_model"] == "demo/demo"
    demo = next(provider for provider in listed["providers"] if provider["id"] == "demo")
    assert demo["ready"] and len(demo["examples"]) >= 4
    assert demo["icon"].lstrip().startswith("<svg")


async def test_a_providers_models_are_asked_live(api: Api, provider: FakeProvider) -> None:
    provider.models = ["one", "two"]
    await api.use(provider)
    models = (await api.get("/models?provider=openai-compatible")).json
    assert models["provider"] == "openai-compatible"
    assert [model["id"] for model in models["models"]] == ["one", "two"]


async def test_a_provider_that_cannot_be_reached_is_named(api: Api) -> None:
    await api("PUT", "/keys/openai-compatible", {"base_url": "http://127.0.0.1:9/v1"})
    answer = await api.get("/models?provider=openai-compatible")
    assert answer.status == 502
    assert answer.json["code"] == "unreachable"
    assert answer.json["hint"]


async def test_a_provider_that_is_not_there_is_said(api: Api) -> None:
    for method, path, body in (
        ("GET", "/models?provider=nobody", None),
        ("PUT", "/keys/nobody", {"key": "k"}),
        ("DELETE", "/keys/nobody", None),
        ("POST", "/keys/nobody/check", None),
    ):
        answer = await api(method, path, body)
        assert answer.status in (400, 404), path
        assert "nobody" in answer.json["message"]


async def test_a_key_is_kept_checked_and_forgotten(api: Api, provider: FakeProvider) -> None:
    provider.key = CANARY
    await api.use(provider, key=CANARY)
    status = await api("PUT", "/keys/openai-compatible", {"key": CANARY})
    assert status.json["set"] and status.json["source"] == "file"
    provider.otherwise("ok")
    checked = await api.post("/keys/openai-compatible/check")
    assert checked.json["ok"], checked.json
    assert provider.requests[-1].key == CANARY

    assert (await api("DELETE", "/keys/openai-compatible")).status == 204
    listed = (await api.get("/providers")).json["providers"]
    entry = next(entry for entry in listed if entry["id"] == "openai-compatible")
    assert entry["key"] == {"set": False, "source": "", "hint": ""}
    assert entry["base_url"] == provider.base_url


async def test_a_provider_of_ones_own_is_added_changed_and_forgotten(
    api: Api, provider: FakeProvider
) -> None:
    provider.key = CANARY
    server = {"label": "Our lab", "base_url": provider.base_url, "needs_key": True}
    added = await api("PUT", "/providers/our-lab", server)
    assert added.status == 201
    assert added.headers["Location"] == f"{api.base_url}api/chatide/providers/our-lab"
    assert (added.json["label"], added.json["group"]) == ("Our lab", "custom")
    assert added.json["removable"] and not added.json["key"]["set"]
    await api("PUT", "/keys/our-lab", {"key": CANARY, "place": "memory"})
    provider.reply("Hello")
    answer = await api.post("/llmcall", _request(provider="our-lab"))
    assert _deltas(answer.body)[-1]["model"] == "our-lab/fake-model"

    changed = await api("PUT", "/providers/our-lab", server | {"label": "The lab"})
    assert (changed.status, changed.json["label"]) == (200, "The lab")
    assert changed.json["key"]["source"] == "memory"
    moved = server | {"base_url": "http://127.0.0.1:9/v1"}
    assert not (await api("PUT", "/providers/our-lab", moved)).json["key"]["set"]

    assert (await api("DELETE", "/providers/our-lab")).status == 204
    assert (await api("DELETE", "/providers/our-lab")).status == 404
    assert (await api("DELETE", "/providers/openai")).status == 404
    listed = (await api.get("/providers")).json["providers"]
    assert "our-lab" not in {entry["id"] for entry in listed}


async def test_a_provider_that_comes_back_under_a_name_has_no_old_key(
    api: Api, provider: FakeProvider
) -> None:
    server = {"label": "Our lab", "base_url": provider.base_url}
    await api("PUT", "/providers/our-lab", server)
    await api("PUT", "/keys/our-lab", {"key": CANARY, "place": "file"})
    await api("DELETE", "/providers/our-lab")
    assert not (await api("PUT", "/providers/our-lab", server)).json["key"]["set"]


async def test_options_are_set_and_reset(api: Api) -> None:
    def option(options: list[dict[str, Any]]) -> Any:
        return next(each for each in options if each["name"] == "context")

    path = "/providers/ollama/options"
    changed = option((await api("PUT", path, {"context": "16384"})).json)
    assert changed["value"] == "16384"
    listed = (await api.get("/providers")).json["providers"]
    ollama = next(entry for entry in listed if entry["id"] == "ollama")
    assert option(ollama["options"]) == changed
    refused = await api("PUT", path, {"context": "plenty"})
    assert refused.status == 400 and "context" in refused.json["message"]
    assert option((await api("PUT", path, {"context": ""})).json)["value"] != "16384"


async def test_the_places_where_a_key_can_be_kept_are_said(api: Api) -> None:
    places = (await api.get("/providers")).json["key_places"]
    assert {"file", "memory"} <= set(places)
    status = await api("PUT", "/keys/openai", {"key": CANARY, "place": "memory"})
    assert status.json["source"] == "memory"


async def test_a_wrong_key_is_an_answer_not_an_error(api: Api, provider: FakeProvider) -> None:
    provider.key = "another"
    await api.use(provider, key=CANARY)
    checked = await api.post("/keys/openai-compatible/check")
    assert checked.status == 200
    assert not checked.json["ok"]
    assert checked.json["code"] == "authentication"


async def test_a_key_that_cannot_be_one_is_refused(api: Api) -> None:
    answer = await api("PUT", "/keys/openai", {"key": "two\nlines"})
    assert answer.status == 400
    assert "two" not in answer.body.decode()


async def test_a_key_is_in_no_answer_and_no_log(
    api: Api, provider: FakeProvider, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    provider.key = CANARY
    with caplog.at_level(logging.DEBUG):
        model = await api.use(provider, key=CANARY)
        chat = await api.new_chat()
        provider.reply("Hello.")
        await api.ask(chat, "Hi", model)
        stream = await api.events(chat)
        await stream.until("turn_finished")
        provider.refuse(401, {"message": f"Incorrect API key provided: {CANARY}"})
        await api.post("/llmcall", _request())
        provider.reply("Hel", CUT)
        await api.post("/llmcall", _request())
        # Bodies that are wrong around the key.
        await api("PUT", "/keys/openai", {"key": [CANARY]})
        await api("PUT", "/keys/openai", {"key": CANARY + "\n" + CANARY})
        await api("PUT", "/keys/openai", {"key": CANARY, "base_url": "not a URL"})
        await api("PUT", f"/keys/{CANARY}x", {}, checked=False)
        await api.get("/providers")
        await api.post("/keys/openai-compatible/check")
        await api.get("/models?provider=openai-compatible")
        await api.log(chat)
    fragment = CANARY[:-4]  # the last characters may be shown
    shown = [answer.body.decode() + str(answer.headers) for answer in api.seen]
    shown.append(json.dumps(stream.events))
    shown.append(caplog.text.replace(f"/keys/{CANARY}x", ""))  # an address is no secret place
    for text in shown:
        assert fragment not in text.replace(f"{CANARY}x", "")
    for file in (data_dir / "chats").rglob("*"):
        if file.is_file():
            assert fragment.encode() not in file.read_bytes()
    assert (data_dir / "keys.json").stat().st_mode & 0o777 == 0o600


def _request(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hi"}]
    return {
        "provider": "openai-compatible",
        "model": "fake-model",
        "messages": messages,
        "temperature": 0.2,
        **more,
    }


class TestLLMCall:
    async def test_streams_the_answer_as_server_sent_events(
        self, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        provider.reply("Hello, ", "world")
        answer = await api.post("/llmcall", _request())
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
        deltas = _deltas(answer.body)
        assert "".join(d["text"] for d in deltas if d["type"] == "text") == "Hello, world"
        assert deltas[-1]["type"] == "finish"
        assert deltas[-1]["model"] == "openai-compatible/fake-model"
        assert provider.chats[0].json["temperature"] == 0.2

    async def test_the_first_delta_is_there_before_the_last_is_written(
        self, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        provider.reply("first", HOLD, "second")
        received = bytearray()

        def take(chunk: bytes) -> None:
            if b"first" in chunk:
                provider.release()
            received.extend(chunk)

        await api.post("/llmcall", _request(), checked=False, streaming_callback=take)
        assert b"second" in received

    async def test_an_error_before_the_answer_has_a_status(
        self, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        provider.refuse(401)
        answer = await api.post("/llmcall", _request())
        assert answer.status == 502
        assert answer.json["code"] == "authentication"

    async def test_an_error_in_the_answer_is_its_last_event(
        self, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        provider.reply("Half an ans", CUT)
        answer = await api.post("/llmcall", _request())
        assert answer.status == 200
        *_, last = answer.body.decode().strip().split("\n\n")
        event, data = last.split("\n")
        assert event == "event: error"
        assert json.loads(data.removeprefix("data: "))["hint"]
        assert _deltas(answer.body)[0]["text"] == "Half an ans"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"provider": "nobody"}, "provider"),
            ({"messages": []}, "messages"),
            ({"temperature": 9}, "temperature"),
            ({"model": ""}, "model"),
        ],
    )
    async def test_a_request_that_cannot_be_asked_is_refused(
        self, api: Api, change: dict[str, Any], field: str
    ) -> None:
        answer = await api.post("/llmcall", _request(**change))
        assert answer.status == 400
        assert answer.json["message"].startswith(field)

    async def test_closing_the_connection_closes_the_call_to_the_provider(
        self, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        provider.reply("first", HOLD, "never")
        left = await _leave_in_the_middle(api, provider)
        assert left, "the call to the provider was still open"

    async def test_a_silent_model_is_bridged_by_comments(
        self, api: Api, provider: FakeProvider, jp_serverapp: Any
    ) -> None:
        from jupyter_chatide.server.llmcall_handler import LLMCallHandler

        await api.use(provider)
        jp_serverapp.web_app.add_handlers(
            ".*$", [(f"{api.base_url}impatient", LLMCallHandler, {"keepalive": 0.05})]
        )
        provider.reply("first", 0.4, "second")
        answer = await api.fetch("impatient", method="POST", body=json.dumps(_request()))
        assert answer.body.count(b": still here\n\n") >= 2
        assert [d["text"] for d in _deltas(answer.body) if d["type"] == "text"] == [
            "first",
            "second",
        ]


def _deltas(body: bytes) -> list[dict[str, Any]]:
    blocks = body.decode().strip().split("\n\n")
    return [json.loads(b.removeprefix("data: ")) for b in blocks if b.startswith("data: ")]


async def _leave_in_the_middle(api: Api, provider: FakeProvider) -> bool:
    import asyncio

    body = json.dumps(_request()).encode()
    port = int(api.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {api.base_url}api/chatide/llmcall HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: token {api.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await reader.readuntil(b"first")
    writer.close()
    await writer.wait_closed()
    return await asyncio.to_thread(provider.chats[0].wait_left)
