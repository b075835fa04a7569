"""What generated code shows gets into a notebook without becoming the notebook's own."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jupyter_chatide.magics.trust import safe_bundle, safe_metadata, safe_traceback, sanitised

PNG = base64.b64encode(b"\x89PNG\r\n").decode()


def test_a_table_stays_a_table() -> None:
    import pandas as pd

    table = pd.DataFrame({"a<b": [1.5, 2], "c": ["<script>x</script>", "é"]})
    html = sanitised(table._repr_html_())
    assert '<table border="1" class="dataframe">' in html
    assert '<tr style="text-align: right;">' in html
    assert "&lt;script&gt;x" in html
    assert "<style" not in html
    assert ".dataframe tbody" not in html


def test_colours_of_a_styled_table_stay() -> None:
    html = sanitised('<p style="background-color: #ff0; position: fixed; color: red">1</p>')
    assert "background-color: #ff0; color: red" in html
    assert "position" not in html


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<SCRIPT/x>alert(1)</SCRIPT >",
        "<script>alert(1)",
        "<img src=x onerror=alert(1)>",
        '<img src="https://elsewhere/?data">',
        '<img src="data:image/svg+xml;base64,AAAA">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="/lab/api/x">x</a>',
        '<iframe src="https://x"></iframe>',
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)>",
        "<style>@import 'https://x'</style>",
        '<p style="background: url(https://x)">x</p>',
        '<p style="background-color: url(https://x)">x</p>',
        '<div class="jp-Dialog">x</div>',
        '<div id="main" data-commandlinker-command="x">x</div>',
        '<form action="https://x"><input name=x><button>y</button></form>',
        '<base href="https://x"><meta http-equiv=refresh content="0;https://x"><link href=x>',
        '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)">',
        "<object data=x></object><embed src=x>",
        '<a href="https://x" onmouseover=alert(1) target=_top>x</a>',
    ],
)
def test_nothing_runs_loads_or_covers(html: str) -> None:
    clean = sanitised(html)
    for word in (
        *("<script", "onerror", "onload", "onmouseover", "javascript:", "elsewhere", "<svg"),
        *("<iframe", "<style", "url(", "jp-Dialog", "id=", "data-", "<form", "<input", "<base"),
        *("<meta", "<link", "<object", "<embed", "target", "/lab/", "<math", "svg+xml"),
    ):
        assert word not in clean, clean


def test_data_that_carries_no_code_stays() -> None:
    bundle: dict[str, Any] = {
        "text/plain": "plain\x1b[2J",
        "text/markdown": ["# Head\n", "<b>x</b>"],
        "text/latex": "$a<b$",
        "image/png": [PNG[:4] + "\n", PNG[4:]],
        "application/json": {"a": [1]},
        "application/vnd.vegalite.v5+json": {"mark": "bar"},
        "application/vnd.plotly.v1+json": {"data": []},
        "application/javascript": "alert(1)",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "application/vnd.bokehjs_exec.v0+json": "",
        "text/x-whatever": "x",
        "image/jpeg": "not base64",
    }
    safe = safe_bundle(bundle)
    assert safe == {
        "text/plain": "plain",
        "text/markdown": "# Head\n&lt;b>x&lt;/b>",
        "text/latex": "$a< b$",
        "image/png": PNG,
        "application/json": {"a": [1]},
        "application/vnd.vegalite.v5+json": {"mark": "bar"},
        "application/vnd.plotly.v1+json": {"data": []},
    }


def test_an_svg_is_a_picture_and_comes_before_html() -> None:
    svg = "<svg onload='alert(1)'/>"
    for bundle in (
        {"image/svg+xml": svg, "text/html": "x"},
        {"text/html": "x", "image/svg+xml": svg},
    ):
        (html,) = safe_bundle(bundle).values()
        assert html.startswith('<img alt="" src="data:image/svg+xml;base64,')
        assert "onload" not in html


def test_what_is_left_of_script_is_nothing() -> None:
    assert safe_bundle({"text/html": "<script>1</script>\n", "application/javascript": "1"}) == {}


def test_too_much_is_shortened() -> None:
    safe = safe_bundle({"text/plain": "x" * 1_000_000, "text/html": "<p>" * 1_000_000})
    assert len(safe["text/plain"]) < 210_000
    assert "characters left out" in safe["text/plain"]
    assert "text/html" not in safe


def test_only_the_size_of_images_is_kept() -> None:
    metadata = {
        "image/png": {"width": 10, "height": "x", "needs_background": "1"},
        "isolated": True,
    }
    assert safe_metadata(metadata) == {"image/png": {"width": 10}}


def test_a_traceback_keeps_its_colours_only() -> None:
    assert safe_traceback(["\x1b[31mE\x1b]0;t\x07", "x"]) == "\x1b[31mE\nx\x1b[0m"
