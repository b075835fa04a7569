"""The page on which models are connected: providers, keys, the endpoint, usage, policy."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.provider import FakeProvider
from tests.server.process import REPOSITORY, JupyterProcess

from .conftest import BASE_URL
from .sidebar import PATIENCE, Sidebar

SECTIONS = ("Providers", "Fallback", "Local", "Endpoint", "Usage")


@pytest.fixture(scope="module")
def ollama() -> Iterator[FakeProvider]:
    """A server that looks like Ollama's."""
    tags = {"models": [{"name": "qwen3:4b", "model": "qwen3:4b", "details": {}}]}
    with FakeProvider() as provider:
        provider.route("GET", "/api/tags", tags)
        provider.route("POST", "/api/show", {"model_info": {}, "capabilities": ["completion"]})
        yield provider


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, ollama: FakeProvider) -> Iterator[JupyterProcess]:
    """A Lab whose administrator blocks a provider, and whose environment has a key."""
    lab = JupyterProcess(
        tmp_path_factory.mktemp("lab"),
        app="jupyterlab",
        base_url=BASE_URL,
        options=(
            "--expose-app-in-browser",
            "--ChatIDEExtension.blocked_models=cohere",
            "--ChatIDEExtension.budget_tokens=100000",
        ),
        environment=os.environ
        | {
            "PYTHONPATH": str(REPOSITORY),
            "OLLAMA_HOST": ollama.origin,
            "GROQ_API_KEY": "gsk-of-the-environment",
        },
    )
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def sidebar(page: Page, lab: JupyterProcess) -> Sidebar:
    return Sidebar(page, lab).open()


def test_a_local_server_is_found_and_shown_as_running(sidebar: Sidebar) -> None:
    card = sidebar.provider("Ollama")
    expect(card).to_contain_text("Ready", timeout=PATIENCE)
    expect(card).to_contain_text("Answers at")
    expect(card.get_by_label("Context")).to_be_visible()
    expect(sidebar.provider("LM Studio")).to_contain_text("Not running")
    first = sidebar.models_page().get_by_role("region", name="This computer")
    expect(first.get_by_role("listitem").first).to_contain_text("Ollama")
    sidebar.back()
    sidebar.panel.get_by_role("button", name=re.compile("^(Model: |Pick a model)")).click()
    expect(sidebar.panel.get_by_role("option", name="qwen3:4b")).to_be_visible(timeout=PATIENCE)


def test_a_servers_context_size_is_set_and_stays(sidebar: Sidebar) -> None:
    field = sidebar.provider("Ollama").get_by_label("Context")
    field.fill("4096")
    sidebar.provider("Ollama").get_by_role("button", name="Save the settings").click()
    expect(sidebar.panel.get_by_role("button", name="Save the settings")).to_have_count(0)
    sidebar.page.reload()
    sidebar.wait_for_lab()
    expect(sidebar.provider("Ollama").get_by_label("Context")).to_have_value("4096")


def test_a_key_of_the_environment_is_named_and_cannot_be_removed(sidebar: Sidebar) -> None:
    card = sidebar.provider("Groq")
    expect(card).to_contain_text("from the environment variable GROQ_API_KEY")
    for name in "Replace", "Remove":
        expect(card.get_by_role("button", name=name)).to_have_count(0)


def test_a_provider_that_the_policy_blocks_says_so(sidebar: Sidebar) -> None:
    card = sidebar.provider("Cohere")
    expect(card).to_contain_text("Blocked")
    expect(card).to_contain_text("administrator")
    expect(card.get_by_role("textbox")).to_have_count(0)


def test_a_server_of_ones_own_is_added_tested_renamed_and_removed(
    sidebar: Sidebar, provider: FakeProvider
) -> None:
    provider.key = "sk-right"
    page = sidebar.models_page()
    page.get_by_role("button", name="Add a server").click()
    page.get_by_label("Name").fill("The lab")
    page.get_by_label("Address").last.fill(provider.base_url)
    page.get_by_label("It answers only with a key").check()
    page.get_by_role("button", name="Add", exact=True).click()
    card = sidebar.provider("The lab")
    expect(card).to_contain_text("Not connected", timeout=PATIENCE)

    card.get_by_label("Key", exact=True).fill("sk-wrong")
    card.get_by_label("Where to keep it").select_option("memory")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_be_visible(timeout=PATIENCE)
    expect(card).to_contain_text("Test failed")
    expect(card).to_contain_text("in memory only: gone when Jupyter stops")

    provider.reply("Yes.")
    card.get_by_role("button", name="Replace").click()
    card.get_by_label("Key", exact=True).fill("sk-right")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("status")).to_be_visible(timeout=PATIENCE)
    expect(card).to_contain_text("Ready")
    expect(card).to_contain_text("in memory only")

    card.get_by_role("button", name="Rename or change").click()
    card.get_by_label("Name").fill("Our lab")
    card.get_by_role("button", name="Save the changes").click()
    card = sidebar.provider("Our lab")
    expect(card).to_contain_text("Ready", timeout=PATIENCE)

    card.get_by_role("button", name="Remove the server…").click()
    card.get_by_role("button", name="Remove the server", exact=True).click()
    head = page.get_by_role("button", name=re.compile("^Our lab"))
    expect(head).to_have_count(0, timeout=PATIENCE)


def test_a_key_kept_in_memory_is_in_no_file(
    sidebar: Sidebar, provider: FakeProvider, lab: JupyterProcess
) -> None:
    key = "sk-memory-canary-0123456789"
    lab.api("PUT", "providers/kept", {"label": "Kept", "base_url": provider.base_url})
    provider.reply("Yes.")
    card = sidebar.provider("Kept")
    card.get_by_label("Key").fill(key)
    card.get_by_label("Where to keep it").select_option("memory")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("status")).to_be_visible(timeout=PATIENCE)
    assert provider.requests[-1].key == key
    for path in lab.data_dir.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
    lab.api("DELETE", "providers/kept")


def test_the_default_model_is_the_one_that_is_set(
    sidebar: Sidebar, provider: FakeProvider, lab: JupyterProcess
) -> None:
    lab.api("PUT", "providers/house", {"label": "House", "base_url": provider.base_url})
    page = sidebar.models_page("Fallback")
    page.get_by_role("button", name="Change").click()
    page.get_by_role("combobox").fill("house/any-name")
    page.get_by_role("combobox").press("Enter")
    expect(page).to_contain_text("house/any-name", timeout=PATIENCE)
    assert lab.api("GET", "preferences")["default_model"] == "house/any-name"
    page.get_by_role("button", name="Choose by itself").click()
    expect(page).not_to_contain_text("house/any-name")
    lab.api("DELETE", "providers/house")


def test_any_program_uses_the_endpoint_with_a_token_until_it_is_revoked(
    sidebar: Sidebar, provider: FakeProvider, lab: JupyterProcess
) -> None:
    lab.api("PUT", "providers/behind", {"label": "Behind", "base_url": provider.base_url})
    page = sidebar.models_page("Endpoint")
    page.get_by_role("switch").check()
    expect(page).to_contain_text("client = jupyter_chatide.openai_client()", timeout=PATIENCE)
    url = page.get_by_role("group", name="the address").locator("pre").inner_text()
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Which program is it for?").fill("A script")
    page.get_by_label("Budget in tokens").fill("1000")
    page.get_by_role("button", name="Create", exact=True).dblclick()
    secret = page.get_by_role("group", name="the token").locator("pre")
    token = secret.inner_text()
    expect(page.get_by_role("button", name="Revoke A script")).to_have_count(1)

    provider.reply("Over the endpoint.", usage=(70, 30))
    answer = ask(url, token, "behind/some-model")
    assert answer["choices"][0]["message"]["content"] == "Over the endpoint."

    page.get_by_role("button", name="Done").click()
    expect(secret).to_have_count(0)
    sidebar.models_page("Usage")
    page = sidebar.models_page("Endpoint")
    expect(page).to_contain_text("100 tokens", timeout=PATIENCE)
    assert token not in sidebar.page.content()

    page.get_by_role("button", name="Revoke A script").click()
    page.get_by_role("button", name="Revoke now").click()
    expect(page.get_by_role("button", name="Revoke A script")).to_have_count(0)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(url, token, "behind/some-model")
    with refused.value:
        assert refused.value.code == 401
    lab.api("DELETE", "providers/behind")


def ask(url: str, token: str, model: str) -> Any:
    """Ask as a program does that knows OpenAI's format only."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    request = urllib.request.Request(
        f"{url}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_usage_is_told_by_model_and_never_calls_nothing_what_is_unknown(
    sidebar: Sidebar, provider: FakeProvider, lab: JupyterProcess
) -> None:
    lab.api("PUT", "providers/meter", {"label": "Meter", "base_url": provider.base_url})
    sidebar.pick("meter/unpriced")
    provider.reply("Measured.", usage=(1200, 340))
    sidebar.ask("Hello")
    expect(sidebar.conversation).to_contain_text("Measured.", timeout=PATIENCE)
    sidebar.wait_until_done()
    page = sidebar.models_page("Usage")
    row = page.get_by_role("row").filter(has_text="unpriced")
    for text in "1.2k", "340":
        expect(row).to_contain_text(text, timeout=PATIENCE)
    expect(page.get_by_role("group", name="This chat")).to_contain_text("1.2k in")
    expect(page.get_by_role("meter")).to_have_attribute(
        "aria-valuetext", re.compile(" of 100k tokens")
    )
    lab.api("DELETE", "providers/meter")


@pytest.mark.parametrize("width", [280, 420])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_is_cut_off_on_a_narrow_page(sidebar: Sidebar, theme: str, width: int) -> None:
    sidebar.theme(theme)
    sidebar.widen(width)
    sidebar.provider("OpenAI")
    for section in SECTIONS:
        page = sidebar.models_page(section)
        if section == "Endpoint":
            page.get_by_role("button", name="Create a token").click()
        sidebar.page.wait_for_timeout(500)  # what the server is asked for has come
        wide = sidebar.panel.evaluate(
            """panel => [...panel.querySelectorAll('button, input, select, p, pre, td, li')]
                .filter(node => node.getClientRects().length)
                .filter(node => node.getBoundingClientRect().right
                    > panel.getBoundingClientRect().right + 1)
                .map(node => node.outerHTML.slice(0, 120))"""
        )
        assert wide == [], section


def test_the_page_is_walked_through_with_the_keyboard(sidebar: Sidebar) -> None:
    sidebar.models_page()
    tab = sidebar.panel.get_by_role("tab", name="Providers")
    tab.focus()
    for name in SECTIONS[1:]:
        sidebar.page.keyboard.press("ArrowRight")
        expect(sidebar.panel.get_by_role("tab", name=name)).to_be_focused()
        expect(sidebar.panel.get_by_role("tabpanel", name=name)).to_be_visible()
    sidebar.page.keyboard.press("Escape")
    expect(sidebar.prompt).to_be_visible()
