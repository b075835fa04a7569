"""What happens to a chat when pages reload, servers restart, and people press Stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.provider import HOLD, FakeProvider
from tests.server.process import JupyterProcess

from .conftest import BASE_URL
from .sidebar import PATIENCE, Sidebar


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def sidebar(page: Page, lab: JupyterProcess, provider: FakeProvider) -> Sidebar:
    sidebar = Sidebar(page, lab).open()
    sidebar.connect(provider)
    return sidebar


def test_a_page_reloaded_in_mid_reply_misses_and_doubles_nothing(
    sidebar: Sidebar, provider: FakeProvider
) -> None:
    words = [f"word{number} " for number in range(300)]
    provider.reply(*words[:150], HOLD, *words[150:])
    sidebar.ask("Count")
    expect(sidebar.conversation).to_contain_text("word149", timeout=PATIENCE)
    sidebar.reload()
    expect(sidebar.conversation).to_contain_text("word149", timeout=PATIENCE)
    provider.release()
    expect(sidebar.conversation).to_contain_text("word299", timeout=PATIENCE)
    sidebar.wait_until_done()
    text = sidebar.conversation.inner_text()
    assert [word for word in text.split() if word.startswith("word")] == [w.strip() for w in words]


def test_stop_ends_the_run_and_says_so(sidebar: Sidebar, provider: FakeProvider) -> None:
    provider.reply("```python\nimport time\nprint('begun')\ntime.sleep(600)\n```\n", HOLD)
    sidebar.ask("Wait")
    expect(sidebar.card(0)).to_contain_text("begun", timeout=PATIENCE)
    sidebar.panel.get_by_role("button", name="Stop").click()
    sidebar.wait_until_done()
    expect(sidebar.card(0)).to_contain_text("Stopped")
    expect(sidebar.conversation).to_contain_text("Stopped.")
    assert provider.chats[-1].wait_left()

    provider.reply("Back again.")
    sidebar.ask("Go on")
    expect(sidebar.conversation).to_contain_text("Back again.", timeout=PATIENCE)


def test_escape_stops_too(sidebar: Sidebar, provider: FakeProvider) -> None:
    provider.reply("Begun ", HOLD)
    sidebar.ask("Talk")
    expect(sidebar.conversation).to_contain_text("Begun", timeout=PATIENCE)
    sidebar.prompt.press("Escape")
    sidebar.wait_until_done()
    assert provider.chats[-1].wait_left()


def test_a_refused_prompt_is_not_lost(sidebar: Sidebar, provider: FakeProvider) -> None:
    provider.refuse(401, {"message": "no", "code": "invalid_api_key"})
    sidebar.ask("Something long that I would not want to type again")
    sidebar.wait_until_done()
    expect(sidebar.conversation.get_by_role("alert")).to_be_visible()
    expect(sidebar.conversation).to_contain_text("would not want to type again")


def test_a_block_is_copied_inserted_and_run_again(sidebar: Sidebar, provider: FakeProvider) -> None:
    sidebar.command("notebook:create-new", kernelName="python3")
    notebook = sidebar.page.locator(".jp-NotebookPanel:visible")
    expect(notebook).to_be_visible(timeout=PATIENCE)
    provider.reply("```python\nimport random\nprint(random.random())\n```\n")
    sidebar.ask("A number")
    sidebar.wait_until_done()
    output = sidebar.card(0).locator(".jp-OutputArea-output")
    first = output.inner_text()
    sidebar.card(0).get_by_role("button", name="Run again").click()
    expect(output).not_to_have_text(first, timeout=PATIENCE)

    sidebar.card(0).get_by_role("button", name="Insert into notebook").click()
    expect(notebook.locator(".jp-Cell").last).to_contain_text("print(random.random())")
    expect(notebook.locator(".jp-OutputArea-output")).to_have_count(0)

    sidebar.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sidebar.card(0).get_by_role("button", name="Copy").click()
    copied = sidebar.page.evaluate("navigator.clipboard.readText()")
    assert copied == "import random\nprint(random.random())\n"


def test_hostile_output_runs_no_script_in_lab(sidebar: Sidebar, provider: FakeProvider) -> None:
    code = (
        "from IPython.display import HTML, Javascript, Markdown, SVG, display\n"
        "bad = '<img src=x onerror=\"window.broken=1\"><script>window.broken=2</script>'\n"
        "display(HTML(bad), Markdown(bad), Javascript('window.broken=3'))\n"
        "display({'image/svg+xml': '<svg xmlns=\"http://www.w3.org/2000/svg\" "
        'onload="window.broken=4"></svg>\'}, raw=True)\n'
        "print('all shown')\n"
    )
    bad = "<img src=x onerror='window.broken=5'> <a href='javascript:window.broken=6'>click</a>\n\n"
    provider.reply(bad, f"```python\n{code}```\n")
    sidebar.ask("Attack")
    expect(sidebar.card(0)).to_contain_text("all shown", timeout=PATIENCE)
    sidebar.wait_until_done()
    link = sidebar.conversation.get_by_text("click", exact=True)
    if link.count():
        link.click()
    sidebar.page.wait_for_timeout(500)
    assert sidebar.page.evaluate("window.broken") is None


def test_a_key_is_saved_and_then_nowhere_in_the_page(
    sidebar: Sidebar, provider: FakeProvider
) -> None:
    key = "sk-canary-1234567890-abcdefgh"
    provider.key = key
    sidebar.connect(provider, key=key)
    provider.reply("With a key.")
    sidebar.ask("Hello")
    expect(sidebar.conversation).to_contain_text("With a key.", timeout=PATIENCE)
    assert provider.chats[-1].key == key
    held = sidebar.page.evaluate(
        """() => [document.documentElement.outerHTML, JSON.stringify(localStorage),
            JSON.stringify(sessionStorage), document.cookie,
            ...[...document.querySelectorAll('input')].map(input => input.value)].join()"""
    )
    assert key not in held


def test_a_csv_of_ones_own_is_loaded_summarised_and_plotted(
    sidebar: Sidebar, provider: FakeProvider, lab: JupyterProcess
) -> None:
    from matplotlib import cbook

    provider.reply("Ready.")
    sidebar.ask("Prepare")
    sidebar.wait_until_done()
    (chat,) = [c["id"] for c in lab.api("GET", "chats")["chats"] if c["title"] == "Prepare"]
    assert lab.api("GET", f"chats/{chat}/workspace") == {"files": []}
    workspace = lab.data_dir / "chats" / chat / "workspace"
    source = cbook.get_sample_data("Stocks.csv", asfileobj=False)
    (workspace / "Stocks.csv").write_bytes(Path(str(source)).read_bytes())
    provider.reply(
        "I load it.\n\n```python\nimport pandas as pd\n"
        'stocks = pd.read_csv("Stocks.csv", comment="#", parse_dates=["Date"])\n'
        'stocks.drop(columns="Date").describe().round(2)\n```\n\n'
        "```python\nimport matplotlib.pyplot as plt\n"
        'stocks.plot(x="Date", logy=True, figsize=(8, 4))\nplt.show()\n```\n'
    )
    sidebar.ask("Summarise and plot Stocks.csv")
    expect(sidebar.preview.get_by_role("img")).to_be_visible(timeout=PATIENCE)
    sidebar.wait_until_done()
    expect(sidebar.card(0)).to_contain_text("AAPL")
    expect(sidebar.card(1)).to_contain_text("Done")


def test_after_a_restart_the_chat_is_there_and_nothing_has_run_again(
    page: Page, provider: FakeProvider, tmp_path: Path
) -> None:
    lab = JupyterProcess(
        tmp_path, app="jupyterlab", base_url=BASE_URL, options=("--expose-app-in-browser",)
    )
    lab.start()
    try:
        sidebar = Sidebar(page, lab).open()
        sidebar.connect(provider)
        code = "open('runs.txt', 'a').write('x')\nprint('ran', len(open('runs.txt').read()))"
        provider.reply(f"```python\n{code}\n```\n", "And then", HOLD)
        sidebar.ask("Run once")
        expect(sidebar.conversation).to_contain_text("And then", timeout=PATIENCE)
        expect(sidebar.card(0)).to_contain_text("ran 1", timeout=PATIENCE)
        page.wait_for_timeout(2_000)  # Lab saves which chat it shows with a delay
        lab.kill()
        lab.start()
        sidebar.reload()
        expect(sidebar.card(0)).to_contain_text("ran 1", timeout=PATIENCE)
        expect(sidebar.conversation).to_contain_text("And then")
        expect(sidebar.conversation).to_contain_text("ended in the middle of this turn")
        (runs,) = lab.data_dir.glob("chats/*/workspace/runs.txt")
        assert runs.read_text() == "x"
    finally:
        lab.stop()
