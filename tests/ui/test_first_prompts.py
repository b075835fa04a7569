"""A new user, no key, no model: from a click on an example to a plot beside the notebook."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.server.process import JupyterProcess

from .sidebar import PATIENCE, Sidebar


@pytest.fixture
def sidebar(page: Page, lab: JupyterProcess) -> Sidebar:
    page.set_viewport_size({"width": 1440, "height": 900})
    return Sidebar(page, lab).open()


def test_an_example_prompt_ends_in_a_plot_beside_the_notebook(sidebar: Sidebar) -> None:
    sidebar.command("notebook:create-new", kernelName="python3")
    expect(sidebar.page.locator(".jp-NotebookPanel:visible")).to_be_visible(timeout=PATIENCE)
    sidebar.example("Explore a data set")
    expect(sidebar.preview.get_by_role("img")).to_be_visible(timeout=PATIENCE)
    sidebar.wait_until_done()

    table, plot = sidebar.card(0), sidebar.card(1)
    expect(
        table.get_by_role("cell", name="Gentoo").or_(table.get_by_text("Gentoo"))
    ).to_be_visible()
    expect(plot.locator(".jp-RenderedImage img")).to_be_visible()
    notebook = sidebar.page.locator(".jp-NotebookPanel:visible").bounding_box()
    preview = sidebar.preview.bounding_box()
    assert notebook and preview
    assert notebook["x"] + notebook["width"] <= preview["x"], "the preview stands to the right"
    assert preview["width"] > 300
    assert "penguins" not in sidebar.page.locator(".jp-NotebookPanel").inner_text()


def test_a_fit_shows_its_formula_and_its_figure(sidebar: Sidebar) -> None:
    sidebar.example("Fit a line")
    sidebar.wait_until_done()
    expect(sidebar.card(0).locator("mjx-container").first).to_be_visible(timeout=PATIENCE)
    expect(sidebar.card(1).locator(".jp-RenderedImage img")).to_be_visible()


def test_a_page_is_written_and_works_in_its_frame(sidebar: Sidebar) -> None:
    sidebar.example("Build a web page")
    sidebar.wait_until_done()
    page = sidebar.page_frame()
    expect(page.get_by_role("heading", name="The normal distribution")).to_be_visible(
        timeout=PATIENCE
    )
    before = page.locator("#area").inner_text()
    page.get_by_label("Width").fill("2")
    expect(page.locator("#area")).not_to_have_text(before)


def test_a_mistake_is_shown_and_mended_by_one_repair(sidebar: Sidebar) -> None:
    sidebar.example("Watch it mend a mistake")
    sidebar.wait_until_done()
    expect(sidebar.card(0)).to_contain_text("Failed")
    expect(sidebar.card(0)).to_contain_text("KeyError")
    expect(sidebar.conversation).to_contain_text("1 of 2")
    expect(sidebar.conversation.locator(".jp-RenderedImage img").last).to_be_visible()
    expect(sidebar.card(2)).to_contain_text("Done")


def test_any_other_prompt_is_told_that_this_is_a_demo(sidebar: Sidebar) -> None:
    sidebar.ask("What is the weather?")
    sidebar.wait_until_done()
    expect(sidebar.conversation).to_contain_text("no model is connected yet")


def test_the_panel_says_what_is_not_isolated(sidebar: Sidebar) -> None:
    sidebar.panel.get_by_role("button", name="What code from this chat may do").first.click()
    report = sidebar.page.get_by_role("dialog", name="What code from this chat may do")
    expect(report).to_contain_text("Network", timeout=PATIENCE)
    expect(report).to_contain_text("files")


@pytest.mark.parametrize("width", [280, 420])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_is_cut_off_in_a_narrow_panel(sidebar: Sidebar, theme: str, width: int) -> None:
    sidebar.theme(theme)
    sidebar.example("Explore a data set")
    sidebar.wait_until_done()
    sidebar.panel.evaluate("(panel, width) => (panel.style.maxWidth = `${width}px`)", width)
    wide = sidebar.panel.evaluate(
        """panel => [...panel.querySelectorAll('button, textarea, p, .jp-ChatIDE-action')]
            .filter(node => node.getClientRects().length)
            .filter(node => node.getBoundingClientRect().right
                > panel.getBoundingClientRect().right + 1)
            .map(node => node.outerHTML.slice(0, 120))"""
    )
    assert wide == []
