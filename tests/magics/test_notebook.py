"""``%%chat`` in a notebook without a Jupyter server, as nbconvert executes it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from jupyter_chatide.gateway.demo import EXAMPLES
from tests.fakes.provider import HOLD, FakeProvider

from .conftest import MODEL, Notebook, shown

LOAD = "%load_ext jupyter_chatide"


def logs(notebook: Notebook) -> list[Path]:
    return sorted((notebook.data / "chatide" / "chats").glob("*/log.jsonl"))


def test_the_demo_s_mistake_is_mended_below_the_cell(notebook: Notebook) -> None:
    example = next(example for example in EXAMPLES if example.name == "mend")
    _, cell, names = notebook.run(
        LOAD, f"%%chat --model demo/demo\n{example.prompt}", "'pd' in globals(), 'mass' in dir()"
    )
    text = shown(cell)
    order = ["demo/demo", "```python", "KeyError", "Mending (1 of 2)", "[text/html]", "[image/png]"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert {output.output_type for output in cell.outputs} == {"display_data"}
    assert "(False, False)" in shown(names)  # the code ran elsewhere
    assert len(logs(notebook)) == 1  # and shows up in the sidebar later


def test_the_next_cell_goes_on_in_the_same_chat(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    provider.reply("```python\nx = 41\n```\n")
    provider.reply("```python\nprint(x + 1)\n```\n")
    provider.reply("Fresh.")
    cells = notebook.run(
        LOAD,
        f"%%chat --model {MODEL}\nSet x",
        "%chat Say {x} for $5: what is x?",
        f"%chat --new --model={MODEL} Anything",
        "%chat",
    )
    assert "42" in shown(cells[2])
    assert "Set x" in str(provider.chats[1].json["messages"])
    assert "Say {x} for $5: what is x?" in str(provider.chats[1].json["messages"])
    assert "Set x" not in str(provider.chats[2].json["messages"])
    assert len(logs(notebook)) == 2
    assert "%%chat [--model P/M]" in shown(cells[4])
    assert logs(notebook)[0].parent.name in shown(cells[4]) + str(logs(notebook))


def test_ask_runs_nothing(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    provider.reply("So:\n\n```python\nprint('ran')\n```\n")
    _, cell = notebook.run(LOAD, f"%%chat --ask --model {MODEL}\nHow?")
    assert "print('ran')" in shown(cell)
    assert "\nran" not in shown(cell)


def test_interrupting_the_cell_stops_everything(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    endless = "import subprocess; subprocess.Popen(['sleep', '300'])\nwhile True: pass"
    provider.reply(f"```python\n{endless}\n```\n", HOLD)
    provider.reply("Here again.")
    interrupt = (
        "import os, signal, threading\n"
        "timer = threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT))\n"
        "timer.daemon = True; timer.start()"
    )
    cells = notebook.run(
        LOAD, interrupt, f"%%chat --model {MODEL}\nGo", f"%%chat --model {MODEL}\nAgain"
    )
    assert provider.chats[0].wait_left()
    assert "The run was stopped." in shown(cells[2])
    assert "Stopped" in shown(cells[2])
    assert "jupyter_chatide" not in shown(cells[2])
    error = cells[2].outputs[-1]
    assert (error.output_type, error.ename) == ("error", "ChatStopped")
    assert "Here again." in shown(cells[3])


def test_what_goes_wrong_is_said_in_a_line(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    provider.refuse(404, {"message": "no such model"})
    provider.refuse(404, {"message": "no such model"})
    provider.otherwise("```python\n1/0\n```\n")
    cells = notebook.run(
        LOAD,
        f"%%chat --model {MODEL}\nGo",
        f"%%chat --model {MODEL} --strict\nGo",
        f"%%chat --model {MODEL} --strict\nGo",
        "%%chat --nonsense\nGo",
        "%%chat --model gpt\nGo",
        "%%chat --model nobody/model\nGo",
    )
    for cell in cells:
        assert "jupyter_chatide/" not in shown(cell)
    outcomes = ["error" in {output.output_type for output in cell.outputs} for cell in cells]
    assert outcomes[:4] == [False, False, True, True]
    assert "fake-model" in shown(cells[1])
    assert "ChatFailed: " in shown(cells[2])
    assert "ChatFailed: The last code failed." in shown(cells[3])
    assert "there is no option --nonsense" in shown(cells[4])
    assert "provider/model" in shown(cells[5])
    assert "nobody" in shown(cells[6])
    for cell in cells[1], cells[6]:  # where nobody answered
        assert "is asked" not in shown(cell)
        assert "tokens" not in shown(cell)
    with pytest.raises(subprocess.CalledProcessError):
        provider.refuse(404)
        notebook.run(LOAD, f"%%chat --strict --model {MODEL}\nGo", allow_errors=False)


def test_a_sandbox_refuses(notebook: Notebook) -> None:
    notebook.environ["CHATIDE_SANDBOX"] = "1"
    _, cell = notebook.run(LOAD, "%%chat\nGo")
    assert "this kernel is a sandbox" in shown(cell)
    assert not (notebook.data / "chatide").exists()


def test_hostile_outputs_are_no_code_of_the_notebook_s(
    notebook: Notebook, provider: FakeProvider
) -> None:
    notebook.set_provider(provider)
    hostile = """
from IPython.display import HTML, Javascript, Markdown, Latex, SVG, display
display(Javascript("alert(1)"))
display(HTML("<table><tr><td onclick='alert(1)'>cell</td></tr></table><script>alert(1)</script>"))
display(Markdown("*hi* <img src=x onerror=alert(1)>"))
display(Latex("$x<script>alert(1)</script>$"))
display(SVG(data="<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"))
display({"application/vnd.jupyter.widget-view+json": {}, "text/plain": "w"}, raw=True)
display({"text/plain": "mine"}, raw=True, display_id="theirs")
display({"text/plain": "taken"}, raw=True, display_id="theirs", update=True)
print("\\x1b]0;title\\x07printed")
"""
    provider.reply(f"<script>alert(1)</script>\n\n```python\n{hostile}```\n")
    cells = notebook.run(
        LOAD,
        "from IPython.display import display\ndisplay('own', display_id='theirs')",
        f"%%chat --model {MODEL}\nGo",
    )
    own, chat = cells[1], cells[2]
    assert own.outputs[0].data["text/plain"] == "'own'"
    assert "taken" in shown(chat)
    book = nbformat.v4.new_notebook(cells=[chat])
    code = [
        output
        for output in chat.outputs
        if "```" in output.get("data", {}).get("text/markdown", "")
    ]
    for output in chat.outputs:
        if output in code:
            continue
        assert not re.search(
            r"<script|onclick|onerror=|<img src=x", str(output.data.get("text/html"))
        )
        assert not re.search(r"<[a-z]", output.data.get("text/markdown", ""))
        assert set(output.data) <= {"text/plain", "text/markdown", "text/html", "text/latex"}
        assert "\x1b]" not in str(output)
    assert "<td>cell</td>" in str(book)
    assert "data:image/svg+xml;base64," in str(book)
    # And as a page, which nbconvert does not sanitise:
    page = notebook.nbconvert(book, "html", "--template", "basic")
    assert "cell" in page
    assert not re.search(r"<script>alert|<[^>]*\s(onclick|onerror)=", page)


def test_a_key_is_nowhere_in_the_notebook(notebook: Notebook) -> None:
    canary = "sk-canary-0123456789abcdef"
    with FakeProvider(key=canary) as provider:
        notebook.set_provider(provider, canary)
        provider.reply("```python\nimport os\nprint(dict(os.environ))\n```\n")
        provider.refuse(401, {"message": f"wrong key {canary}"})
        cells = notebook.run(
            LOAD,
            f"%%chat --model {MODEL}\nGo",
            f"%%chat --model {MODEL}\nGo",
            "import os, gc, sys\nprint(dict(os.environ), sorted(sys.modules))",
        )
        assert len(provider.chats) == 2
    assert canary not in json.dumps(cells)
    assert canary[:14] not in json.dumps(cells)
    modules = shown(cells[3])
    assert "'litellm'" not in modules
    assert "'jupyter_chatide.gateway.keys'" not in modules
    assert all(canary not in log.read_text() for log in logs(notebook))


def test_a_long_reply_costs_what_it_is_long(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    paragraph = "word " * 40
    provider.reply(*[f"{paragraph}\n\n"] * 100)
    _, count, cell, counted = notebook.run(
        LOAD,
        "import jupyter_chatide.magics.magic as m\nreal, sent = m.publish, []\n"
        "def publish(data, metadata, **ids):\n"
        "    sent.append(len(str(data))); real(data, metadata, **ids)\nm.publish = publish",
        f"%%chat --model {MODEL}\nGo",
        "sum(sent), len(sent)",
    )
    assert not count.outputs
    assert shown(cell).count("word") == 4000
    total, messages = eval(shown(counted))
    assert total < 6 * len(paragraph) * 100
    assert messages < 400


def test_the_magic_is_there_without_loading_anything(notebook: Notebook) -> None:
    startup = Path(__file__).parents[2] / "jupyter_chatide" / "etc" / "ipython_startup"
    folder = Path(notebook.environ["IPYTHONDIR"]) / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "50-chatide.py").write_text((startup / "50-chatide.py").read_text())
    before, asked, objects, helped = notebook.run(
        "import sys; [name for name in sys.modules if 'chatide' in name]",
        "%chat --model demo/demo Is this a question?",
        "sorted(name for name in dir() if not name.startswith('_'))",
        "print?",
    )
    assert shown(before) == "[]"
    assert "This is the **demo**" in shown(asked)
    assert shown(objects) == "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit', 'sys']"
    assert "error" not in {output.output_type for output in helped.outputs}
