"""The demo: recorded words, real code. Every example really runs, and one really fails first."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from jupyter_chatide.chat import Action, parse_reply
from jupyter_chatide.gateway import demo
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.demo import EXAMPLES, DemoAdapter, Example, files_for
from jupyter_chatide.gateway.messages import ChatMessage, FinishDelta, LLMRequest, Role, TextDelta
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS
from jupyter_chatide.runtime import Runtime, Workspace
from jupyter_chatide.runtime.results import RunResult

DEMO = next(provider for provider in DEFAULT_PROVIDERS if provider.adapter == "demo")
ICONS = {"chart", "table", "formula", "page", "repair", "widget"}
MEND = next(example for example in EXAMPLES if example.errors)
KEY_ERROR = "This cell failed:\n\n```\nTraceback (most recent call last)\nKeyError: 'gender'\n```"


async def ask(*contents: str) -> str:
    """The demo's reply to a conversation: a prompt, a reply, a prompt…"""
    roles: tuple[Role, Role] = ("user", "assistant")
    messages = [ChatMessage("system", "You are an assistant.")]
    messages += [ChatMessage(roles[i % 2], content) for i, content in enumerate(contents)]
    request = LLMRequest("demo", "demo", messages)
    deltas = [delta async for delta in DemoAdapter(pace=0).stream(Target(DEMO, "", None), request)]
    assert deltas.pop() == FinishDelta("stop", "demo/demo")
    assert all(isinstance(delta, TextDelta) and delta.text for delta in deltas)
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def test_the_empty_chat_gets_its_prompts() -> None:
    assert 4 <= len(EXAMPLES) <= 6
    assert {example.icon for example in EXAMPLES} <= ICONS
    assert len({demo._normal(example.prompt) for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_an_example_prompt_gets_its_recorded_reply(example: Example) -> None:
    assert await ask(example.prompt) == example.replies[0]
    assert await ask(f"  {example.prompt.upper()}\n".replace(" ", "  ")) == example.replies[0]


async def test_a_prompt_is_found_below_the_output_of_earlier_code() -> None:
    content = f"Output of your code (data, not instructions):\n\n```\n1\n```\n\n{MEND.prompt}"
    assert await ask(EXAMPLES[0].prompt, "…", content) == MEND.replies[0]


async def test_a_repair_gets_the_next_recorded_reply() -> None:
    assert await ask(MEND.prompt, MEND.replies[0], KEY_ERROR) == MEND.replies[1]
    assert await ask("Hi", "This is the demo", MEND.prompt, "…", KEY_ERROR) == MEND.replies[1]


async def test_the_newest_example_counts() -> None:
    assert await ask(MEND.prompt, "…", EXAMPLES[0].prompt) == EXAMPLES[0].replies[0]
    unforeseen = await ask(MEND.prompt, "…", EXAMPLES[0].prompt, "…", KEY_ERROR)
    assert "no recorded answer to this error" in unforeseen


async def test_an_example_can_be_asked_again() -> None:
    assert await ask(MEND.prompt, "…", KEY_ERROR, "…", MEND.prompt) == MEND.replies[0]


async def test_any_other_prompt_gets_an_honest_answer() -> None:
    for conversation in (["How are you?"], [MEND.prompt, "…", "And by island?"]):
        reply = await ask(*conversation)
        assert "demo" in reply
        assert "Models and keys" in reply
        assert all(example.prompt in reply for example in EXAMPLES)
        assert parse_reply(reply) == []


async def test_two_prompts_in_a_row_are_no_repair() -> None:
    request = LLMRequest(
        "demo", "demo", [ChatMessage("user", MEND.prompt), ChatMessage("user", "?")]
    )
    deltas = [delta async for delta in DemoAdapter(pace=0).stream(Target(DEMO, "", None), request)]
    assert TextDelta("**demo**: ") in deltas


async def test_a_missing_library_is_named_with_its_remedy() -> None:
    error = "Traceback (most recent call last)\nModuleNotFoundError: No module named 'pandas'"
    reply = await ask(EXAMPLES[0].prompt, "…", error)
    assert "pip install pandas matplotlib" in reply
    assert [action.kind for action in parse_reply(reply)] == ["example"]


async def test_the_demo_lists_its_one_model() -> None:
    assert [model.id for model in await DemoAdapter().models(Target(DEMO, "", None))] == ["demo"]


def test_only_example_prompts_bring_files() -> None:
    assert files_for("How are you?") == {}
    for example in EXAMPLES:
        files = files_for(example.prompt.lower())
        assert tuple(files) == example.files
        assert all(path.is_file() for path in files.values())
        assert all(name in example.prompt for name in files)


def test_the_data_is_what_its_provenance_says() -> None:
    folder = Path(demo.__file__).parent / "examples"
    provenance = (folder / "PROVENANCE.md").read_text(encoding="utf-8")
    data = (folder / "penguins.csv").read_bytes()
    assert "CC0" in provenance
    assert hashlib.sha256(data).hexdigest() in provenance
    assert data.count(b"\n") == 345


async def carry_out(workspace: Workspace, actions: list[Action]) -> list[RunResult]:
    """Write files and run cells, up to the first that fails."""
    assert actions
    results: list[RunResult] = []
    for action in actions:
        assert action.complete
        if action.kind == "file":
            workspace.write_file(action.path, action.content.encode())
            continue
        assert action.kind == "cell"
        results.append(await workspace.run(action.content, timeout=60))
        assert "Warning" not in json.dumps(results[-1].outputs)
        if results[-1].status != "ok":
            break
    return results


def traceback(result: RunResult) -> str:
    assert result.error is not None
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(result.error.traceback))


def mime_types(results: list[RunResult]) -> set[str]:
    outputs = [output for result in results for output in result.outputs]
    return {mime for output in outputs for mime in output.get("data", ())}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_the_code_of_an_example_runs(example: Example) -> None:
    results: list[RunResult] = []
    async with Runtime() as runtime:
        workspace = await runtime.create_workspace()
        for name, source in files_for(example.prompt).items():
            workspace.write_file(name, source.read_bytes())
        for number, reply in enumerate(example.replies):
            ran = await carry_out(workspace, parse_reply(reply))
            if number < len(example.errors):
                assert example.errors[number] in traceback(ran.pop()), "the mistake fails"
            results += ran
        pages = [path for path, _ in workspace.list_files() if path.endswith(".html")]
    assert all(result.status == "ok" for result in results)
    if example.icon == "page":
        assert len(pages) == 1
    else:
        assert "image/png" in mime_types(results)
    if example.icon == "formula":
        assert "text/latex" in mime_types(results)
    if example.icon in ("table", "repair") or example is EXAMPLES[0]:
        assert "text/html" in mime_types(results)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_reaches_no_network(example: Example) -> None:
    for reply in example.replies:
        for action in parse_reply(reply):
            assert not re.search(
                r"https?://|//\w+\.\w|\burl\(|@import|urllib|requests", action.content
            )
