"""Chats over HTTP: made, found, renamed, removed; asked, stopped, run again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from traitlets.config import Config

from tests.fakes.provider import CUT, HOLD, FakeProvider

from .conftest import Api, reply_text

CELL = "Look:\n\n```python\n{code}\n```\n"


async def test_a_chat_is_made_found_renamed_and_removed(api: Api) -> None:
    made = await api.post("/chats", {"title": "Irises"})
    assert made.status == 201
    id = made.json["id"]
    assert made.headers["Location"] == f"{api.base_url}api/chatide/chats/{id}"
    assert made.json["title"] == "Irises" and not made.json["running"]

    assert (await api.get(f"/chats/{id}")).json == made.json
    other = await api.new_chat("Penguins")
    listed = (await api.get("/chats")).json["chats"]
    assert [chat["id"] for chat in listed] == [other, id]
    found = (await api.get("/chats?search=IRIS")).json["chats"]
    assert [chat["id"] for chat in found] == [id]

    renamed = await api("PATCH", f"/chats/{id}", {"title": "Roses"})
    assert renamed.json["title"] == "Roses"
    assert (await api.get("/chats")).json["chats"][0]["title"] == "Roses"

    assert (await api("DELETE", f"/chats/{id}")).status == 204
    assert (await api.get(f"/chats/{id}")).status == 404
    assert (await api("DELETE", f"/chats/{id}")).status == 404


async def test_a_chat_needs_no_body(api: Api) -> None:
    assert (await api.post("/chats", b"")).status == 201


async def test_a_turn_of_the_demo_runs_its_code(api: Api) -> None:
    providers = (await api.get("/providers")).json["providers"]
    demo = next(provider for provider in providers if provider["id"] == "demo")
    chat = await api.new_chat()
    turn = await api.ask(chat, demo["examples"][0]["prompt"])
    stream = await api.events(chat)
    finished = await stream.until("turn_finished")
    assert finished["turn"] == turn
    assert finished["status"] == "finished", finished
    runs = [event for event in stream.events if event["type"] == "run_finished"]
    assert runs and all(run["status"] == "ok" for run in runs), runs
    outputs = [event["output"] for event in stream.events if event["type"] == "run_output"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    files = (await api.get(f"/chats/{chat}/workspace")).json["files"]
    assert files, "the example's data should be in the workspace"


async def test_a_prompt_given_twice_with_one_key_is_one_turn(
    api: Api, provider: FakeProvider
) -> None:
    model = await api.use(provider)
    provider.reply("Once.")
    chat = await api.new_chat()
    body = {"prompt": "Hi", "model": model, "key": "click-1"}
    first, second = await asyncio.gather(
        api.post(f"/chats/{chat}/turns", body), api.post(f"/chats/{chat}/turns", body)
    )
    assert {first.status, second.status} == {200, 201}
    assert first.json == second.json
    stream = await api.events(chat)
    await stream.until("turn_finished")
    again = await api.post(f"/chats/{chat}/turns", body)
    assert (again.status, again.json) == (200, first.json)
    assert len(provider.chats) == 1


async def test_a_second_prompt_has_to_wait(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("Wait", HOLD, "ed")
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    assert (await api.get(f"/chats/{chat}")).json["running"]
    refused = await api.post(f"/chats/{chat}/turns", {"prompt": "And?", "model": model})
    assert refused.status == 409
    assert refused.json["code"] == "conflict"
    other = await api.new_chat()
    provider.reply("Another chat answers.")
    await asyncio.to_thread(provider.wait_for_requests, 1)
    await api.ask(other, "Hi", model)
    await (await api.events(other)).until("turn_finished")
    provider.release()
    await (await api.events(chat)).until("turn_finished")


async def test_stop_ends_the_model_call(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("I will never ", HOLD, "finish")
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    stream = await api.events(chat)
    await stream.until("reply_text")
    assert (await api.post(f"/chats/{chat}/stop")).status == 204
    assert await asyncio.to_thread(provider.chats[0].wait_left)
    assert not (await api.get(f"/chats/{chat}")).json["running"]
    assert (await stream.until("turn_finished"))["status"] == "stopped"
    assert reply_text(stream.events) == "I will never "
    assert (await api.post(f"/chats/{chat}/stop")).status == 204


async def test_stop_ends_the_run(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    code = "import time\nprint('going', flush=True)\ntime.sleep(600)"
    provider.reply(CELL.format(code=code), HOLD)
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    stream = await api.events(chat)
    await stream.until("run_output")
    assert (await api.post(f"/chats/{chat}/stop")).status == 204
    await stream.until("turn_finished")
    run = next(event for event in stream.events if event["type"] == "run_finished")
    assert run["status"] in ("interrupted", "died")


async def test_a_code_block_runs_again_as_it_was(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply(CELL.format(code="print('as written')"))
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    stream = await api.events(chat)
    await stream.until("turn_finished")
    action = next(event["action"] for event in stream.events if event["type"] == "run_started")

    for body, said in (
        ({"action": action}, "as written\n"),
        ({"action": action}, "as written\n"),
    ):
        started = await api.post(f"/chats/{chat}/runs", body)
        assert started.status == 201
        finished = await stream.until("run_finished")
        assert finished["run"] == started.json["run"]
        output = next(
            event["output"]["text"]
            for event in stream.events
            if event["type"] == "run_output" and event["run"] == finished["run"]
        )
        assert output == said

    unknown = await api.post(f"/chats/{chat}/runs", {"action": "a99"})
    assert unknown.status == 404


async def test_the_workspace_is_listed_and_downloaded_but_nothing_beside_it(
    api: Api, provider: FakeProvider, tmp_path: Any
) -> None:
    model = await api.use(provider)
    provider.reply("```html path=pages/größe 1.html\n<script>alert(1)</script>\n```\n")
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    await (await api.events(chat)).until("turn_finished")

    files = (await api.get(f"/chats/{chat}/workspace")).json["files"]
    assert files == [{"path": "pages/größe 1.html", "size": 26}]
    answer = await api.get(f"/chats/{chat}/workspace/pages/größe 1.html")
    assert answer.body == b"<script>alert(1)</script>\n"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")

    for path in ("../log.jsonl", "../../../keys.json", "/etc/passwd", "nothing.txt", "pages"):
        answer = await api.get(f"/chats/{chat}/workspace/{path}")
        assert answer.status in (400, 404), path
        assert answer.json["message"]


async def test_removing_a_chat_in_mid_turn_stops_it(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    provider.reply("going ", HOLD)
    chat = await api.new_chat()
    await api.ask(chat, "Hi", model)
    stream = await api.events(chat)
    await stream.until("reply_text")
    assert (await api("DELETE", f"/chats/{chat}")).status == 204
    assert await asyncio.to_thread(provider.chats[0].wait_left)
    while await stream.batch() is not None:
        pass
    assert stream.socket.close_code == 1000


async def test_the_sandbox_says_what_it_does_not_keep_out(api: Api) -> None:
    report = (await api.get("/sandbox")).json
    assert report["summary"]
    gaps = [dimension for dimension in report["dimensions"] if not dimension["enforced"]]
    assert all(dimension["gap"] for dimension in gaps)


class TestAServerWithOnePlace:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.max_turns = 1
        return jp_server_config

    async def test_refuses_turns_beyond_its_queue_for_a_while(
        self, api: Api, provider: FakeProvider
    ) -> None:
        model = await api.use(provider)
        provider.otherwise("Wait", HOLD)
        chats = [await api.new_chat() for _ in range(6)]
        for chat in chats[:5]:  # one goes on, four wait
            await api.ask(chat, "Hi", model)
        refused = await api.post(f"/chats/{chats[5]}/turns", {"prompt": "Hi", "model": model})
        assert (refused.status, refused.json["code"]) == (429, "too_busy")
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json["hint"]
        await api.post(f"/chats/{chats[4]}/stop")
        await api.ask(chats[5], "Hi", model)
        for chat in chats:
            await api.post(f"/chats/{chat}/stop")


async def test_a_chat_has_a_chain_of_its_own(api: Api, provider: FakeProvider) -> None:
    chat = await api.new_chat("Chained")
    changed = await api("PATCH", f"/chats/{chat}", {"fallback": ["demo/demo"]})
    assert (changed.json["fallback"], changed.json["title"]) == (["demo/demo"], "Chained")
    changed = await api("PATCH", f"/chats/{chat}", {"title": "Still chained"})
    assert changed.json["fallback"] == ["demo/demo"]
    changed = await api("PATCH", f"/chats/{chat}", {"fallback": None})
    assert changed.json["fallback"] is None
    refused = await api("PATCH", f"/chats/{chat}", {"fallback": ["nameless"]})
    assert refused.status == 400


async def test_a_turn_that_failed_goes_on(api: Api, provider: FakeProvider) -> None:
    model = await api.use(provider)
    chat = await api.new_chat()
    provider.reply("Half an ans", CUT)
    turn = await api.ask(chat, "Tell me", model)
    stream = await api.events(chat)
    assert (await stream.until("turn_finished"))["status"] == "failed"
    provider.reply("wer.")
    resumed = await api.post(f"/chats/{chat}/turns/{turn}/resume", {"how": "continue"})
    assert (resumed.status, resumed.json) == (200, {"turn": turn})
    assert (await stream.until("turn_finished"))["status"] == "finished"
    assert reply_text(stream.events) == "Half an answer."
    unknown = await api.post(f"/chats/{chat}/turns/t99/resume", {"how": "retry"})
    assert unknown.status == 404
