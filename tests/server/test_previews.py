"""Pages of a workspace over HTTP: what opens them, and the headers that keep them in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient
from traitlets.config import Config

from .conftest import Answer, Api

PAGE = "<!doctype html><p>Größe"
KEPT_IN = (
    "sandbox allow-scripts; default-src {base} blob: data:; "
    "script-src 'unsafe-inline' 'unsafe-eval' {base} blob: data:; "
    "style-src 'unsafe-inline' {base} blob: data:; connect-src {base}; form-action 'none'; "
    "base-uri 'none'; object-src 'none'; frame-src 'none'; frame-ancestors 'self'; webrtc 'block'"
)


async def workspace_of(api: Api, data_dir: Path, chat: str) -> Path:
    assert (await api.get(f"/chats/{chat}/workspace")).status == 200
    return data_dir / "chats" / chat / "workspace"


async def chat_with_pages(api: Api, data_dir: Path) -> tuple[str, Path]:
    """A chat and its workspace, with a page in a folder."""
    chat = await api.new_chat()
    folder = await workspace_of(api, data_dir, chat)
    (folder / "my site").mkdir()
    (folder / "my site" / "index.html").write_text(PAGE, encoding="utf-8")
    return chat, folder


async def open_preview(api: Api, chat: str, path: str) -> str:
    """The path of the outer frame, below ``api/chatide``."""
    answer = await api.post(f"/chats/{chat}/previews", {"path": path})
    assert answer.status == 201, answer.body
    assert answer.json["path"] == path
    return str(answer.json["url"]).removeprefix(f"{api.base_url}api/chatide")


async def fetch(api: Api, path: str, **headers: str) -> Answer:
    """Ask as a browser's frame does: with no user at all. ``path`` is quoted already."""
    response = await AsyncHTTPClient().fetch(
        f"{api.origin}{api.base_url}api/chatide{path}",
        headers=headers,
        raise_error=False,
        follow_redirects=False,
    )
    return Answer(response)


async def test_a_page_comes_in_an_outer_frame_with_the_headers_that_keep_it_in(
    api: Api, data_dir: Path
) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    files_path = frame_path.replace("/frame/", "/files/")
    base = f"{api.origin}{api.base_url}api/chatide{files_path.partition('my%20site')[0]}"

    frame = await fetch(api, frame_path)
    assert frame.status == 200
    assert f'src="{urlsplit(base).path}my%20site/index.html"'.encode() in frame.body
    assert b'sandbox="allow-scripts"' in frame.body and b"<script" not in frame.body
    policy = frame.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", f"frame-src {base}", "frame-ancestors 'self'"} <= set(policy)

    page = await fetch(api, files_path)
    assert page.body.decode() == PAGE
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"] == KEPT_IN.format(base=base)
    assert page.headers["Access-Control-Allow-Origin"] == "*"

    for answer in (frame, page):
        assert len(answer.headers.get_list("Content-Security-Policy")) == 1
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


async def test_a_folder_shows_its_index(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    folder = frame_path.replace("/frame/", "/files/").removesuffix("index.html")
    assert (await fetch(api, folder)).body.decode() == PAGE


async def test_a_page_opened_on_its_own_is_sent_to_its_frame(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    answer = await fetch(
        api, frame_path.replace("/frame/", "/files/"), **{"Sec-Fetch-Dest": "document"}
    )
    assert answer.status == 302
    assert answer.headers["Location"] == f"{api.base_url}api/chatide{frame_path}"


async def test_no_cookie_is_ever_set(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    for path in (frame_path, frame_path.replace("/frame/", "/files/"), "/preview/x/frame/y"):
        for query in ("", f"?token={api.token}"):
            answer = await fetch(api, path + query, Authorization=f"token {api.token}")
            assert "Set-Cookie" not in answer.headers


async def test_a_token_opens_its_own_workspace_and_nothing_beside_it(
    api: Api, data_dir: Path, tmp_path: Path
) -> None:
    chat, folder = await chat_with_pages(api, data_dir)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.txt")
    frame_path = await open_preview(api, chat, "my site/index.html")
    files = frame_path.replace("/frame/", "/files/").partition("my%20site")[0]
    for path in (
        "../log.jsonl",
        "..%2flog.jsonl",
        "%2e%2e/log.jsonl",
        "/etc/passwd",
        "//etc/passwd",
        "link.txt",
        "out/secret.txt",
        "pipe.txt",
        "my%20site",
        "nothing.html",
        "%00",
        "",
    ):
        answer = await fetch(api, files + path)
        assert answer.status == 404, path
        assert b"secret" not in answer.body.replace(b"out/secret.txt", b"")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_what_cannot_be_shown_is_said_before_it_is(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    for path in ("nothing.html", "my site", "../log.jsonl", ""):
        answer = await api.post(f"/chats/{chat}/previews", {"path": path})
        assert answer.status == 404, path
        assert answer.json["hint"]


async def test_a_made_up_token_opens_nothing(api: Api) -> None:
    for kind in ("frame", "files"):
        answer = await fetch(api, f"/preview/made-up/{kind}/index.html")
        assert answer.status == 404
        assert b"ended" in answer.body


async def test_with_the_chat_goes_its_preview(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    await api("DELETE", f"/chats/{chat}")
    assert (await fetch(api, frame_path.replace("/frame/", "/files/"))).status == 404


async def test_a_host_that_is_none_does_not_reach_the_policy(api: Api, data_dir: Path) -> None:
    chat, _ = await chat_with_pages(api, data_dir)
    frame_path = await open_preview(api, chat, "my site/index.html")
    for host in ("x;script-src *", "x y", "x/*", "'self'"):
        answer = await fetch(api, frame_path, Host=host)
        assert answer.status == 400, host
        assert "script-src" not in answer.headers.get("Content-Security-Policy", "")


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.png", "image/png"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
async def test_a_file_has_the_type_of_its_name(
    api: Api, data_dir: Path, name: str, type: str
) -> None:
    chat, folder = await chat_with_pages(api, data_dir)
    (folder / name).write_bytes(b"{}")
    path = (await open_preview(api, chat, name)).replace("/frame/", "/files/")
    assert (await fetch(api, path)).headers["Content-Type"] == type


class TestBehindAProxyAndUnderAnAdministratorsHeaders:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ServerApp.trust_xheaders = True
        jp_server_config.ServerApp.tornado_settings = {
            "headers": {"Content-Security-Policy": "frame-ancestors *", "X-Theirs": "1"}
        }
        return jp_server_config

    async def test_the_policy_names_the_address_that_the_browser_sees(
        self, api: Api, data_dir: Path, http_server: Any
    ) -> None:
        http_server.xheaders = True  # as the server itself does for trust_xheaders
        chat, _ = await chat_with_pages(api, data_dir)
        path = (await open_preview(api, chat, "my site/index.html")).replace("/frame/", "/files/")
        answer = await fetch(api, path, Host="hub.example", **{"X-Forwarded-Proto": "https"})
        files = f"{api.base_url}api/chatide{path.partition('my%20site')[0]}"
        base = f"https://hub.example{files}"
        assert answer.headers["Content-Security-Policy"] == KEPT_IN.format(base=base)


async def test_a_page_of_a_deleted_chat_is_shown_no_more(api: Api, data_dir: Path) -> None:
    chat, folder = await chat_with_pages(api, data_dir)
    frame = await open_preview(api, chat, "my site/index.html")
    assert (await fetch(api, frame)).status == 200
    assert (await api("DELETE", f"/chats/{chat}")).status == 204
    (folder / "my site").mkdir(parents=True)
    (folder / "my site" / "index.html").write_text(PAGE, encoding="utf-8")
    assert (await fetch(api, frame)).status == 404
