"""``%%chat`` in IPython's terminal."""

from __future__ import annotations

import subprocess
import sys

from tests.fakes.provider import FakeProvider

from .conftest import MODEL, Notebook


def test_the_reply_streams_as_text(notebook: Notebook, provider: FakeProvider) -> None:
    notebook.set_provider(provider)
    plot = "import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\nprint('\\x1b[2J', 6 * 7)"
    provider.reply(f"See\x1b[2J:\n\n```python\n{plot}\n```\n\nThat is all.")
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor"]
    done = subprocess.run(
        command,
        input=f"%load_ext jupyter_chatide\n%chat --model {MODEL} What is 6 times 7?\n%chat\n",
        capture_output=True,
        text=True,
        timeout=120,
        cwd=notebook.folder,
        env=notebook.environ,
    )
    assert done.returncode == 0
    text = done.stdout
    assert "See:\n\n```python\n" in text
    assert "\n 42\n\nThat is all.\n" in text
    (image,) = (notebook.data / "chatide" / "chats").glob("*/workspace/outputs/figure-1.png")
    assert f"[image/png: {image}]" in text
    assert "in a process of this session's own" in text
    assert "\x1b[2J" not in text + done.stderr
