"""Binder installs by the files in ``binder/``, and opens Lab below a path of its hub."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.server.process import JupyterProcess
from tests.ui.sidebar import PATIENCE, Sidebar

from .conftest import CHECKOUT, FreshMachine

BASE_URL = "/user/someone-abc/"


@pytest.fixture(scope="module")
def lab(fresh_machine: FreshMachine) -> Iterator[JupyterProcess]:
    """Lab as a new user starts it: what is installed is found, nothing is configured."""
    lab = JupyterProcess(
        fresh_machine.home / "lab",
        app="jupyterlab",
        base_url=BASE_URL,
        extensions={},
        options=("--expose-app-in-browser",),
        python=str(fresh_machine.prefix / "bin" / "python"),
        environment=fresh_machine.environment,
    )
    lab.start()
    yield lab
    lab.stop()


def test_binder_takes_a_python_that_the_project_runs_on() -> None:
    name, _, version = (CHECKOUT / "binder" / "runtime.txt").read_text().strip().partition("-")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert name == "python"
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_an_example_prompt_ends_in_a_plot(page: Page, lab: JupyterProcess) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    sidebar = Sidebar(page, lab).open()
    sidebar.example("Explore a data set")
    expect(sidebar.preview.get_by_role("img")).to_be_visible(timeout=PATIENCE)
    sidebar.wait_until_done()
    expect(sidebar.card(1).locator(".jp-RenderedImage img")).to_be_visible()
    assert page.evaluate("document.querySelector('.jp-ChatIDE-preview img').naturalWidth") > 100
    assert BASE_URL in page.url


def test_the_welcome_notebook_runs(fresh_machine: FreshMachine) -> None:
    source = CHECKOUT / "binder" / "welcome.ipynb"
    executed = fresh_machine.home / "welcome.ipynb"
    fresh_machine.run(
        *("jupyter", "nbconvert", "--execute", "--to", "notebook"),
        *("--output", os.fspath(executed), os.fspath(source)),
    )
    notebook = nbformat.read(executed, as_version=4)
    plot, mended, variables, own = (cell for cell in notebook.cells if cell.cell_type == "code")
    for cell in (plot, mended):
        assert any("image/png" in output.get("data", {}) for output in cell.outputs)
    assert "Mending" in str(mended.outputs)
    assert variables.outputs[0]["data"]["text/plain"] == "False"
    assert own.outputs[0]["data"]["text/plain"] == "('ok', '285')"


def test_the_welcome_notebook_is_committed_without_outputs() -> None:
    notebook = nbformat.read(CHECKOUT / "binder" / "welcome.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
