"""The engine: a notebook's own process, which ends with it however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from jupyter_chatide.chat import events as ev
from jupyter_chatide.errors import ChatIDEError, InvalidRequestError, NotFoundError
from jupyter_chatide.magics.engine_connection import EngineConnection
from tests.fakes.provider import HOLD, FakeProvider

from .conftest import MODEL, Notebook

ENDLESS = "```python\nimport os\nprint('pid', os.getpid(), flush=True)\nwhile True: pass\n```\n"


@pytest.fixture
def engine(
    notebook: Notebook, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineConnection]:
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, notebook.environ[name])
    notebook.set_provider(provider)
    engine = EngineConnection()
    yield engine
    engine.close()


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def read_until(engine: EngineConnection, chat: str, kind: type[ev.Event]) -> list[ev.AnyEvent]:
    events: list[ev.AnyEvent] = []

    def found() -> bool:
        events.extend(engine.events(chat, events[-1].n if events else 0))
        return any(isinstance(event, kind) for event in events)

    wait_for(found)
    return events


def test_a_turn_is_carried_out(engine: EngineConnection, provider: FakeProvider) -> None:
    provider.reply("```python\nprint(6 * 7)\n```\n")
    chat = engine.create_chat()
    assert engine.start_turn(chat, "Go", MODEL, "build") == "t1"
    events = read_until(engine, chat, ev.TurnFinished)
    (output,) = [event.output for event in events if isinstance(event, ev.RunOutput)]
    assert output is not None and output["text"] == "42\n"
    assert [event.n for event in events] == sorted(event.n for event in events)
    assert not engine.running(chat)


def test_errors_come_through(engine: EngineConnection) -> None:
    with pytest.raises(NotFoundError, match="no such chat"):
        engine.start_turn("nothing", "Go", MODEL, "build")
    with pytest.raises(InvalidRequestError, match="prompt"):
        engine.start_turn(engine.create_chat(), "", MODEL, "build")
    with pytest.raises(ChatIDEError, match="no method"):
        engine._call(None, "__class__")


def test_an_interrupted_call_does_not_disturb_the_next(
    engine: EngineConnection, provider: FakeProvider
) -> None:
    provider.reply("Half", HOLD)
    chat = engine.create_chat()
    engine.start_turn(chat, "Go", MODEL, "build")
    events = read_until(engine, chat, ev.ReplyText)
    for _ in range(10):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            while True:
                assert engine.events(chat, events[-1].n) == []
        assert engine.running(chat)
    engine.stop(chat)
    assert isinstance(read_until(engine, chat, ev.TurnFinished)[-1], ev.TurnFinished)


def test_an_engine_that_dies_is_said_and_replaced(
    engine: EngineConnection, provider: FakeProvider
) -> None:
    provider.reply("Half", HOLD)
    chat = engine.create_chat()
    engine.start_turn(chat, "Go", MODEL, "build")
    read_until(engine, chat, ev.ReplyText)
    (process,) = [
        child
        for child in psutil.Process().children()
        if "jupyter_chatide.magics.engine" in child.cmdline()
    ]
    process.suspend()  # so that it dies with a question unanswered, and not before
    threading.Timer(0.3, process.kill).start()
    with pytest.raises(ChatIDEError, match="ended") as caught:
        engine.events(chat, 10_000)
    assert caught.value.hint
    events = engine.events(chat, 0)  # in a new engine: the chat goes on where it was
    assert isinstance(events[-1], ev.TurnFinished)
    assert events[-1].status == "interrupted"


def test_everything_ends_when_the_notebook_is_killed(
    notebook: Notebook, provider: FakeProvider
) -> None:
    notebook.set_provider(provider)
    provider.reply(ENDLESS, HOLD)
    script = (
        "import time\n"
        "from jupyter_chatide.magics.engine_connection import EngineConnection\n"
        "engine = EngineConnection(); chat = engine.create_chat()\n"
        f"engine.start_turn(chat, 'Go', {MODEL!r}, 'build')\n"
        "while 'RunOutput' not in str(engine.events(chat, 0)): pass\n"
        "print('runs', flush=True); time.sleep(300)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=notebook.folder,
        env=notebook.environ,
    )
    assert process.stdout
    assert process.stdout.readline() == "runs\n"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.wait()
    process.stdout.close()
    assert psutil.wait_procs(children, timeout=20)[1] == []
    assert provider.chats[0].wait_left()
