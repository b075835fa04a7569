"""Images of a run, kept as files beside the user's own."""

from __future__ import annotations

import base64
from pathlib import Path

from jupyter_chatide.client.images import FOLDER, keep_image
from jupyter_chatide.runtime import Limits, Runtime

_PNG = base64.b64encode(b"\x89PNG").decode()


async def test_an_image_replaces_no_file_in_a_folder_too_large_to_list(tmp_path: Path) -> None:
    for name in ("a.txt", f"{FOLDER}/figure-1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    async with Runtime(limits=Limits(listed_files=1)) as runtime:
        workspace = await runtime.create_workspace(tmp_path)
        path = keep_image(workspace, "image/png", _PNG)
    assert Path(path).name == "figure-2.png"
    assert (tmp_path / FOLDER / "figure-1.png").read_text() == "mine"
