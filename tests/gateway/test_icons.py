"""Every provider has an icon of its own that is safe to put into a page and reads on any."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jupyter_chatide.gateway import providers
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS, icon_svg

FOLDER = Path(providers.__file__).parent / "icons"
ICONS = sorted(path.name for path in FOLDER.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"

SHAPES = {"svg", "path", "circle", "rect"}
ATTRIBUTES = {
    *("width", "height", "viewBox", "fill", "fill-opacity"),
    *("stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin"),
    *("d", "cx", "cy", "r", "x", "y", "rx"),
}


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_provider_has_an_icon_of_its_own() -> None:
    assert sorted(provider.icon for provider in DEFAULT_PROVIDERS) == ICONS
    assert len({icon_svg(name) for name in ICONS}) == len(ICONS)


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_holds_shapes_and_nothing_else(name: str) -> None:
    text = icon_svg(name)
    assert len(text) < 1500
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == "0 0 24 24"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in SHAPES
        assert set(element.attrib) <= ATTRIBUTES
        assert not any("url" in value or ":" in value for value in element.attrib.values())


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_reads_on_light_and_on_dark(name: str) -> None:
    root = ElementTree.fromstring(icon_svg(name))
    colours = {
        element.get(attribute)
        for element in root.iter()
        for attribute in ("fill", "stroke")
        if element.get(attribute) not in (None, "none")
    }
    assert len(colours) == 1
    (colour,) = colours
    assert colour is not None and re.fullmatch("#[0-9a-f]{6}", colour)
    assert contrast(colour, "#ffffff") >= 3 and contrast(colour, "#111111") >= 3


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_s_lines_stay_in_its_box(name: str) -> None:
    for element in ElementTree.fromstring(icon_svg(name)).iter(f"{SVG}circle"):
        x, y, radius = (float(element.get(key, "nan")) for key in ("cx", "cy", "r"))
        assert radius + 0.9 <= min(x, y) and max(x, y) + radius + 0.9 <= 24


@pytest.mark.parametrize("name", ["none.svg", "", "../providers.py", "/etc/passwd", "."])
def test_a_name_that_is_no_icon_gives_the_plain_one(name: str) -> None:
    assert icon_svg(name) == icon_svg("openai-compatible.svg")
