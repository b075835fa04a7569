"""``jupyter chatide exec``: code in a sandbox, without a model."""

from __future__ import annotations

import json
import signal

import nbformat
import pytest

from .conftest import Terminal

PLOT = """
import pandas as pd, matplotlib.pyplot as plt
table = pd.DataFrame({"year": [2024, 2025], "sales": [3.5, 4.25]})
table.plot(x="year", y="sales")
plt.show()
table
"""


def test_a_table_and_a_plot_come_out_as_nbformat_outputs(terminal: Terminal) -> None:
    done = terminal.type("exec", "-", "--json", input=PLOT)
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert result["status"] == "ok"
    plot, table = result["outputs"]
    assert plot["data"]["image/png"].startswith("iVBORw0KGgo")
    assert "<table" in table["data"]["text/html"]
    assert "4.25" in table["data"]["text/plain"]
    cell = nbformat.v4.new_code_cell(PLOT, outputs=result["outputs"])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_what_code_prints_goes_where_it_would_go(terminal: Terminal) -> None:
    (terminal.folder / "code.py").write_text(
        "import sys\nprint('result')\nprint('remark', file=sys.stderr)\n'last value'"
    )
    done = terminal.type("exec", "code.py")
    assert (done.returncode, done.stdout) == (0, "result\n'last value'\n")
    assert done.stderr == "remark\n"


def test_failing_code_fails_the_command(terminal: Terminal) -> None:
    done = terminal.type("exec", "-", input="print('so far')\n1/0")
    assert (done.returncode, done.stdout) == (1, "so far\n")
    assert "ZeroDivisionError" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_time_limit_ends_the_code(terminal: Terminal) -> None:
    code = "print('begun', flush=True)\nwhile True: pass"
    done = terminal.type("exec", "-", "--timeout", "1", input=code)
    assert (done.returncode, done.stdout) == (124, "begun\n")
    assert "longer than 1 s" in done.stderr


def test_a_workspace_keeps_files_and_images(terminal: Terminal) -> None:
    (terminal.folder / "x.csv").write_text("x\n1\n")
    code = "import matplotlib.pyplot as plt\nprint(open('x.csv').read())\nplt.plot([1]);plt.show()"
    for number in (1, 2):
        done = terminal.type("exec", "-", "--workspace", ".", input=code)
        image = terminal.folder / "outputs" / f"figure-{number}.png"
        assert done.stdout == f"x\n1\n\n[image/png: {image}]\n"
        assert image.read_bytes().startswith(b"\x89PNG")


def test_the_terminal_obeys_nothing_that_code_prints(terminal: Terminal) -> None:
    code = r"""
print("a\x1b]0;title\x07b\x1b[2J\x1b[31mred\x1b[0m\x9b5n \x07\x08 \u202etxt\u202c")
print("10%\r100%\n", "\x1b]52;c;aGk=")
raise ValueError("\x1b]0;title\x07\x1b[6n")
"""
    done = terminal.type("exec", "-", input=code)
    assert done.stdout == "abred ␇␈ �txt�\n100%\n \n"
    assert "ValueError" in done.stderr
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07", "\x9b", "\x08", "\r"}


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("missing.py", None, "cannot be read: No such file"),
        (".", None, "is a folder"),
        ("latin.py", b"# caf\xe9", "not UTF-8 text (byte 5)"),
        ("book.ipynb", b"{}", "nbconvert"),
        ("empty.py", b" \n", "no code in empty.py"),
        ("-", None, "no code in standard input"),
    ],
)
def test_what_is_no_code_is_said(
    terminal: Terminal, file: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (terminal.folder / file).write_bytes(content)
    done = terminal.type("exec", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments", [("--timeout", "soon"), ("--timeout", "-1"), ("--workspace", "nowhere")]
)
def test_a_wrong_option_is_a_usage_error(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.type("exec", "-", *arguments, input="1")
    assert done.returncode == 2
    assert arguments[1] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_code_and_its_processes(terminal: Terminal, number: int) -> None:
    command = terminal.start("exec", "-")
    code = "import subprocess\nsubprocess.Popen(['sleep', '300'])\nprint('x')\nwhile True: pass"
    assert command.stdin and command.stdout
    command.stdin.write(code)
    command.stdin.close()
    assert command.stdout.readline() == "x\n"
    command.send_signal(number)
    assert command.wait(30) == 128 + number
    command.stdout.close()
    assert command.stderr
    told = command.stderr.read()
    command.stderr.close()
    assert "jupyter_chatide" not in told
    assert ("Stopped." in told) == (number == signal.SIGINT)


def test_a_reader_that_leaves_ends_the_command(terminal: Terminal) -> None:
    command = terminal.start("exec", "-")
    assert command.stdin and command.stdout and command.stderr
    command.stdin.write("while True: print('y' * 1000)")
    command.stdin.close()
    command.stdout.readline()
    command.stdout.close()
    assert command.wait(30) == 141
    assert command.stderr.read() == ""
    command.stderr.close()
