"""However much code shows, the reader sees its beginning and end and the server stays awake."""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from jupyter_chatide.runtime import OutputChange, Outputs, RunResult, Workspace

LIMIT = 2_000_000  # of the runtime fixture


class Watch:
    """How a flood was taken in: the event loop's worst stalls, the calls, the memory."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.calls = 0
        self.shown = Outputs()
        self.seconds = 0.0
        self.memory = 0  # bytes by which the process grew

    def take(self, change: OutputChange) -> None:
        self.calls += 1
        self.shown.apply(change)

    async def run(self, workspace: Workspace, code: str, seconds: float) -> RunResult:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        task = asyncio.create_task(workspace.run(code, timeout=seconds, on_output=self.take))
        while not task.done():
            expected = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self.lags.append(time.monotonic() - expected)
        self.seconds = time.monotonic() - started
        self.memory = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        return await task


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('hello world')",
        "s = 'x' * 10_000\nwhile True: print(s)",
        "while True: display({'text/plain': 'x' * 1000}, raw=True)",
        "import os\nwhile True: os.write(1, b'x' * 10_000)",
    ],
    ids=["prints", "long prints", "displays", "native writes"],
)
async def test_an_endless_flood_neither_stalls_nor_fills_the_server(
    workspace: Workspace, code: str
) -> None:
    await workspace.start()
    watch = Watch()
    result = await watch.run(workspace, code, seconds=3)
    assert result.status == "timeout"
    assert sorted(watch.lags)[int(len(watch.lags) * 0.95)] < 0.1
    assert watch.memory < 100_000_000
    size = sum(len(str(output)) for output in result.outputs)
    assert size < 2 * LIMIT
    assert watch.shown.as_list() == result.outputs
    assert (await workspace.run("'alive'")).outputs[0]["data"]["text/plain"] == "'alive'"


async def test_text_comes_in_frames_not_in_lines(workspace: Workspace) -> None:
    await workspace.start()
    watch = Watch()
    await watch.run(
        workspace,
        "import time\nend = time.time() + 1\nwhile time.time() < end: print('a line', flush=True)",
        seconds=30,
    )
    assert watch.calls <= 60 * watch.seconds


async def test_animations_come_in_frames_and_end_with_the_last(workspace: Workspace) -> None:
    await workspace.start()
    watch = Watch()
    result = await watch.run(
        workspace,
        "from IPython.display import clear_output\n"
        "handle = display(0, display_id=True)\n"
        "for i in range(1, 2001): handle.update(i)\n"
        "for i in range(2001):\n    clear_output(wait=True)\n    print(i)",
        seconds=60,
    )
    assert watch.calls <= 130 * watch.seconds
    assert [output["text"] for output in result.outputs] == ["2000\n"]


async def test_the_beginning_and_the_end_of_a_flood_are_kept(workspace: Workspace) -> None:
    result = await workspace.run(
        "print('the beginning')\n"
        "for i in range(100): print(f'{i:03}' * 20_000)\n"
        "print('the end')\n"
        "display({'text/plain': 'a picture'}, raw=True)\n"
        "1 / 0"
    )
    assert result.status == "error"
    text = "".join(output.get("text", "") for output in result.outputs)
    assert text.startswith("the beginning")
    assert text.endswith("the end\n")
    assert "left out" in text
    assert result.outputs[-2]["data"]["text/plain"] == "a picture"
    assert result.outputs[-1]["ename"] == "ZeroDivisionError"
    [notice] = [notice for notice in result.notices if notice.code == "output-limit"]
    assert "2 MB" in notice.message
    assert len(text) < 1.1 * LIMIT


async def test_thousands_of_displays_all_arrive(workspace: Workspace) -> None:
    result = await workspace.run("for i in range(1500): display({'text/plain': str(i)}, raw=True)")
    assert [output["data"]["text/plain"] for output in result.outputs] == [
        str(i) for i in range(1500)
    ]


async def test_one_message_too_large_loses_itself_only(own_workspace: Workspace) -> None:
    result = await own_workspace.run("display({'text/plain': 'x' * 50_000_000}, raw=True)")
    assert result.status == "ok"
    assert [notice.code for notice in result.notices] == ["output-lost"]
    assert (await own_workspace.run("1")).outputs[0]["data"]["text/plain"] == "1"
