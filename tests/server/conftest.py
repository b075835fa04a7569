"""A real Jupyter server with the extension, and a client that holds every answer to the API's
description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect
from traitlets.config import Config

from tests.fakes.provider import FakeProvider

from .description import Description


@pytest.fixture(scope="session")
def description() -> Description:
    return Description.load()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "chatide"


@pytest.fixture
def jp_server_config(data_dir: Path) -> Config:
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"jupyter_chatide": True}},
            "ChatIDEExtension": {"data_dir": str(data_dir)},
        }
    )


@pytest.fixture
def jp_environ(jp_environ: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter's folders of this test alone, and no provider's key."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


class Answer:
    """An answer of the server."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.code
        self.headers = response.headers
        self.body = response.body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A client of the API; each answer is held to ``openapi.yaml``.

    Args:
        fetch: pytest-jupyter's ``jp_fetch``.
        origin: the server's scheme, host and port.
        base_url: the server's base URL.
        token: the server's token.
    """

    def __init__(
        self, fetch: Any, origin: str, base_url: str, token: str, description: Description
    ) -> None:
        self.fetch = fetch
        self._description = description
        self.origin = origin
        self.base_url = base_url
        self.token = token
        self.seen: list[Answer] = []
        self.streams: list[EventStream] = []

    async def __call__(
        self, method: str, path: str, body: Any = None, *, checked: bool = True, **kwargs: Any
    ) -> Answer:
        """Ask ``method`` of ``path`` (below ``api/chatide``), with ``body`` as JSON or bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        path, _, query = path.partition("?")
        params = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        response = await self.fetch(
            "api/chatide" + path,
            method=method,
            body=data,
            params=params,
            raise_error=False,
            allow_nonstandard_methods=True,
            **kwargs,
        )
        answer = Answer(response)
        self.seen.append(answer)
        if checked:
            self._description.check(method, path, answer.status, answer.headers, answer.body)
        return answer

    async def get(self, path: str, **kwargs: Any) -> Answer:
        return await self("GET", path, **kwargs)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        return await self("POST", path, body, **kwargs)

    async def new_chat(self, title: str = "") -> str:
        return str((await self.post("/chats", {"title": title})).json["id"])

    async def use(self, provider: FakeProvider, key: str = "") -> str:
        """Point the OpenAI-compatible provider at a fake one; returns a model of it."""
        body = {"base_url": provider.base_url} | ({"key": key} if key else {})
        answer = await self("PUT", "/keys/openai-compatible", body)
        assert answer.status == 200, answer.body
        return "openai-compatible/fake-model"

    async def ask(self, chat: str, prompt: str, model: str = "demo/demo", **more: str) -> str:
        """Start a turn; returns its id."""
        body = {"prompt": prompt, "model": model, **more}
        answer = await self.post(f"/chats/{chat}/turns", body)
        assert answer.status == 201, answer.body
        return str(answer.json["turn"])

    async def events(self, chat: str, after: int = 0, **headers: str) -> EventStream:
        """Open the WebSocket of a chat's events."""
        url = f"{self.origin.replace('http', 'ws')}{self.base_url}api/chatide/chats/{chat}/events"
        request = HTTPRequest(
            f"{url}?after={after}", headers={"Authorization": f"token {self.token}", **headers}
        )
        stream = EventStream(await websocket_connect(request), self._description)
        self.streams.append(stream)
        return stream

    async def log(self, chat: str, after: int = 0) -> list[dict[str, Any]]:
        """The chat's log by a plain GET."""
        answer = await self.get(f"/chats/{chat}/events?after={after}")
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.splitlines()]


class EventStream:
    """A reader of a chat's events over a WebSocket."""

    def __init__(self, socket: WebSocketClientConnection, description: Description) -> None:
        self.socket = socket
        self._description = description
        self.events: list[dict[str, Any]] = []

    async def batch(self) -> list[dict[str, Any]] | None:
        """The next message's events; ``None`` when the server closed the stream."""
        message = await self.socket.read_message()
        if message is None:
            return None
        batch = json.loads(message)
        self._description.check_schema("EventBatch", batch)
        self.events += batch["events"]
        return list(batch["events"])

    async def until(self, type: str) -> dict[str, Any]:
        """Read on until an event of this type comes."""
        while True:
            batch = await self.batch()
            assert batch is not None, f"the stream ended before {type}"
            for event in batch:
                if event["type"] == type:
                    return event

    @property
    def last(self) -> int:
        return int(self.events[-1]["n"]) if self.events else 0

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def api(
    jp_fetch: Any,
    jp_serverapp: Any,
    jp_base_url: str,
    jp_http_port: int,
    description: Description,
) -> Iterator[Api]:
    token = jp_serverapp.identity_provider.token
    api = Api(jp_fetch, f"http://127.0.0.1:{jp_http_port}", jp_base_url, token, description)
    yield api
    for stream in api.streams:
        stream.close()


def reply_text(events: list[dict[str, Any]]) -> str:
    """What the model said, outside actions."""
    return "".join(event["text"] for event in events if event["type"] == "reply_text")
