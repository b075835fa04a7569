"""Code runs and its outputs come back as a notebook would hold them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest

from jupyter_chatide.runtime import OutputChange, Outputs, Runtime, Workspace


def as_notebook(outputs: list[dict[str, Any]]) -> None:
    """Fail unless the outputs are valid in a notebook."""
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(o) for o in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


async def test_a_value_comes_back(workspace: Workspace) -> None:
    result = await workspace.run("1 + 1")
    assert result.status == "ok"
    assert result.error is None
    assert result.execution_count is not None
    [output] = result.outputs
    assert output["output_type"] == "execute_result"
    assert output["data"] == {"text/plain": "2"}
    assert result.duration < 30
    as_notebook(result.outputs)


async def test_prints_are_merged_by_stream(workspace: Workspace) -> None:
    result = await workspace.run(
        "import sys\nprint('a')\nprint('b')\nsys.stdout.flush()\n"
        "print('c', file=sys.stderr, flush=True)\nprint('d')"
    )
    assert [(o["name"], o["text"]) for o in result.outputs] == [
        ("stdout", "a\nb\n"),
        ("stderr", "c\n"),
        ("stdout", "d\n"),
    ]


async def test_what_is_shown_live_adds_up_to_the_result(workspace: Workspace) -> None:
    shown = Outputs()
    result = await workspace.run(
        "import time\n"
        "from IPython.display import clear_output\n"
        "print('gone'); time.sleep(0.1); clear_output(wait=True)\n"
        "h = display('old', display_id=True); time.sleep(0.1)\n"
        "for i in range(3):\n    print(i); time.sleep(0.05)\n"
        "h.update('new')",
        on_output=shown.apply,
    )
    assert shown.as_list() == result.outputs
    assert result.outputs[0]["data"]["text/plain"] == "'new'"
    assert "gone" not in json.dumps(result.outputs)


async def test_a_table_and_a_plot_come_back_as_notebook_outputs(workspace: Workspace) -> None:
    result = await workspace.run(
        "import pandas as pd, matplotlib.pyplot as plt\n"
        "table = pd.DataFrame({'x': [1, 2, 3], 'y': [1, 4, 9]})\n"
        "display(table)\n"
        "plt.plot(table.x, table.y);"
    )
    assert result.status == "ok", result.error
    table, plot = result.outputs
    assert "<table" in table["data"]["text/html"]
    assert base64.b64decode(plot["data"]["image/png"]).startswith(b"\x89PNG")
    as_notebook(result.outputs)


async def test_an_error_has_a_readable_traceback(workspace: Workspace) -> None:
    result = await workspace.run("def f():\n    return 1 / 0\nf()")
    assert result.status == "error"
    assert result.error is not None
    assert result.error.ename == "ZeroDivisionError"
    assert "ZeroDivisionError" in "".join(result.error.traceback)
    assert result.outputs[-1]["output_type"] == "error"
    as_notebook(result.outputs)


async def test_a_syntax_error_is_an_error_of_the_run(workspace: Workspace) -> None:
    result = await workspace.run("def f(:")
    assert result.status == "error"
    assert result.error is not None
    assert result.error.ename == "SyntaxError"


async def test_variables_stay_between_runs(workspace: Workspace) -> None:
    await workspace.run("kept = 41")
    result = await workspace.run("kept + 1")
    assert result.outputs[0]["data"]["text/plain"] == "42"


async def test_runs_follow_one_another(workspace: Workspace) -> None:
    first, second = await asyncio.gather(
        workspace.run("import time; order = ['a']; time.sleep(0.2); order.append('b')"),
        workspace.run("order.append('c'); order"),
    )
    assert first.status == second.status == "ok"
    assert second.outputs[0]["data"]["text/plain"] == "['a', 'b', 'c']"


async def test_code_that_asks_for_input_gets_a_clear_error(workspace: Workspace) -> None:
    result = await workspace.run("input('Your name? ')")
    assert result.status == "error"
    assert result.error is not None
    assert result.error.ename == "StdinNotImplementedError"
    assert [notice.code for notice in result.notices] == ["input"]


async def test_text_that_is_no_text_is_shown_all_the_same(workspace: Workspace) -> None:
    result = await workspace.run("print('\\udce9 \\ud83d\\ude00')")
    text = result.outputs[0]["text"]
    assert msgspec.json.encode(text)
    assert "\ufffd" in text


async def test_odd_display_data_is_made_valid(workspace: Workspace) -> None:
    result = await workspace.run(
        "display({'text/plain': 5, 'application/json': {'a': float('nan'), 'b': 10**40},"
        " 'text/html': ['<b>', 'x', '</b>'], 'text/latex': None}, raw=True)"
    )
    assert result.status == "ok", result.error
    # jupyter_client may warn about the number that JSON does not have.
    [output] = [output for output in result.outputs if "data" in output]
    assert output["data"]["text/plain"] == "5"
    assert output["data"]["text/html"] == "<b>x</b>"
    assert "text/latex" not in output["data"]
    assert msgspec.json.encode(result.outputs)
    as_notebook(result.outputs)


async def test_an_image_in_bytes_comes_as_base64(workspace: Workspace) -> None:
    result = await workspace.run(
        "from IPython.display import Image\nImage(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png')"
    )
    assert base64.b64decode(result.outputs[0]["data"]["image/png"]).startswith(b"\x89PNG")


async def test_what_the_reader_raises_ends_the_run_and_comes_out(workspace: Workspace) -> None:
    def full_disk(change: OutputChange) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        await workspace.run("import time\nprint(1)\ntime.sleep(60)", on_output=full_disk)
    assert (await workspace.run("1")).status == "ok"


async def test_subprocess_output_is_shown(workspace: Workspace) -> None:
    result = await workspace.run("!echo from a shell")
    assert "from a shell" in result.outputs[0]["text"]


async def test_code_runs_in_its_workspace(workspace: Workspace) -> None:
    workspace.write_file("my_module.py", b"answer = 42\n")
    result = await workspace.run("import os, my_module\nprint(os.getcwd(), my_module.answer)")
    assert result.outputs[0]["text"] == f"{workspace.path} 42\n"


async def test_a_file_cannot_pass_for_a_module_the_kernel_needs(own_workspace: Workspace) -> None:
    own_workspace.write_file("json.py", b"raise SystemExit('shadowed')\n")
    own_workspace.write_file("zmq.py", b"raise SystemExit('shadowed')\n")
    result = await own_workspace.run("import json; json.dumps(1)")
    assert result.status == "ok"


async def test_secrets_of_the_server_are_not_in_the_kernel(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "JUPYTER_TOKEN", "AWS_SECRET_ACCESS_KEY", "SOME_CANARY"):
        monkeypatch.setenv(name, "canary-value")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary-value@proxy:3128")
    workspace = await runtime.create_workspace()
    result = await workspace.run(
        "import os, pathlib, json\n"
        "own = pathlib.Path('/proc/self/environ').read_text(errors='replace')\n"
        "print(json.dumps([dict(os.environ), own]))"
    )
    text = result.outputs[0]["text"]
    assert "canary-value" not in text
    environment = json.loads(text)[0]
    assert environment["CHATIDE_SANDBOX"] == "1"
    assert environment["HOME"] != str(Path.home())
    assert environment["LANG"]
    await workspace.close()


async def test_the_kernel_has_no_open_files_of_the_server(own_workspace: Workspace) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    result = await own_workspace.run(
        "import os\nprint([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{fd}')])"
    )
    ours = str(Path(f"/proc/self/fd/{write}").readlink())
    assert ours not in result.outputs[0]["text"]
    os.close(read)
    os.close(write)


async def test_two_workspaces_have_their_own_folders_and_variables(runtime: Runtime) -> None:
    one, two = await runtime.create_workspace(), await runtime.create_workspace()
    await asyncio.gather(
        one.run("x = 'one'; open('mine.txt', 'w').write(x)"),
        two.run("x = 'two'; open('mine.txt', 'w').write(x)"),
    )
    assert one.path != two.path
    assert (one.read_file("mine.txt"), two.read_file("mine.txt")) == (b"one", b"two")
    assert (await one.run("x")).outputs[0]["data"]["text/plain"] == "'one'"
    await asyncio.gather(one.close(), two.close())
    assert not one.path.exists()
    assert not two.path.exists()


async def test_a_named_folder_is_used_in_place_and_kept(runtime: Runtime, tmp_path: Path) -> None:
    workspace = await runtime.create_workspace(tmp_path)
    await workspace.run("open('kept.txt', 'w').write('kept')")
    await workspace.close()
    assert (tmp_path / "kept.txt").read_text() == "kept"


async def test_users_ipython_startup_is_not_run(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-canary.py").write_text("canary = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    workspace = await runtime.create_workspace()
    result = await workspace.run("'canary' in globals()")
    assert result.outputs[0]["data"]["text/plain"] == "False"
    await workspace.close()


async def test_real_data_science_code_runs(workspace: Workspace) -> None:
    result = await workspace.run(
        "import concurrent.futures as cf, multiprocessing as mp, sqlite3, threading\n"
        "import numpy as np\n"
        "with cf.ThreadPoolExecutor() as pool: squares = list(pool.map(abs, [0, -1, -4]))\n"
        "with mp.get_context('fork').Pool(2) as pool: roots = pool.map(np.sqrt, [1, 4, 9])\n"
        "db = sqlite3.connect('data.db'); db.execute('create table t (x)'); db.close()\n"
        "print(squares, [float(r) for r in roots], float(np.linalg.det(np.eye(3))))"
    )
    assert result.status == "ok", result.error
    assert result.outputs[-1]["text"] == "[0, 1, 4] [1.0, 2.0, 3.0] 1.0\n"
