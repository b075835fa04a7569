"""Running Jupyter servers are found, and asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_chatide.client.servers import (
    RunningServer,
    ServerAPI,
    ServerError,
    running_servers,
    server_of_process,
)
from jupyter_chatide.errors import ChatIDEError, NotFoundError
from tests.fakes.provider import FakeProvider, free_port


@pytest.fixture
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    return tmp_path


def leave_file(folder: Path, pid: int, **facts: object) -> None:
    facts = {"url": "http://localhost:8888/", "pid": pid, "token": "t", "secure": False, **facts}
    (folder / f"jpserver-{pid}.json").write_text(json.dumps(facts))


def test_a_kernel_finds_the_server_that_started_it(runtime_dir: Path) -> None:
    leave_file(runtime_dir, 123, url="http://localhost:8888/user/me/", token="abc")
    server = server_of_process("123")
    assert server == RunningServer("http://localhost:8888/user/me/", 123, "abc")
    assert "abc" not in repr(server)
    for pid in ("124", "", "../123", "-1", "①"):
        assert server_of_process(pid) is None


def test_a_hub_s_token_serves_where_the_server_names_none(runtime_dir: Path) -> None:
    leave_file(runtime_dir, 123, token="")
    server = server_of_process("123", {"JUPYTERHUB_API_TOKEN": "hub"})
    assert server is not None and server.token == "hub"


def test_files_that_say_nothing_are_passed_over(runtime_dir: Path) -> None:
    (runtime_dir / "jpserver-1.json").write_text("{")
    (runtime_dir / "jpserver-2.json").write_text("[]")
    leave_file(runtime_dir, 3)
    assert [server.pid for server in running_servers()] == [3]
    assert server_of_process("1") is None


def test_the_server_s_errors_come_through() -> None:
    told = {"message": "There is no such chat.", "code": "not_found", "hint": "Reload."}
    odd = {"message": "Odd.", "code": "odd", "hint": ""}
    with FakeProvider() as fake:
        fake.route("GET", "/lab/api/chatide/chats/x", told, status=404)
        fake.route("GET", "/lab/api/chatide/odd", odd, status=500)
        fake.route("GET", "/lab/api/chatide/page", ("<html>",), content_type="text/html")
        with ServerAPI(RunningServer(f"{fake.origin}/lab/", 1, "secret")) as api:
            with pytest.raises(NotFoundError, match="no such chat"):
                api.get("chats/x")
            with pytest.raises(ChatIDEError, match="Odd") as caught:
                api.get("odd")
            assert caught.value.code == "odd"
            with pytest.raises(ServerError, match="did not answer as"):
                api.get("page")
            with pytest.raises(ServerError, match="status 404"):
                api.get("nothing")
        assert fake.requests[0].headers["authorization"] == "token secret"


def test_a_server_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with ServerAPI(RunningServer(f"http://127.0.0.1:{free_port()}/", 1)) as api:
        with pytest.raises(ServerError, match="does not answer") as caught:
            api.get("chats")
        assert "secret" not in caught.value.message
