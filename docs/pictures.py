"""Take the README's pictures anew: ``python -m docs.pictures``, from the repository's root.

Needs the test environment of CONTRIBUTING.md. The pictures show a real Lab in which the demo
answers two of its example prompts.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.server.process import JupyterProcess
from tests.ui.sidebar import Sidebar

FOLDER = Path(__file__).parent
WIDTH = 400  # pixels that the panel gets


def main() -> None:
    """Write ``light.png`` and ``dark.png`` beside this file."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = JupyterProcess(Path(folder), app="jupyterlab", options=("--expose-app-in-browser",))
        lab.start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        try:
            for theme in ("Light", "Dark"):
                page = browser.new_page(
                    viewport={"width": 1440, "height": 860}, device_scale_factor=1.5
                )
                _picture(Sidebar(page, lab).open(), theme)
                page.close()
        finally:
            browser.close()
            lab.stop()


def _picture(sidebar: Sidebar, theme: str) -> None:
    sidebar.theme(theme)
    sidebar.widen(WIDTH)
    sidebar.command("notebook:create-new", kernelName="python3")
    sidebar.page.wait_for_timeout(2_000)
    sidebar.example("Explore a data set")
    sidebar.wait_until_done()
    sidebar.page.wait_for_timeout(1_500)
    sidebar.conversation.evaluate("node => node.scrollTo(0, 0)")
    sidebar.page.mouse.move(720, 855)
    sidebar.page.wait_for_timeout(500)
    sidebar.picture(FOLDER / f"{theme.lower()}.png")


if __name__ == "__main__":
    main()
