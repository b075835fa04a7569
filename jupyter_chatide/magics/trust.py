"""Outputs of generated code, made fit for a notebook that trusts all that its own kernel shows.

What a notebook's kernel publishes may carry script, since the user ran it. Generated code ran
elsewhere, and what it shows must not become the user's own: script, widgets and other people's
style sheets stay out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..client.images import image_bytes
from ..client.plain import coloured, plain
from .markdown import TAG, without_html

if TYPE_CHECKING:
    from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]

_IMAGES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
# Shown by renderers that take data and no code, as Lab takes them from untrusted notebooks.
_DATA = re.compile(
    r"application/json|application/geo\+json|application/vnd\.plotly\.v1\+json"
    r"|application/vnd\.vega(?:lite)?\.v\d+\+json"
)
_LONGEST_TEXT = 200_000  # characters of one output that a notebook keeps
_LONGEST_HTML = 1_000_000  # characters of one that is sanitised

_TAGS = frozenset(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption
    figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub
    summary sup table tbody td tfoot th thead tr u ul var
    """.split()  # noqa: SIM905
)
_ATTRIBUTES = frozenset(
    ("abbr", "align", "border", "colspan", "rowspan", "scope", "start", "title", "valign")
)
_STYLES = frozenset(
    """
    background-color border-bottom border-left border-right border-top color font-family
    font-size font-style font-weight max-width min-width text-align text-decoration
    vertical-align white-space width
    """.split()  # noqa: SIM905
)
# bleach keeps the text of tags that it drops: of these nobody wants it.
_WITH_CONTENT = re.compile(
    r"<(script|style|template|noscript|title)\b.*?(?:</\1\s*>|\Z)", re.I | re.S
)
_LOADS = re.compile(r"url|image|@|\\", re.I)  # in a style
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")


def safe_bundle(data: Mapping[str, Any]) -> dict[str, Any]:
    """What may be shown of a MIME bundle; empty when nothing may.

    Args:
        data: as nbformat has it.
    """
    safe: dict[str, Any] = {}
    for mime, content in data.items():
        text = "".join(map(str, content)) if isinstance(content, list) else str(content)
        if mime == "text/plain":
            safe[mime] = shortened(plain(text))
        elif mime == "text/markdown":
            safe[mime] = shortened(without_html(text))
        elif mime == "text/latex":
            # nbconvert puts it into its pages as it is; mathematics do not care for the space.
            safe[mime] = shortened(TAG.sub("< ", text))
        elif mime == "text/html":
            safe.setdefault(mime, sanitised(text))
        elif mime == "image/svg+xml":
            safe["text/html"] = _drawing(text)
        elif mime in _IMAGES:
            if (image := image_bytes(mime, content)) is not None:
                safe[mime] = base64.b64encode(image).decode()
        elif _DATA.fullmatch(mime):
            safe[mime] = content
    if not safe.get("text/html", "x").strip():
        del safe["text/html"]
    return safe


def safe_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The size of images; nothing else of an output's metadata has a use here."""
    return {
        mime: {
            name: size
            for name, size in values.items()
            if name in {"width", "height"} and isinstance(size, int | float)
        }
        for mime, values in metadata.items()
        if mime in _IMAGES and isinstance(values, Mapping)
    }


def safe_traceback(lines: list[str]) -> str:
    """A traceback, in colours and without other escape sequences."""
    return shortened(coloured("\n".join(lines)))


def sanitised(html: str) -> str:
    """HTML with tables, text and pictures, and nothing that runs, loads or covers anything."""
    if len(html) > _LONGEST_HTML:
        return ""
    cleaned: str = _cleaner().clean(_WITH_CONTENT.sub("", html))
    return cleaned


def shortened(text: str) -> str:
    """Text that a notebook can hold: of a longer one, the beginning and the end."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out:,} characters left out …]\n{text[-half:]}"


@cache
def _cleaner() -> Cleaner:
    from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
    from bleach.sanitizer import Cleaner

    return Cleaner(
        tags=_TAGS,
        attributes=_allows,
        protocols={"https", "http", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
        strip=True,
    )


def _allows(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and value.startswith(("https://", "http://", "mailto:"))
    if name == "src":
        # Only what is in the output itself: fetching a picture tells others of its reader.
        return tag == "img" and bool(_PICTURE.fullmatch(value))
    if name == "class":
        return value == "dataframe"  # other names might be those of the notebook's own style
    if name in {"width", "height"}:
        return tag in {"img", "td", "th", "col", "table"}
    if name == "style":
        return not _LOADS.search(value)
    return name in _ATTRIBUTES or (name == "alt" and tag == "img")


def _drawing(svg: str) -> str:
    """An SVG document as a picture: there it can neither run script nor load anything."""
    encoded = base64.b64encode(svg.encode("utf-8", "replace")).decode()
    return f'<img alt="" src="data:image/svg+xml;base64,{encoded}">'
