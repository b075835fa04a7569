"""The endpoint: who gets in, who does not, how much, and when that ends."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from traitlets.config import Config

from jupyter_chatide.gateway.endpoint.tokens import EndpointTokens
from tests.fakes.provider import HOLD, FakeProvider

from .conftest import Answer, Api
from .description import Description

MODEL = "openai-compatible/fake-model"
COMPLETIONS = "/v1/chat/completions"


class Endpoint:
    """The endpoint of the server, and a token for it."""

    def __init__(self, api: Api, description: Description) -> None:
        self.api = api
        self.token = ""
        self.id = ""
        self._description = description

    async def open(self, **token: Any) -> Endpoint:
        """Switch it on, and make a token."""
        assert (await self.api("PATCH", "/endpoint", {"enabled": True})).json["enabled"]
        made = await self.api.post("/endpoint/tokens", {"label": "A program", **token})
        assert made.status == 201, made.body
        self.token, self.id = made.json["token"], made.json["info"]["id"]
        return self

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask with the token, and hold the answer to the description."""
        data = None if method == "GET" else json.dumps(body or {}).encode()
        response = await self.fetch(method, path, data, **headers)
        answer = Answer(response)
        self._description.check(method, path, answer.status, answer.headers, answer.body)
        return answer

    async def fetch(
        self, method: str, path: str, body: bytes | None, **headers: str
    ) -> HTTPResponse:
        """Ask with the token."""
        return await AsyncHTTPClient().fetch(
            HTTPRequest(
                f"{self.api.origin}{self.api.base_url}api/chatide{path}",
                method,
                {"Authorization": f"Bearer {self.token}"}
                | {name.replace("_", "-"): value for name, value in headers.items()},
                body,
                follow_redirects=False,
            ),
            raise_error=False,
        )

    async def ask(self, model: str = MODEL, **fields: Any) -> Answer:
        """Ask a model."""
        return await self("POST", COMPLETIONS, question(model, **fields))


def question(model: str = MODEL, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}


@pytest.fixture
def endpoint(api: Api, description: Description) -> Endpoint:
    return Endpoint(api, description)


async def test_it_is_off_until_somebody_switches_it_on(endpoint: Endpoint, api: Api) -> None:
    status = (await api.get("/endpoint")).json
    assert (status["allowed"], status["enabled"], status["tokens"]) == (True, False, [])
    assert status["url"] == f"{api.base_url}api/chatide/v1"
    made = await api.post("/endpoint/tokens", {"label": "Early"})
    endpoint.token = made.json["token"]
    for method, path in (("GET", "/v1/models"), ("POST", COMPLETIONS)):
        answer = await endpoint(method, path)
        assert answer.status == 403
        assert answer.json["error"]["code"] == "endpoint_off"
        assert "Models and keys → Endpoint" in answer.json["error"]["message"]
    await api("PATCH", "/endpoint", {"enabled": True})
    assert (await endpoint("GET", "/v1/models")).status == 200
    await api("PATCH", "/endpoint", {"enabled": False})
    assert (await endpoint("GET", "/v1/models")).status == 403


class TestAnAdministratorWhoForbidsIt:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.endpoint_allowed = False
        return jp_server_config

    async def test_it_cannot_be_switched_on(self, endpoint: Endpoint, api: Api) -> None:
        refused = await api("PATCH", "/endpoint", {"enabled": True})
        assert refused.status == 403
        assert refused.json["code"] == "endpoint_off"
        assert not (await api.get("/endpoint")).json["allowed"]
        assert (await endpoint("GET", "/v1/models")).status == 403


async def test_a_token_is_shown_once_and_kept_as_a_hash(
    endpoint: Endpoint, api: Api, data_dir: Path
) -> None:
    await endpoint.open(budget_tokens=1000, budget_cost=0.5, period="month", days=1)
    (listed,) = (await api.get("/endpoint")).json["tokens"]
    assert listed["label"] == "A program"
    assert (listed["budget_tokens"], listed["budget_cost"]) == (1000, 0.5)
    assert (listed["period"], listed["spent_tokens"]) == ("month", 0)
    assert listed["expires"] - listed["created"] == pytest.approx(86_400, abs=5)
    assert listed["last_used"] is None
    await endpoint("GET", "/v1/models")
    answer = await api.get("/endpoint")
    assert answer.json["tokens"][0]["last_used"] is not None
    assert endpoint.token not in answer.body.decode()
    file = data_dir / "endpoint_tokens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    for path in data_dir.rglob("*"):
        assert not path.is_file() or endpoint.token.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic {token}", "token {token}", "Bearer {token}x"],
)
async def test_nothing_but_the_token_opens_it(endpoint: Endpoint, authorization: str) -> None:
    await endpoint.open()
    authorization = authorization.format(token=endpoint.token)
    answer = await endpoint("GET", "/v1/models", Authorization=authorization)
    assert answer.status == 401
    assert answer.json["error"]["code"] == "invalid_api_key"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_jupyters_own_token_and_cookie_do_not_open_it(endpoint: Endpoint, api: Api) -> None:
    await endpoint.open()
    for scheme in ("Bearer", "token"):
        answer = await endpoint("GET", "/v1/models", Authorization=f"{scheme} {api.token}")
        assert answer.status == 401
    login = await api.fetch(
        "login",
        params={"token": api.token},
        headers={"Authorization": "none"},
        follow_redirects=False,
        raise_error=False,
    )
    cookies = "; ".join(header.partition(";")[0] for header in login.headers.get_list("Set-Cookie"))
    assert cookies
    answer = await endpoint("GET", "/v1/models", Authorization="", Cookie=cookies)
    assert answer.status == 401
    response = await endpoint.fetch("GET", f"/v1/models?token={api.token}", None, Authorization="")
    assert response.code == 401
    assert "Set-Cookie" not in response.headers


async def test_a_token_of_it_opens_nothing_else(endpoint: Endpoint, api: Api) -> None:
    await endpoint.open()
    for path in ("/chats", "/providers", "/endpoint", "/preferences", "/usage", "/sandbox"):
        for scheme in ("Bearer", "token"):
            answer = Answer(
                await endpoint.fetch("GET", path, None, Authorization=f"{scheme} {endpoint.token}")
            )
            assert answer.status == 403, path
    for path in ("/api/kernels", "/api/contents", "/api/sessions", "/api/terminals"):
        response = await AsyncHTTPClient().fetch(
            f"{api.origin}{api.base_url.rstrip('/')}{path}",
            headers={"Authorization": f"token {endpoint.token}"},
            raise_error=False,
            follow_redirects=False,
        )
        assert response.code in (302, 403), path


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/embeddings", "/v1/../chats", "/v1//models"])
async def test_every_other_path_below_it_is_an_error_of_openais(
    endpoint: Endpoint, path: str
) -> None:
    await endpoint.open()
    for method, body in (("GET", None), ("POST", b"{}")):
        response = await endpoint.fetch(method, path, body)
        assert response.code in (404, 403), path
        assert b"chats" not in response.body.replace(path.encode(), b"")
        response = await endpoint.fetch(method, path, body, Authorization="")
        assert response.code in (401, 403), path


async def test_a_page_of_another_origin_is_not_answered(endpoint: Endpoint) -> None:
    await endpoint.open()
    response = await endpoint.fetch("GET", "/v1/models", None, Origin="http://evil.example")
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    preflight = await endpoint.fetch(
        "OPTIONS",
        COMPLETIONS,
        None,
        Origin="http://evil.example",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization",
        Authorization="",
    )
    assert preflight.code == 401
    assert not [name for name in preflight.headers if name.startswith("Access-Control")]


class TestAServerThatLetsAllOriginsIn:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ServerApp.allow_origin = "*"
        return jp_server_config

    async def test_does_not_let_them_into_the_endpoint(self, endpoint: Endpoint) -> None:
        await test_a_page_of_another_origin_is_not_answered(endpoint)


async def test_a_name_that_was_rebound_to_this_machine_is_refused(endpoint: Endpoint) -> None:
    await endpoint.open()
    response = await endpoint.fetch("GET", "/v1/models", None, Host="evil.example:8888")
    assert response.code == 403
    assert json.loads(response.body)["error"]["message"]


async def test_a_revoked_token_ends_what_runs_with_it_at_once(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open()
    provider.reply("first", HOLD, "never")
    asking = asyncio.ensure_future(endpoint.ask(stream=True))
    (request,) = await asyncio.to_thread(provider.wait_for_requests, 1)
    await asyncio.sleep(0.2)  # the first text is on its way
    assert (await api("DELETE", f"/endpoint/tokens/{endpoint.id}")).status == 204
    answer = await asyncio.wait_for(asking, 5)
    *_, last = answer.body.decode().strip().split("\n\n")
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "invalid_api_key"
    assert "[DONE]" not in answer.body.decode()
    assert await asyncio.to_thread(request.wait_left)
    assert (await endpoint("GET", "/v1/models")).status == 401
    assert (await api("DELETE", f"/endpoint/tokens/{endpoint.id}")).status == 404


async def test_a_revoked_token_ends_what_nobody_reads(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open()
    provider.reply(*["w" * 90_000] * 100, HOLD, "never")  # more than sockets hold
    body = json.dumps(question(stream=True))
    place = urlsplit(api.origin)
    with socket.create_connection((place.hostname, place.port)) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = [
            f"POST {api.base_url}api/chatide{COMPLETIONS} HTTP/1.1",
            f"Host: {place.netloc}",
            f"Authorization: Bearer {endpoint.token}",
            f"Content-Length: {len(body)}",
        ]
        reader.sendall("\r\n".join([*head, "", body]).encode())
        (request,) = await asyncio.to_thread(provider.wait_for_requests, 1)
        await asyncio.sleep(1.0)  # by now the answer waits for its reader
        assert (await api("DELETE", f"/endpoint/tokens/{endpoint.id}")).status == 204
        assert await asyncio.to_thread(request.wait_left)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_a_token_that_another_process_revokes_ends_too(
    endpoint: Endpoint, api: Api, provider: FakeProvider, data_dir: Path, stream: bool
) -> None:
    await api.use(provider)
    await endpoint.open()
    provider.reply("first", HOLD, "never")
    asking = asyncio.ensure_future(endpoint.ask(stream=stream))
    (request,) = await asyncio.to_thread(provider.wait_for_requests, 1)
    EndpointTokens(data_dir).revoke(endpoint.id)
    answer = await asyncio.wait_for(asking, 10)
    assert "revoked" in answer.body.decode()
    assert answer.status == 200 if stream else 401
    assert await asyncio.to_thread(request.wait_left)


async def test_switching_it_off_ends_what_runs(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open()
    provider.reply("first", HOLD, "never")
    asking = asyncio.ensure_future(endpoint.ask())
    await asyncio.to_thread(provider.wait_for_requests, 1)
    await api("PATCH", "/endpoint", {"enabled": False})
    answer = await asyncio.wait_for(asking, 5)
    assert (answer.status, answer.json["error"]["code"]) == (403, "endpoint_off")


async def test_a_token_expires(endpoint: Endpoint, api: Api, provider: FakeProvider) -> None:
    await api.use(provider)
    await endpoint.open(days=1.5 / 86_400)
    provider.reply("first", HOLD, "never")
    answer = await asyncio.wait_for(endpoint.ask(stream=True), 10)  # in the middle of an answer
    assert "expired" in answer.body.decode()
    assert (await endpoint("GET", "/v1/models")).status == 401
    assert (await api.get("/endpoint")).json["tokens"] == []


async def test_what_a_token_spent_is_no_nought_where_the_price_is_unknown(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open()
    (before,) = (await api.get("/endpoint")).json["tokens"]
    assert before["spent_cost"] == 0
    provider.reply("Hello", usage=(7, 5))
    assert (await endpoint.ask()).status == 200
    (after,) = (await api.get("/endpoint")).json["tokens"]
    assert (after["spent_tokens"], after["spent_cost"]) == (12, None)


async def test_a_budget_of_tokens_ends_a_token(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open(budget_tokens=20)
    other = await Endpoint(api, endpoint._description).open()
    provider.otherwise("Hello")
    assert (await endpoint.ask()).status == 200  # 18 of 20 tokens
    assert (await endpoint.ask()).status == 200  # asked while some were left
    refused = await endpoint.ask()
    assert refused.status == 429
    assert refused.json["error"]["code"] == "insufficient_quota"
    assert refused.headers["x-should-retry"] == "false"
    assert "36" in refused.json["error"]["message"]
    listed = {token["id"]: token for token in (await api.get("/endpoint")).json["tokens"]}
    assert listed[endpoint.id]["spent_tokens"] == 36
    assert listed[other.id]["spent_tokens"] == 0
    assert (await other.ask()).status == 200
    assert (await api.get("/usage")).json["totals"]["requests"] == 3


class TestAServerWithFewStreams:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.endpoint_streams = 2
        return jp_server_config

    async def test_one_token_has_no_more_than_its_share(
        self, endpoint: Endpoint, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        await endpoint.open()
        other = await Endpoint(api, endpoint._description).open()
        provider.otherwise("first", HOLD, "second")
        asking = [asyncio.ensure_future(endpoint.ask()) for _ in range(2)]
        await asyncio.to_thread(provider.wait_for_requests, 2)
        refused = await endpoint.ask()
        assert refused.status == 429
        assert refused.json["error"]["code"] == "rate_limit_exceeded"
        assert refused.headers["Retry-After"] == "1"
        asking.append(asyncio.ensure_future(other.ask()))
        await asyncio.to_thread(provider.wait_for_requests, 3)
        for _ in asking:
            provider.release()
        assert [(await answer).status for answer in asking] == [200, 200, 200]
        again = asyncio.ensure_future(endpoint.ask())
        await asyncio.to_thread(provider.wait_for_requests, 4)
        provider.release()
        assert (await again).status == 200


class TestAPolicy:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.allowed_models = ["demo"]
        return jp_server_config

    async def test_holds_here_too(
        self, endpoint: Endpoint, api: Api, provider: FakeProvider
    ) -> None:
        await api.use(provider)
        await endpoint.open()
        refused = await endpoint.ask()
        assert (refused.status, refused.json["error"]["code"]) == (403, "policy")
        assert provider.chats == []
        listed = (await endpoint("GET", "/v1/models")).json["data"]
        assert [model["id"] for model in listed] == ["demo/demo"]
        assert (await endpoint("GET", f"/v1/models/{MODEL}")).status == 403


async def test_a_silent_model_is_bridged_by_comments(
    endpoint: Endpoint, api: Api, provider: FakeProvider, jp_serverapp: Any
) -> None:
    from jupyter_chatide.server.v1_handlers import CompletionsHandler

    await api.use(provider)
    await endpoint.open()
    route = (f"{api.base_url}impatient", CompletionsHandler, {"keepalive": 0.05})
    jp_serverapp.web_app.add_handlers(".*$", [route])
    provider.reply(0.3, "first", 0.3, "second")
    response = await AsyncHTTPClient().fetch(
        f"{api.origin}{api.base_url}impatient",
        method="POST",
        headers={"Authorization": f"Bearer {endpoint.token}"},
        body=json.dumps(question(stream=True)),
    )
    body = response.body.decode()
    assert body.count(": still here\n\n") >= 2
    assert body.endswith("data: [DONE]\n\n")


async def test_a_model_is_told_of_by_its_name(
    endpoint: Endpoint, api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    await endpoint.open()
    for path in (MODEL, MODEL.replace("/", "%2F")):
        answer = await endpoint("GET", f"/v1/models/{path}")
        assert answer.json == {
            "id": MODEL,
            "object": "model",
            "created": 0,
            "owned_by": "openai-compatible",
        }
    for path in ("gpt", "nobody/gpt", "openai-compatible/gpt", "/", "%2e%2e/chats"):
        answer = await endpoint("GET", f"/v1/models/{path}")
        assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found"), path


async def test_a_body_that_is_none_is_refused(endpoint: Endpoint) -> None:
    await endpoint.open()
    for body in (b"", b"{oops", b"[]", b"null", b"\xff", b'{"model": 1}', b"[" * 100_000):
        response = await endpoint.fetch("POST", COMPLETIONS, body)
        assert response.code == 400, body[:20]
        assert json.loads(response.body)["error"]["type"] == "invalid_request_error"
    response = await endpoint.fetch("POST", COMPLETIONS, b" " * 20_000_001)
    assert response.code == 413


async def test_a_token_is_in_no_log_and_no_answer(
    endpoint: Endpoint, api: Api, provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await api.use(provider)
        await endpoint.open()
        caplog.clear()  # the answer that gives the token is the test client's own
        for status in (401, 500):
            for _ in range(3):
                provider.refuse(status)
        for _ in range(2):
            await endpoint.ask()
        provider.otherwise("Hello")
        await endpoint.ask(stream=True)
        await endpoint.ask(unknown=1)
        await endpoint("GET", "/v1/models")
        await endpoint.fetch("GET", "/v1/nowhere", None)
        await api.get("/endpoint")
        await api("DELETE", f"/endpoint/tokens/{endpoint.id}")
        await endpoint("GET", "/v1/models")
    assert "v1/chat/completions" in caplog.text
    assert endpoint.token not in caplog.text
    for answer in api.seen:
        if b'"token"' not in answer.body:
            assert endpoint.token.encode() not in answer.body
