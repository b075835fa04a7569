"""A chat outlives its server, however that ends, and nothing runs again by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import HOLD, FakeProvider

from .conftest import reply_text
from .process import JupyterProcess

MODEL = "openai-compatible/fake-model"


@pytest.fixture
def server(tmp_path: Path, provider: FakeProvider) -> Iterator[JupyterProcess]:
    server = JupyterProcess(tmp_path / "server")
    server.start()
    server.api("PUT", "keys/openai-compatible", {"base_url": provider.base_url})
    yield server
    server.stop()


def ask(server: JupyterProcess, prompt: str) -> str:
    """Ask in a new chat; returns the chat's id."""
    chat = str(server.api("POST", "chats", {})["id"])
    server.api("POST", f"chats/{chat}/turns", {"prompt": prompt, "model": MODEL})
    return chat


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_after_a_restart_the_chat_is_there_with_its_outputs(
    server: JupyterProcess, provider: FakeProvider
) -> None:
    provider.reply("Look:\n```python\nprint('once')\n```\n```text path=note.txt\nkept\n```\n")
    chat = ask(server, "Print once")
    server.wait_for(lambda: "turn_finished" in types(server.events(chat)))
    before = server.events(chat)
    info = server.api("GET", f"chats/{chat}")

    server.stop()
    server.start()
    assert server.api("GET", "chats")["chats"] == [info]
    assert server.events(chat) == before
    time.sleep(0.5)  # were anything to run again, it would have begun
    assert server.events(chat) == before
    assert len(provider.chats) == 1
    output = next(event for event in before if event["type"] == "run_output")
    assert output["output"]["text"] == "once\n"
    assert server.fetch("GET", f"chats/{chat}/workspace/note.txt") == b"kept\n"


def test_a_turn_in_flight_is_interrupted_by_a_crash_and_keeps_all_that_was_received(
    server: JupyterProcess, provider: FakeProvider
) -> None:
    provider.reply("All of this ", "had been received", HOLD, " and this never")
    chat = ask(server, "Tell me")
    server.wait_for(lambda: reply_text(server.events(chat)).endswith("received"))

    server.kill()
    server.start()
    assert not server.api("GET", f"chats/{chat}")["running"]
    events = server.events(chat)
    assert reply_text(events) == "All of this had been received"
    assert events[-1]["type"] == "turn_finished"
    assert events[-1]["status"] == "interrupted"
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert len(provider.chats) == 1

    provider.reply("Again.")
    server.api("POST", f"chats/{chat}/turns", {"prompt": "Again", "model": MODEL})
    server.wait_for(lambda: server.events(chat)[-1].get("status") == "finished")


def test_a_run_in_flight_is_lost_with_a_crash_and_does_not_run_again(
    server: JupyterProcess, provider: FakeProvider
) -> None:
    code = "open('runs', 'a').write('x')\nprint('begun', flush=True)\nimport time; time.sleep(600)"
    provider.reply(f"```python\n{code}\n```\n")
    chat = ask(server, "Wait")
    server.wait_for(lambda: "run_output" in types(server.events(chat)))

    server.kill()
    server.start()
    events = server.events(chat)
    run = next(event for event in events if event["type"] == "run_finished")
    assert run["status"] == "lost"
    assert events[-1]["status"] == "interrupted"
    time.sleep(0.5)
    assert server.fetch("GET", f"chats/{chat}/workspace/runs") == b"x"


def test_stopping_the_server_in_mid_turn_ends_the_turn(
    server: JupyterProcess, provider: FakeProvider
) -> None:
    provider.reply("Half ", HOLD)
    chat = ask(server, "Tell me")
    server.wait_for(lambda: reply_text(server.events(chat)) == "Half ")
    server.stop()
    assert provider.chats[0].wait_left()
    server.start()
    assert server.events(chat)[-1]["status"] in ("stopped", "interrupted")
