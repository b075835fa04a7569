"""``jupyter chatide doctor``: what works here."""

from __future__ import annotations

import json

from jupyter_chatide import __version__

from .conftest import Terminal


def test_the_doctor_looks_at_everything(terminal: Terminal) -> None:
    done = terminal.type("doctor", "--json")
    findings = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert findings["versions"]["facts"]["jupyter-chatide"] == __version__
    assert findings["provider demo"]["state"] == "ok"
    assert findings["provider openai"]["facts"]["key"]["set"] is False
    assert findings["default model"]["facts"] == "demo/demo"
    assert "keys set" in findings["default model"]["hint"]
    assert findings["sandbox"]["facts"]["status"] == "ok"
    assert findings["sandbox tier"]["facts"]["tier"] in ("minimal", "partial", "full")
    assert findings["kernelspec"]["state"] in ("ok", "note")
    assert "browser extension" in findings
    assert done.stderr == ""


def test_what_is_not_safe_fails(terminal: Terminal) -> None:
    terminal.chatide.mkdir(mode=0o755)
    done = terminal.type("doctor")
    assert done.returncode == 1
    line = next(line for line in done.stdout.splitlines() if line.startswith("FAILED"))
    assert f"chmod 700 {terminal.chatide}" in line


def test_a_stale_browser_extension_is_said(terminal: Terminal) -> None:
    folder = terminal.data / "labextensions" / "jupyter-chatide"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "0.0.1"}')
    terminal.environ["JUPYTER_PATH"] = str(terminal.data)
    done = terminal.type("doctor")
    assert "has version 0.0.1" in done.stdout
    assert done.returncode == 1
