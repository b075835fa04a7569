"""``jupyter chatide run``: one turn in the terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
from pathlib import Path

import nbformat
import pytest

from jupyter_chatide.gateway.demo import EXAMPLES
from tests.fakes.provider import HOLD, FakeProvider, Reasoning

from .conftest import MODEL, Terminal

PLOT = "```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n```\n"


@pytest.fixture(autouse=True)
def model(terminal: Terminal, provider: FakeProvider) -> None:
    terminal.ask_provider(provider)


def only_chat(terminal: Terminal) -> Path:
    (folder,) = (terminal.chatide / "chats").iterdir()
    return folder


def test_the_reply_is_the_result_and_the_rest_is_beside_it(
    terminal: Terminal, provider: FakeProvider
) -> None:
    provider.reply(
        Reasoning("hm"), "Multiply:\n\n```python\nprint(6 * 7)\n```\n\n", "That ", "is all."
    )
    done = terminal.type("run", "What is 6 times 7?", "--model", MODEL)
    assert done.stdout == "Multiply:\n\n```python\nprint(6 * 7)\n```\n\n42\n\nThat is all.\n"
    folder = only_chat(terminal)
    assert done.stderr == (
        "openai-compatible/fake-model · 7 tokens in, 11 out · cost unknown\n"
        f"Kept as the chat “What is 6 times 7?” ({folder.name}).\n"
    )
    assert done.returncode == 0
    assert (folder / "log.jsonl").read_text().count("reply_text") == 2


def test_outputs_stand_below_their_code_however_late_they_come(
    terminal: Terminal, provider: FakeProvider
) -> None:
    slow = "```python\nimport time; time.sleep(1); print('first')\n```\n"
    provider.reply(f"{slow}And then\n\n```python\nprint('second')\n```\nEnd.")
    done = terminal.type("run", "Go", "--model", MODEL)
    order = [done.stdout.index(part) for part in ("sleep", "first\n\n", "And then", "second\n\n")]
    assert order == sorted(order)
    assert done.stdout.endswith("End.\n")


def test_images_are_kept_in_the_workspace(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply(PLOT)
    done = terminal.type("run", "Plot", "--model", MODEL)
    image = only_chat(terminal) / "workspace" / "outputs" / "figure-1.png"
    assert f"[image/png: {image}]\n" in done.stdout
    assert image.read_bytes().startswith(b"\x89PNG")


def test_code_works_in_the_folder_that_was_named(
    terminal: Terminal, provider: FakeProvider
) -> None:
    (terminal.folder / "x.csv").write_text("a\n1\n")
    provider.reply(
        "```python\nprint(open('x.csv').read())\n```\n```html path=page.html\n<p>hi\n```\n"
    )
    done = terminal.type("run", "Go", "--model", MODEL, "--workspace", ".")
    assert "a\n1\n" in done.stdout
    assert f"[page: {terminal.folder / 'page.html'}]" in done.stdout
    assert "Wrote page.html (6 bytes)." in done.stderr
    assert (terminal.folder / "page.html").read_text() == "<p>hi\n"


def test_json_is_one_document(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply("Plot:\n\n", PLOT, "```python norun\nx = 1\n```\n", Reasoning("hm"), "Done.")
    done = terminal.type("run", "-", "--model", MODEL, "--json", input="Plot something")
    document = json.loads(done.stdout)
    assert (document["status"], document["error"], document["model"]) == ("finished", None, MODEL)
    assert document["reply"].startswith("Plot:\n\n```python\n")
    assert [(a["kind"], a["status"]) for a in document["actions"]] == [
        ("cell", "ran"),
        ("example", ""),
    ]
    (run,) = document["runs"]
    assert (run["action"], run["status"]) == (document["actions"][0]["id"], "ok")
    cell = nbformat.v4.new_code_cell("", outputs=run["outputs"])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    assert run["outputs"][0]["data"]["image/png"]
    assert Path(document["workspace"]) == only_chat(terminal) / "workspace"
    assert not (Path(document["workspace"]) / "outputs").exists()


def test_a_mistake_is_mended(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply("```python\n1/0\n```\n```python\nprint('never')\n```\n")
    provider.reply("A slip.\n\n```python\nprint(1)\n```\n")
    done = terminal.type("run", "Go", "--model", MODEL)
    assert done.returncode == 0
    assert "A slip.\n\n```python\nprint(1)\n```\n\n1\n" in done.stdout
    assert "Mending (1 of 2): ZeroDivisionError" in done.stderr
    assert "Not run." in done.stderr


def test_code_that_stays_broken_fails_the_command(
    terminal: Terminal, provider: FakeProvider
) -> None:
    provider.otherwise("```python\n1/0\n```\n")
    done = terminal.type("run", "Go", "--model", MODEL, "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [run["status"] for run in document["runs"]] == ["error"] * 3
    assert document["runs"][0]["error"]["ename"] == "ZeroDivisionError"


def test_a_model_that_cannot_answer_fails_the_command(
    terminal: Terminal, provider: FakeProvider
) -> None:
    provider.refuse(404, {"message": "no such model"})
    done = terminal.type("run", "Go", "--model", MODEL)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "fake-model" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("",), "prompt"),
        (("Go", "--model", "gpt"), "provider/model"),
        (("Go", "--workspace", "nowhere"), "no folder nowhere"),
        ((), "PROMPT"),
    ],
)
def test_what_cannot_be_asked_is_said(
    terminal: Terminal, arguments: tuple[str, ...], says: str
) -> None:
    done = terminal.type("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((terminal.chatide / "chats").glob("*/log.jsonl"))


def test_the_demo_needs_no_key(terminal: Terminal) -> None:
    example = next(example for example in EXAMPLES if example.name == "explore")
    done = terminal.type("run", example.prompt, "--model", "demo/demo")
    assert done.returncode == 0
    assert "Gentoo" in done.stdout
    assert (only_chat(terminal) / "workspace" / "outputs" / "figure-1.png").is_file()


def test_ctrl_c_stops_the_model(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply("Half", HOLD)
    command = terminal.start("run", "Go", "--model", MODEL)
    assert command.stdout
    assert command.stdout.read(4) == "Half"
    (request,) = provider.chats
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out) == (130, "\n")
    assert err == "Stopped.\n"
    assert request.wait_left()
    log = (only_chat(terminal) / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["status"] == "stopped"


def test_ctrl_c_stops_the_run(terminal: Terminal, provider: FakeProvider) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '300'])\nprint('on', flush=True)\n"
    provider.reply(f"```python\n{code}while True: pass\n```\n")
    command = terminal.start("run", "Go", "--model", MODEL)
    assert command.stdout
    while command.stdout.readline() != "on\n":
        pass
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=30)
    assert command.returncode == 130
    assert "The run was stopped." in err.splitlines()
    assert err.endswith("\nStopped.\n")


def test_a_reader_that_leaves_stops_the_turn(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply("Half\n", HOLD, "more\n" * 100_000, HOLD)
    command = terminal.start("run", "Go", "--model", MODEL)
    assert command.stdout and command.stderr and command.stdin
    assert command.stdout.readline() == "Half\n"
    command.stdout.close()
    provider.release()
    assert command.wait(30) == 141
    assert "Traceback" not in command.stderr.read()
    command.stderr.close()
    command.stdin.close()
    assert provider.chats[0].wait_left()


def test_the_terminal_obeys_nothing_that_a_model_writes(
    terminal: Terminal, provider: FakeProvider
) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x1b[31m\x9b5n\x08\u202e"
    provider.reply(f"a{evil}b\n\n```python {evil}\nraise ValueError('''{evil}''')\n```\n")
    provider.refuse(500, {"message": evil})
    done = terminal.type("run", evil + "Go", "--model", MODEL)
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07", "\x9b", "\x08", "\r", "\u202e"}
    assert "a" in done.stdout


def seen_on_a_screen(terminal: Terminal, *arguments: str, no_color: bool = False) -> str:
    """What a command writes to a terminal that a person looks at."""
    ours, theirs = pty.openpty()
    if no_color:
        terminal.environ["NO_COLOR"] = "1"
    command = terminal.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # Linux's way to say that the other end is closed
        pass
    finally:
        os.close(ours)
    command.wait(30)
    return seen.decode()


def test_a_person_sees_what_goes_on(terminal: Terminal, provider: FakeProvider) -> None:
    provider.reply(1.5, "```python\nimport time; time.sleep(1)\n1/0\n```\n")
    provider.otherwise("Sorry.")
    seen = seen_on_a_screen(terminal, "run", "Go", "--model", MODEL)
    assert f"Asking {MODEL}…" in seen
    assert "Running…" in seen
    assert "\x1b[31m" in seen
    provider.reply("```python\n1/0\n```\n")
    seen = seen_on_a_screen(terminal, "run", "Go", "--model", MODEL, no_color=True)
    assert "ZeroDivisionError" in seen
    assert "\x1b[31m" not in seen
    assert "\x1b[2m" not in seen


def test_nothing_slow_is_loaded_for_help(terminal: Terminal) -> None:
    done = terminal.type("run", "--help", environ={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "examples:" in done.stdout
    for heavy in ("httpx", "litellm", "zmq", "jupyter_client", "nbformat"):
        assert f" {heavy}" not in done.stderr
