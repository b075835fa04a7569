"""What a person sees and can do when a model does not answer, or stops in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.provider import CUT, HOLD, FakeProvider, Reasoning
from tests.server.process import JupyterProcess

from .sidebar import PATIENCE, Sidebar

NUMBERS = count(1)


@pytest.fixture
def one() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def two() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def names() -> tuple[str, str]:
    """The two models. One that failed in a test rests in the next: each test has its own."""
    number = next(NUMBERS)
    return f"first-{number}", f"second-{number}"


@pytest.fixture
def sidebar(
    page: Page, lab: JupyterProcess, one: FakeProvider, two: FakeProvider, names: tuple[str, str]
) -> Sidebar:
    """The panel with two servers, of which the first is picked and the second stands in."""
    for id, provider in ("one", one), ("two", two):
        server = {"label": f"Server {id}", "base_url": provider.base_url}
        lab.api("PUT", f"providers/{id}", server)
    lab.api("PATCH", "preferences", {"fallback": [f"two/{names[1]}"]})
    sidebar = Sidebar(page, lab).open()
    sidebar.pick(f"one/{names[0]}")
    return sidebar


def button(sidebar: Sidebar, name: str) -> Locator:
    return sidebar.conversation.get_by_role("button", name=name, exact=True)


def test_another_model_answers_and_the_reason_is_a_click_away(
    sidebar: Sidebar, one: FakeProvider, two: FakeProvider, names: tuple[str, str]
) -> None:
    first, second = names
    for _ in range(3):  # the first time, and each time it is asked again
        one.refuse(429, {"message": "Too many requests"}, retry_after=0)
    two.reply("From the other one.", usage=(120, 34))
    sidebar.ask("Hello")
    expect(sidebar.conversation).to_contain_text("From the other one.", timeout=PATIENCE)
    sidebar.wait_until_done()
    line = sidebar.conversation.get_by_role(
        "button", name=re.compile(f"429 from {first}, switched to {second}")
    )
    expect(line).to_have_attribute("aria-expanded", "false")
    line.click()
    reasons = sidebar.conversation.locator(".jp-ChatIDE-detours li")
    expect(reasons.last).to_contain_text("Server one")
    foot = sidebar.conversation.locator(".jp-ChatIDE-by")
    expect(foot).to_contain_text(second)
    expect(foot.get_by_label(f"Answered by two/{second}")).to_be_visible()
    for fact in ("120 in", "34 out"):
        expect(foot).to_contain_text(fact)


def test_a_model_that_is_asked_again_says_so(
    sidebar: Sidebar, one: FakeProvider, names: tuple[str, str]
) -> None:
    one.refuse(429, {"message": "Too many requests"}, retry_after=1)
    one.reply("At last.")
    sidebar.ask("Hello")
    expect(sidebar.conversation).to_contain_text("asking again in", timeout=PATIENCE)
    expect(sidebar.conversation).to_contain_text("At last.", timeout=PATIENCE)
    expect(sidebar.conversation).to_contain_text(f"429 from {names[0]}, asked again")


def test_a_reply_that_is_cut_goes_on_where_it_broke_off(
    sidebar: Sidebar, one: FakeProvider, two: FakeProvider
) -> None:
    one.reply("The capital of France ", CUT)
    sidebar.ask("Capital of France?")
    sidebar.wait_until_done()
    expect(sidebar.conversation.get_by_role("alert")).to_be_visible()
    expect(sidebar.conversation).to_contain_text("The capital of France")
    one.reply("is Paris.")
    button(sidebar, "Continue").click()
    expect(sidebar.conversation).to_contain_text(
        "The capital of France is Paris.", timeout=PATIENCE
    )
    sidebar.wait_until_done()
    expect(sidebar.conversation.get_by_role("alert")).to_have_count(0)
    expect(button(sidebar, "Continue")).to_have_count(0)
    assert not two.chats, "nobody else was asked in mid-reply"

    sidebar.page.wait_for_timeout(2_000)  # Lab saves which chat it shows with a delay
    sidebar.reload()
    expect(sidebar.conversation).to_contain_text(
        "The capital of France is Paris.", timeout=PATIENCE
    )


def test_a_stopped_reply_goes_on_inside_its_code(sidebar: Sidebar, one: FakeProvider) -> None:
    one.reply("```python\nwords = ['one', ", HOLD)
    sidebar.ask("Code")
    expect(sidebar.card(0)).to_contain_text("words", timeout=PATIENCE)
    sidebar.panel.get_by_role("button", name="Stop").click()
    sidebar.wait_until_done()
    one.reply("'two']\nprint(*words)\n```\n")
    button(sidebar, "Continue").click()
    expect(sidebar.card(0)).to_contain_text("one two", timeout=PATIENCE)
    sidebar.wait_until_done()
    expect(sidebar.conversation.locator(".jp-ChatIDE-action")).to_have_count(1)


def test_a_retry_folds_the_earlier_try_away(
    sidebar: Sidebar, one: FakeProvider, two: FakeProvider
) -> None:
    one.reply("A poor start ", CUT)
    sidebar.ask("Write")
    sidebar.wait_until_done()
    two.reply("A better text.")
    button(sidebar, "Retry with…").click()
    sidebar.panel.get_by_role("combobox").fill("two/another")
    sidebar.panel.get_by_role("combobox").press("Enter")
    expect(sidebar.conversation).to_contain_text("A better text.", timeout=PATIENCE)
    sidebar.wait_until_done()
    assert two.chats[-1].json["model"] == "another"
    expect(sidebar.conversation).not_to_contain_text("A poor start")
    button(sidebar, "Earlier try").click()
    expect(sidebar.conversation).to_contain_text("A poor start")
    expect(sidebar.panel.locator(".jp-ChatIDE-turn")).to_have_count(1)


HIDE_FOR_A_FRAME = """async () => {
    const page = document.getElementById("main");
    const frame = () => new Promise(requestAnimationFrame);
    page.classList.add("lm-mod-hidden");
    await frame();
    await frame();
    page.classList.remove("lm-mod-hidden");
}"""


def test_escape_closes_the_picker_after_a_change_of_theme(sidebar: Sidebar) -> None:
    sidebar.panel.get_by_role("button", name="Model:").click()
    search = sidebar.panel.get_by_role("combobox")
    expect(search).to_be_focused()
    # A change of theme does this; whether a frame falls into it is chance.
    sidebar.page.evaluate(HIDE_FOR_A_FRAME)
    expect(search).not_to_be_focused()
    sidebar.page.keyboard.press("Escape")
    expect(search).to_have_count(0)


def test_a_double_click_retries_once(sidebar: Sidebar, one: FakeProvider) -> None:
    one.refuse(400, {"message": "odd"})
    sidebar.ask("Write")
    sidebar.wait_until_done()
    expect(button(sidebar, "Continue")).to_have_count(0)
    one.reply("Done.")
    button(sidebar, "Retry").dblclick()
    expect(sidebar.conversation).to_contain_text("Done.", timeout=PATIENCE)
    sidebar.wait_until_done()
    assert len(one.chats) == 2
    expect(sidebar.panel.locator(".jp-ChatIDE-composer").get_by_role("alert")).to_have_count(0)


def test_a_reply_that_is_too_long_continues_by_itself(sidebar: Sidebar, one: FakeProvider) -> None:
    one.reply("```python\nprint('a", finish="length")
    one.reply(" b')\n```\n")
    sidebar.ask("Long")
    expect(sidebar.card(0)).to_contain_text("a b", timeout=PATIENCE)
    sidebar.wait_until_done()
    expect(sidebar.card(0)).to_contain_text("print('a b')")
    expect(sidebar.conversation).to_contain_text("continued 1 of 2")


def test_reasoning_streams_into_its_fold(sidebar: Sidebar, one: FakeProvider) -> None:
    one.reply(Reasoning("Let me think. "), HOLD, Reasoning("It is 42."), 1.2, "The answer is 42.")
    sidebar.ask("Why?")
    fold = sidebar.conversation.get_by_role("button", name="Reasoning…")
    expect(fold).to_be_visible(timeout=PATIENCE)
    expect(sidebar.conversation).not_to_contain_text("Let me think.")
    fold.click()
    expect(sidebar.conversation).to_contain_text("Let me think.")
    one.release()
    expect(sidebar.conversation).to_contain_text("It is 42.", timeout=PATIENCE)
    sidebar.wait_until_done()
    expect(sidebar.conversation.get_by_role("button", name="Thought for")).to_be_visible()


def test_a_chat_has_a_chain_of_its_own(
    sidebar: Sidebar, one: FakeProvider, two: FakeProvider, names: tuple[str, str]
) -> None:
    inherited = f"two/{names[1]}"
    one.reply("Here.")
    sidebar.ask("Hello")
    sidebar.wait_until_done()
    page = sidebar.models_page("Fallback")
    page.get_by_role("button", name="Give this chat its own").click()
    own = page.get_by_role("group", name="Chain of this chat")
    own.get_by_role("button", name="Add a model").click()
    own.get_by_role("combobox").fill("two/mine")
    own.get_by_role("combobox").press("Enter")
    own.get_by_role("button", name="Move two/mine up").click()
    expect(own.get_by_role("listitem").first).to_contain_text("two/mine")
    own.get_by_role("button", name=f"Remove {inherited}").click()
    expect(own.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("group", name="Default chain")).to_contain_text(inherited)
    sidebar.back()
    one.refuse(402, {"message": "no credit"})
    two.reply("Mine.")
    sidebar.ask("Again")
    expect(sidebar.conversation).to_contain_text("Mine.", timeout=PATIENCE)
    sidebar.wait_until_done()
    assert two.chats[-1].json["model"] == "mine"
