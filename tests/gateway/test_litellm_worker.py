"""The litellm worker as a process: how it starts, dies, and what it may know."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.errors import AuthenticationError, GatewayError, OverloadedError
from jupyter_chatide.gateway.litellm import protocol
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import FinishDelta, TextDelta
from tests.fakes.provider import HOLD, FakeProvider
from tests.gateway.asking import KEY, question, target_for, text_of

MODULE = "jupyter_chatide.gateway.litellm.worker"


def target(provider: FakeProvider) -> Target:
    return target_for(
        provider.base_url, adapter="litellm", litellm_prefix="openai", needs_key=False
    )


async def ask(adapter: LiteLLMAdapter, provider: FakeProvider) -> str:
    return text_of([delta async for delta in adapter.stream(target(provider), question())])


def workers(parent: int | None = None) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended
            if MODULE in child.cmdline():
                found.append(child)
    return found


async def starting() -> psutil.Process:
    """The worker, which may still import."""
    for _ in range(500):
        if found := workers():
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("no worker was started")


@asynccontextmanager
async def running(**settings: float) -> AsyncIterator[LiteLLMAdapter]:
    adapter = LiteLLMAdapter(**settings)  # type: ignore[arg-type]
    try:
        yield adapter
    finally:
        await adapter.aclose()
        assert workers() == []


async def test_the_loop_hardly_notices_that_a_worker_starts(provider: FakeProvider) -> None:
    provider.reply("hello")
    stalls = [0.0]

    async def watch() -> None:
        while True:
            begin = time.monotonic()
            await asyncio.sleep(0.005)
            stalls.append(time.monotonic() - begin)

    watching = asyncio.create_task(watch())
    async with running() as adapter:
        assert await ask(adapter, provider) == "hello"
    watching.cancel()
    assert len(stalls) > 50  # the import took its time,
    assert max(stalls) < 0.25  # elsewhere
    assert "litellm" not in sys.modules


async def test_a_key_is_known_to_the_worker_and_to_nobody_else(
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-from-a-file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-server")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LITELLM_LOG", "DEBUG")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    provider.refuse(401, {"message": f"wrong key {KEY} {KEY[:8]}****{KEY[-6:]}"})
    provider.refuse(500, {"message": f"crashed on {KEY}"})
    provider.reply("hello")
    async with running() as adapter:
        with pytest.raises(AuthenticationError) as refused:
            await ask(adapter, provider)
        with pytest.raises(OverloadedError) as failed:
            await ask(adapter, provider)
        assert await ask(adapter, provider) == "hello"
        (worker,) = workers()
        environment = worker.environ()
        seen = "\n".join(
            [
                *worker.cmdline(),
                *(f"{name}={value}" for name, value in environment.items()),
                *(repr(e.value) + str(e.value.__dict__) for e in (refused, failed)),
                caplog.text,
            ]
        )
        if sys.platform == "linux":
            assert Path(f"/proc/{worker.pid}/fd/1").readlink() == Path(os.devnull)
            assert Path(f"/proc/{worker.pid}/fd/2").readlink() == Path(os.devnull)
            assert worker.cwd() == "/"
    assert provider.chats[0].key == KEY
    for secret in (KEY, KEY[:8], KEY[-6:], "sk-of-the-server", "sk-from-a-file"):
        assert secret not in seen
    assert environment["HTTP_PROXY"] == "http://127.0.0.1:9"
    assert environment["LITELLM_LOG"] != "DEBUG"
    assert {name for name in environment if "API" in name or "OPENAI" in name} == set()


def test_what_the_worker_prints_holds_neither_key_nor_prompt(provider: FakeProvider) -> None:
    """Its standard error, which nobody sees, and its frames."""
    provider.refuse(401, {"message": f"wrong key {KEY}"})
    provider.refuse(500, {"message": f"crashed on {KEY}"})
    asked = [
        protocol.Ask(number, target(provider), question(text="a secret prompt"), 30.0)
        for number in (1, 2)
    ]
    with subprocess.Popen(
        [sys.executable, "-m", MODULE, "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        worker.stdin.write(b"".join(map(protocol.encode, asked)))
        worker.stdin.flush()
        frames = [worker.stdout.readline() for _ in range(3)]
        _, errors = worker.communicate(timeout=10)
    kinds = [json.loads(frame)["type"] for frame in frames]
    assert kinds == ["ready", "failed", "failed"]
    for secret in (KEY, "a secret prompt"):
        assert secret.encode() not in b"".join(frames) + errors
    assert KEY not in repr(asked)


async def test_what_libraries_print_does_not_disturb_the_frames(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noise = """
        import os, sys, threading, time

        def make_noise():
            while "litellm" not in sys.modules:
                time.sleep(0.01)
            while True:
                print("noise", flush=True)
                os.write(1, b"{noise\\n")
                time.sleep(0.01)

        if "worker" in " ".join(sys.orig_argv):
            threading.Thread(target=make_noise, daemon=True).start()
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(noise))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), _root()]))
    provider.reply("hello ", 0.2, "there")
    async with running() as adapter:
        assert await ask(adapter, provider) == "hello there"


def _root() -> str:
    return str(Path(__file__).parents[2])


async def test_a_worker_that_dies_fails_its_answers_and_is_replaced(
    provider: FakeProvider,
) -> None:
    provider.reply("half", HOLD)
    provider.reply("half", HOLD)
    provider.reply("whole")
    async with running() as adapter:
        streams = [adapter.stream(target(provider), question()) for _ in range(2)]
        for stream in streams:
            assert await anext(stream) == TextDelta("half")
        (worker,) = workers()
        worker.kill()
        for stream in streams:
            with pytest.raises(OverloadedError, match="Fakes Inc") as caught:
                await anext(stream)
            assert caught.value.hint
        assert await ask(adapter, provider) == "whole"
        assert workers() != [worker]


async def test_ctrl_c_in_the_terminal_is_not_meant_for_the_worker(provider: FakeProvider) -> None:
    provider.reply("before ", HOLD, "after")
    async with (
        running() as adapter,
        aclosing(adapter.stream(target(provider), question())) as stream,
    ):
        assert await anext(stream) == TextDelta("before ")
        workers()[0].send_signal(signal.SIGINT)
        provider.release()
        assert await anext(stream) == TextDelta("after")
        assert [type(delta) async for delta in stream][-1] is FinishDelta


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
async def test_a_worker_that_hangs_is_replaced_and_its_connections_closed(
    provider: FakeProvider,
) -> None:
    provider.reply("half", HOLD)
    provider.reply("whole")
    async with running(cancel=0.5) as adapter:
        stream = adapter.stream(target(provider), question())
        assert await anext(stream) == TextDelta("half")
        workers()[0].suspend()
        await stream.aclose()
        assert await asyncio.to_thread(provider.chats[0].wait_left)
        assert await ask(adapter, provider) == "whole"


async def test_a_worker_that_cannot_start_is_said_so_and_tried_again(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A broken installation, then a mended one."""
    provider.reply("hello")
    (tmp_path / "litellm").mkdir()
    broken = tmp_path / "litellm" / "__init__.py"
    broken.write_text("import a_missing_module")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), _root()]))
    async with running() as adapter:
        with pytest.raises(GatewayError, match="a_missing_module") as caught:
            await ask(adapter, provider)
        assert caught.value.hint
        shutil.rmtree(broken.parent)
        assert await ask(adapter, provider) == "hello"


async def test_a_start_that_takes_too_long_is_given_up(provider: FakeProvider) -> None:
    async with running(start=0.1) as adapter:
        with pytest.raises(GatewayError, match=r"0\.1 s"):
            await ask(adapter, provider)
        assert workers() == []


async def test_who_gives_up_during_the_start_leaves_a_worker_for_the_next(
    provider: FakeProvider,
) -> None:
    provider.reply("hello")
    async with running() as adapter:
        impatient = asyncio.create_task(ask(adapter, provider))
        worker = await starting()
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await ask(adapter, provider) == "hello"
        assert workers() == [worker]
    assert len(provider.chats) == 1


async def test_closing_ends_the_worker_and_what_it_was_doing(provider: FakeProvider) -> None:
    provider.reply("half", HOLD)
    adapter = LiteLLMAdapter()
    await adapter.aclose()  # nothing has started
    adapter = LiteLLMAdapter()
    stream = adapter.stream(target(provider), question())
    assert await anext(stream) == TextDelta("half")
    await adapter.aclose()
    await adapter.aclose()
    assert workers() == []
    with pytest.raises(GatewayError, match="closed"):
        await anext(stream)
    with pytest.raises(GatewayError, match="closed"):
        await ask(adapter, provider)


async def test_closing_during_the_start_leaves_nothing(provider: FakeProvider) -> None:
    adapter = LiteLLMAdapter()
    asking = asyncio.create_task(ask(adapter, provider))
    await starting()
    await adapter.aclose()
    assert workers() == []
    with pytest.raises(GatewayError, match="closed"):
        await asking


PARENT = """
import asyncio, sys
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from tests.gateway.asking import question, target_for

async def main():
    target = target_for(sys.argv[1], adapter="litellm", litellm_prefix="openai", needs_key=False)
    print("asking", flush=True)
    async for delta in LiteLLMAdapter().stream(target, question()):
        print("answering", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["asking", "answering"])
def test_a_worker_outlives_no_parent(provider: FakeProvider, moment: str) -> None:
    """Killed while the worker still imports, or in mid-reply."""
    provider.reply("half", HOLD)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, provider.base_url],
        stdout=subprocess.PIPE,
        cwd=_root(),
        text=True,
    ) as parent:
        assert parent.stdout is not None
        for line in parent.stdout:
            if line.strip() == moment:
                break
        deadline = time.monotonic() + 10
        while not (children := workers(parent.pid)) and time.monotonic() < deadline:
            time.sleep(0.01)
        (worker,) = children
        parent.kill()
    worker.wait(timeout=2)
    if moment == "answering":
        assert provider.chats[0].wait_left(2)
