"""Models on this machine, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import Api


async def test_the_recommended_models_are_listed(api: Api) -> None:
    listed = (await api.get("/local")).json
    assert listed["available"] or "jupyter-chatide[local]" in listed["reason"]
    assert listed["serving"]["state"] == "idle"
    assert listed["models"], "some are recommended"
    for model in listed["models"]:
        assert model["state"] == "absent" and not model["own"]
        assert model["license"] and model["source"].startswith("https://")


async def test_a_file_that_is_no_model_is_refused(api: Api, tmp_path: Path) -> None:
    picture = tmp_path / "picture.gguf"
    picture.write_bytes(b"GIF89a" * 100)
    for path in (str(picture), str(tmp_path / "nowhere.gguf"), "relative.gguf", str(tmp_path)):
        refused = await api.post("/local", {"path": path})
        assert refused.status == 400, path
        assert refused.json["message"].startswith("path"), refused.json


async def test_a_model_that_is_not_there_is_said(api: Api) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/local/nobody/download", {}),
        ("POST", "/local/nobody/cancel", {}),
        ("DELETE", "/local/nobody", None),
    ]
    for method, path, body in calls:
        answer = await api(method, path, body)
        assert answer.status == 404, path
        assert "nobody" in answer.json["message"]
