"""Images among outputs: found in a MIME bundle, kept as files in the workspace."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runtime import Workspace

FOLDER = "outputs"
_SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}


def find_image(data: Mapping[str, Any]) -> str:
    """The MIME type of the image in a bundle, the most faithful one first; ``""`` for none."""
    return next((mime for mime in _SUFFIXES if mime in data), "")


def image_bytes(mime: str, content: Any) -> bytes | None:
    """An image as bytes; ``None`` where it is not what its type says.

    Args:
        mime: its type.
        content: as nbformat has it: base64, or an SVG document's text; whole or in lines.
    """
    text = "".join(map(str, content)) if isinstance(content, list) else str(content)
    if mime == "image/svg+xml":
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return None


def keep_image(workspace: Workspace, mime: str, content: Any) -> str:
    """Write an image into the workspace, under a name that is not taken.

    Returns:
        Where it is, as an absolute path; ``""`` where it is no image after all.

    Raises:
        WorkspacePathError: it cannot be written there.
    """
    data = image_bytes(mime, content)
    if data is None:
        return ""
    names = (f"{FOLDER}/figure-{number}.{_SUFFIXES[mime]}" for number in count(1))
    name = next(name for name in names if not os.path.lexists(workspace.path / name))
    workspace.write_file(name, data)
    return str(workspace.path / name)
