"""A real model, served: SmolLM2 in llama.cpp, in a process of its own, by the local adapter."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import psutil
import pytest

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway import ChatMessage, LLMRequest
from jupyter_chatide.gateway.adapter import ProviderConfiguration, Target
from jupyter_chatide.gateway.errors import (
    ContextTooLongError,
    GatewayError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
)
from jupyter_chatide.gateway.local import LocalAdapter, LocalModels
from jupyter_chatide.gateway.local.server import ModelServer
from jupyter_chatide.gateway.messages import (
    AnyDelta,
    FinishDelta,
    ImagePart,
    ResponseFormat,
    TextDelta,
    TextPart,
    UsageDelta,
)
from jupyter_chatide.gateway.settings import Deadlines
from tests.gateway.asking import KEY, text_of
from tests.gateway.local.file_server import FileServer
from tests.gateway.local.gguf_file import LLAMA, gguf
from tests.smollm import weights

PROVIDER = ProviderConfiguration(
    id="local", label="On this computer", icon="", adapter="local", needs_key=False
)
TARGET = Target(PROVIDER, "", None)

OpenModels = Callable[..., LocalModels]
OpenAdapter = Callable[..., LocalAdapter]


@pytest.fixture
def models(open_models: OpenModels) -> LocalModels:
    return open_models()


@pytest.fixture
def open_adapter(
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Callable[..., LocalAdapter]]:
    opened: list[LocalAdapter] = []

    def open_adapter(models: LocalModels, deadlines: Deadlines | None = None) -> LocalAdapter:
        opened.append(LocalAdapter(models, deadlines))
        return opened[-1]

    yield open_adapter
    for adapter in opened:
        jp_asyncio_loop.run_until_complete(adapter.aclose())


@pytest.fixture
def adapter(models: LocalModels, open_adapter: OpenAdapter) -> LocalAdapter:
    return open_adapter(models)


def asked(model: str, text: str = "Count from one to five.", **fields: object) -> LLMRequest:
    fields = {"temperature": 0.0, "max_tokens": 12, **fields}
    return LLMRequest("local", model, [ChatMessage("user", text)], **fields)  # type: ignore[arg-type]


def endless(model: str) -> LLMRequest:
    """Left alone, this reply goes on for thousands of tokens."""
    return asked(model, "List all prime numbers.", max_tokens=None)


async def answer(adapter: LocalAdapter, request: LLMRequest) -> list[AnyDelta]:
    async with aclosing(adapter.stream(TARGET, request)) as deltas:
        return [delta async for delta in deltas]


def serving_processes() -> list[psutil.Process]:
    """The serving processes of this test run."""
    mine = psutil.Process().children(recursive=True)
    return [child for child in mine if "jupyter_chatide.gateway.local.serve" in child.cmdline()]


async def ended(process: psutil.Process, within: float = 2.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_file_from_disk_answers_token_by_token(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    (listed,) = await adapter.models(TARGET)
    assert (listed.id, listed.context_window, listed.vision) == (model.id, 8192, False)
    assert models.serving().state == "idle"

    arrivals, deltas = [], []
    async for delta in adapter.stream(TARGET, asked(model.id, max_tokens=40)):
        arrivals.append(time.monotonic())
        deltas.append(delta)

    assert len([delta for delta in deltas if isinstance(delta, TextDelta)]) > 5
    assert arrivals[-1] - arrivals[0] > 0.02  # not all in one piece
    (usage,) = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert usage.input_tokens > 5
    assert usage.output_tokens >= 5
    assert isinstance(deltas[-1], FinishDelta)
    assert deltas[-1].model == f"local/{model.id}"
    serving = models.serving()
    assert (serving.state, serving.model, serving.context) == ("serving", model.id, 8192)


async def test_a_fetched_model_answers(open_models: OpenModels, open_adapter: OpenAdapter) -> None:
    with FileServer(weights().read_bytes()) as files:
        models = open_models(files.model())
        adapter = open_adapter(models)
        with pytest.raises(ModelNotFoundError, match="not on this machine yet"):
            await answer(adapter, asked("small-coder"))
        await models.download("small-coder")
        async with asyncio.timeout(60):
            while (model := await models.get("small-coder")).state != "ready":
                assert model.state in ("downloading", "verifying")
                await asyncio.sleep(0.05)
        assert text_of(await answer(adapter, asked("small-coder")))
        assert [listed.id for listed in await adapter.models(TARGET)] == ["small-coder"]


async def test_loading_is_told(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    asking = asyncio.create_task(answer(adapter, asked(model.id)))
    async with asyncio.timeout(30):
        while models.serving().state != "loading":  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
        seen = models.serving()
        assert seen.model == model.id
        while models.serving().state == "loading":
            assert models.serving().seconds >= seen.seconds
            await asyncio.sleep(0.05)
    assert models.serving().state == "serving"
    await asking


async def test_stop_ends_the_work_of_the_model(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    async with aclosing(adapter.stream(TARGET, endless(model.id))) as deltas:
        await anext(deltas)
        (process,) = serving_processes()
        before = process.cpu_times().user
        await asyncio.sleep(0.5)
        assert process.cpu_times().user > before  # it works
    async with asyncio.timeout(10):
        while True:
            before = process.cpu_times().user
            await asyncio.sleep(0.3)
            if process.cpu_times().user - before < 0.05:
                break
    assert text_of(await answer(adapter, asked(model.id)))  # by the same process
    assert serving_processes() == [process]


async def test_it_goes_away_when_nobody_asks(
    open_models: OpenModels, open_adapter: OpenAdapter
) -> None:
    models = open_models(server=ModelServer(idle=0.5, threads=1))
    adapter = open_adapter(models)
    model = await models.add(weights())
    async with aclosing(adapter.stream(TARGET, endless(model.id))) as deltas:
        await anext(deltas)
        (process,) = serving_processes()
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            await anext(deltas)  # longer than idle, and not idle
        assert process.is_running()
    assert await ended(process, within=5.0)
    assert models.serving().state == "idle"
    assert text_of(await answer(adapter, asked(model.id)))  # and comes back
    await adapter.aclose()
    assert not serving_processes()


async def test_a_crash_in_mid_reply_is_said_and_the_next_question_answered(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    async with aclosing(adapter.stream(TARGET, endless(model.id))) as deltas:
        await anext(deltas)
        (process,) = serving_processes()
        process.kill()
        with pytest.raises(OverloadedError, match="ended in mid-reply"):
            async for _ in deltas:
                pass
    assert text_of(await answer(adapter, asked(model.id)))
    assert serving_processes() != [process]


async def test_a_crash_while_loading_is_said(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    asking = asyncio.create_task(answer(adapter, asked(model.id)))
    async with asyncio.timeout(30):
        while not serving_processes():  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
    serving_processes()[0].kill()
    with pytest.raises(OverloadedError, match="ended with status -9"):
        await asking
    assert text_of(await answer(adapter, asked(model.id)))


@pytest.mark.parametrize("moment", ["loading", "answering"])
async def test_it_dies_with_its_parent_however_that_ends(moment: str, data_dir: Path) -> None:
    script = f"""
import asyncio
from contextlib import aclosing
from tests.gateway.local.test_serving import *

async def main():
    models = LocalModels(Path({str(data_dir)!r}))
    model = await models.add(weights())
    async with aclosing(LocalAdapter(models).stream(TARGET, endless(model.id))) as deltas:
        task = asyncio.ensure_future(anext(deltas))
        while not serving_processes():
            await asyncio.sleep(0.01)
        if {moment!r} == "answering":
            await task
        print(serving_processes()[0].pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(await asyncio.to_thread(parent.stdout.readline)))
        parent.kill()
        assert await ended(process, within=2.0)


async def test_closing_ends_it(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    await answer(adapter, asked(model.id))
    assert serving_processes()
    await adapter.aclose()
    assert not serving_processes()
    with pytest.raises(GatewayError, match="closed"):
        await answer(adapter, asked(model.id))
    await adapter.aclose()


async def test_only_who_has_its_key_may_ask_it_and_nobody_can_read_the_key(
    adapter: LocalAdapter, models: LocalModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", KEY)
    model = await models.add(weights())
    async with aclosing(adapter.stream(TARGET, endless(model.id))) as deltas:
        await anext(deltas)
        (process,) = serving_processes()
        (port,) = {
            connection.laddr.port
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        async with models.server.use(await models.ready(model.id)) as serving:
            key = serving.key
            assert serving.url == f"http://127.0.0.1:{port}"
        seen = f"{process.cmdline()} {process.environ()} {serving!r}"
        assert len(key) > 30
        assert key not in seen
        assert KEY not in seen
        question = {"messages": [{"role": "user", "content": "hi"}]}
        async with httpx.AsyncClient(trust_env=False, base_url=serving.url) as stranger:
            for wrong in ({}, {"Authorization": "Bearer wrong"}):
                response = await stranger.post("/v1/chat/completions", json=question, headers=wrong)
                assert response.status_code == 401
            for path in ("/v1/models", "/props", "/slots", "/metrics"):
                assert (await stranger.get(path)).status_code == 401
            assert (await stranger.get("/")).status_code in (401, 404)


async def test_another_model_takes_its_place(
    adapter: LocalAdapter, models: LocalModels, tmp_path: Path
) -> None:
    first = await models.add(weights())
    (tmp_path / "second.gguf").symlink_to(weights())
    second = await models.add(tmp_path / "second.gguf")
    assert text_of(await answer(adapter, asked(first.id)))
    (process,) = serving_processes()
    deltas = await answer(adapter, asked(second.id))
    assert isinstance(deltas[-1], FinishDelta)
    assert deltas[-1].model == "local/second"
    assert models.serving().model == "second"
    assert not process.is_running()
    assert len(serving_processes()) == 1


async def test_another_model_waits_until_the_first_has_answered(
    adapter: LocalAdapter, models: LocalModels, tmp_path: Path
) -> None:
    first = await models.add(weights())
    (tmp_path / "second.gguf").symlink_to(weights())
    second = await models.add(tmp_path / "second.gguf")
    async with aclosing(adapter.stream(TARGET, asked(first.id, max_tokens=60))) as deltas:
        await anext(deltas)
        other = asyncio.create_task(answer(adapter, asked(second.id)))
        rest = [delta async for delta in deltas]
    assert isinstance(rest[-1], FinishDelta)  # nothing broke it off
    assert text_of(await other)


async def test_several_questions_are_answered_by_one_process(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    answers = await asyncio.gather(*(answer(adapter, asked(model.id)) for _ in range(3)))
    assert all(text_of(deltas) for deltas in answers)
    assert len(serving_processes()) == 1


async def test_loading_is_part_of_the_time_to_the_first_token(
    models: LocalModels, open_adapter: OpenAdapter
) -> None:
    model = await models.add(weights())
    hasty = open_adapter(models, Deadlines(first_token=0.05))
    with pytest.raises(ModelTimeoutError, match="was not loaded within"):
        await answer(hasty, asked(model.id))
    assert models.serving().state == "loading"  # for whoever asks next
    patient = open_adapter(models)
    assert text_of(await answer(patient, asked(model.id)))
    assert len(serving_processes()) == 1


async def test_stop_while_loading_leaves_nothing_that_waits(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    asking = asyncio.create_task(answer(adapter, asked(model.id)))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert text_of(await answer(adapter, asked(model.id)))
    assert len(serving_processes()) == 1


async def test_too_little_memory_is_said_before_anything_dies(
    open_models: OpenModels, open_adapter: OpenAdapter
) -> None:
    models = open_models(server=ModelServer(memory=lambda: 200_000_000))
    adapter = open_adapter(models)
    model = await models.add(weights())
    with pytest.raises(GatewayError, match=r"needs about .* GB of memory; 0.2 GB are free"):
        await answer(adapter, asked(model.id))
    assert not serving_processes()


async def test_memory_bounds_the_conversation(
    open_models: OpenModels, open_adapter: OpenAdapter
) -> None:
    models = open_models(server=ModelServer(memory=lambda: 1_000_000_000, threads=1))
    adapter = open_adapter(models)
    model = await models.add(weights())
    await answer(adapter, asked(model.id))
    context = models.serving().context
    assert 2048 <= context < 8192
    (listed,) = await adapter.models(TARGET)
    assert listed.context_window == context
    with pytest.raises(ContextTooLongError):
        await answer(adapter, asked(model.id, "word " * 8000))


async def test_a_file_that_llama_cpp_does_not_know_is_said(
    adapter: LocalAdapter, models: LocalModels, tmp_path: Path
) -> None:
    path = tmp_path / "strange.gguf"
    path.write_bytes(gguf({**LLAMA, "general.architecture": "strange"}))
    model = await models.add(path)
    with pytest.raises(GatewayError, match="cannot load strange"):
        await answer(adapter, asked(model.id))
    assert not serving_processes()
    assert models.serving().state == "idle"


async def test_the_form_of_an_answer_and_where_it_stops_are_kept(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    schema = {
        "type": "object",
        "properties": {"sure": {"type": "boolean"}},
        "required": ["sure"],
        "additionalProperties": False,
    }
    form = ResponseFormat("json_schema", "answer", schema)
    said = text_of(await answer(adapter, asked(model.id, response_format=form, max_tokens=60)))
    assert json.loads(said)["sure"] in (True, False)
    deltas = await answer(adapter, asked(model.id, "Count: 1 2 3", max_tokens=40, stop=["e"]))
    assert "e" not in text_of(deltas)


async def test_images_are_refused_by_name(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    image = ChatMessage("user", [TextPart("What is this?"), ImagePart("image/png", b"...")])
    with pytest.raises(
        InvalidRequestError, match=r"messages\[1\]\.content: .* does not see images"
    ):
        await answer(adapter, LLMRequest("local", model.id, [ChatMessage("user", "hi"), image]))
    assert not serving_processes()


async def test_a_model_that_is_removed_is_served_no_more(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    await answer(adapter, asked(model.id))
    (process,) = serving_processes()
    await models.remove(model.id)
    assert not process.is_running()
    with pytest.raises(ModelNotFoundError, match="no local model"):
        await answer(adapter, asked(model.id))
    assert await adapter.models(TARGET) == []


async def test_jupyter_comes_first(adapter: LocalAdapter, models: LocalModels) -> None:
    model = await models.add(weights())
    await answer(adapter, asked(model.id))
    (process,) = serving_processes()
    assert process.nice() > os.nice(0)
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) > 0


async def test_an_interrupt_in_the_terminal_is_not_for_it(
    adapter: LocalAdapter, models: LocalModels
) -> None:
    model = await models.add(weights())
    await answer(adapter, asked(model.id))
    (process,) = serving_processes()
    process.send_signal(signal.SIGINT)
    assert text_of(await answer(adapter, asked(model.id)))
    assert serving_processes() == [process]
