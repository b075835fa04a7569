"""The sidebar as a person finds it: by what things are called and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.fakes.provider import FakeProvider
from tests.server.process import JupyterProcess

PATIENCE = 60_000  # milliseconds that a reply, a kernel or Lab itself may take


class Sidebar:
    """JupyterLab in a page, with the ChatIDE panel open.

    Args:
        page: the browser's page.
        lab: the server.
    """

    def __init__(self, page: Page, lab: JupyterProcess) -> None:
        self.page = page
        self.lab = lab
        self.panel = page.locator(".jp-ChatIDE")
        self.prompt = self.panel.get_by_role("textbox", name="Prompt")
        self.conversation = self.panel.get_by_role("log", name="Conversation")
        self.preview = page.locator(".jp-ChatIDE-preview")

    def open(self) -> Sidebar:
        """Open Lab, and the panel in it, at a new chat."""
        self.page.goto(self.lab.page("lab?reset"))
        self.wait_for_lab()
        self.panel.get_by_role("button", name="New chat", exact=True).click()
        return self

    def reload(self) -> None:
        """Load Lab anew, with the layout and the chat that it had."""
        self.page.goto(self.lab.page("lab"))
        self.wait_for_lab()

    def wait_for_lab(self) -> None:
        """Return when Lab and the panel are there."""
        self.page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab", timeout=PATIENCE)
        self.command("apputils:dismiss-notification")
        self.command("chatide:focus")
        expect(self.prompt).to_be_visible(timeout=PATIENCE)

    def command(self, id: str, **args: Any) -> None:
        """Execute one of Lab's commands."""
        self.page.evaluate(
            "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)",
            [id, args],
        )

    def theme(self, name: str) -> None:
        """Change Lab's theme: ``Light`` or ``Dark``."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        light = "true" if name == "Light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)

    def widen(self, width: int) -> None:
        """Give the panel a width, in pixels, by dragging its edge."""
        edge = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:visible").first
        edge.hover()
        self.page.mouse.down()
        box = self.panel.bounding_box()
        assert box
        self.page.mouse.move(box["x"] + width, box["y"] + box["height"] / 2, steps=5)
        self.page.mouse.up()

    def connect(self, provider: FakeProvider, key: str = "") -> None:
        """Connect an OpenAI-compatible server in the panel, as a person does, and pick its model.

        Saving asks it for a short answer: that is the provider's first request.
        """
        provider.reply("Yes.")
        card = self.provider("OpenAI-compatible")
        card.get_by_label("Address").fill(provider.base_url)
        if key:
            card.get_by_label("Key").fill(key)
        card.get_by_role("button", name="Save").click()
        expect(card.get_by_role("status")).to_be_visible(timeout=PATIENCE)
        self.back()
        self.pick("openai-compatible/fake-model")

    def models_page(self, section: str = "Providers") -> Locator:
        """Open the models page at one of its sections, and return what it shows there."""
        if self.prompt.is_visible():
            self.panel.get_by_role("button", name="Models and keys", exact=True).click()
        self.panel.get_by_role("tab", name=section, exact=True).click()
        return self.panel.get_by_role("tabpanel", name=section)

    def back(self) -> None:
        """Leave the models page."""
        self.panel.get_by_role("button", name="Back to the chat").click()

    def provider(self, name: str) -> Locator:
        """A provider's card on the models page, opened."""
        page = self.models_page()
        head = page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first
        expect(head).to_be_visible(timeout=PATIENCE)
        if head.get_attribute("aria-expanded") == "false":
            head.click()
        return head.locator("xpath=ancestor::li")

    def pick(self, model: str) -> None:
        """Pick a model by typing its name."""
        self.panel.get_by_role("button", name=re.compile("^(Model: |Pick a model)")).click()
        self.panel.get_by_role("combobox").fill(model)
        self.panel.get_by_role("option").filter(has_text=model.partition("/")[2]).last.click()

    def ask(self, prompt: str) -> None:
        """Type a prompt and send it."""
        with self._turn():
            self.prompt.fill(prompt)
            self.prompt.press("Enter")

    def example(self, title: str) -> None:
        """Click one of the example prompts."""
        with self._turn():
            self.panel.get_by_role("button", name=re.compile(f"^{title}")).click()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Do what starts a turn, and wait until it has begun."""
        turns = self.panel.locator(".jp-ChatIDE-turn")
        before = turns.count()
        yield
        expect(turns).to_have_count(before + 1, timeout=PATIENCE)

    def wait_until_done(self) -> None:
        """Return when no turn goes on any more."""
        expect(self.panel.get_by_role("button", name="Send", exact=True)).to_be_visible(
            timeout=PATIENCE
        )

    def card(self, number: int) -> Locator:
        """The code block of that number, from 0."""
        return self.conversation.locator(".jp-ChatIDE-action").nth(number)

    def page_frame(self) -> FrameLocator:
        """The page shown in the preview panel, inside its outer frame."""
        return self.preview.frame_locator("iframe").frame_locator("iframe")

    def picture(self, path: Path) -> None:
        """Save what is to be seen."""
        self.page.screenshot(path=path)
