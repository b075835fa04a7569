"""Unmodified clients of OpenAI's API against the endpoint of a real Jupyter server."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fakes.provider import CUT, HOLD, Call, FakeProvider, Reasoning

from .process import JupyterProcess

PROVIDER_KEY = "sk-canary-1f2e3d4c5b6a79880123456789"
MODEL = "openai-compatible/fake-model"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = Call("weather", '{"city": ', '"Oslo"}', id="call_1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    server = JupyterProcess(tmp_path_factory.mktemp("server"), base_url="/user/me/")
    server.start()
    try:
        server.api("PATCH", "endpoint", {"enabled": True})
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def token(server: JupyterProcess) -> str:
    return str(server.api("POST", "endpoint/tokens", {"label": "these tests"})["token"])


@pytest.fixture
def provider(server: JupyterProcess) -> Iterator[FakeProvider]:
    with FakeProvider(key=PROVIDER_KEY) as provider:
        address = {"key": PROVIDER_KEY, "base_url": provider.base_url}
        server.api("PUT", "keys/openai-compatible", address)
        yield provider


def url(server: JupyterProcess) -> str:
    return f"{server.url}api/chatide/v1"


@pytest.fixture
def client(server: JupyterProcess, token: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url(server), api_key=token, max_retries=0) as client:
        yield client


class TestOpenAI:
    def test_an_answer_in_one_piece(self, client: openai.OpenAI, provider: FakeProvider) -> None:
        provider.reply(Reasoning("Hm."), "Hello, ", "world")
        answer = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0.3)
        assert answer.choices[0].message.content == "Hello, world"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.model == MODEL
        assert answer.usage is not None and answer.usage.total_tokens == 18
        assert provider.chats[0].key == PROVIDER_KEY
        assert provider.chats[0].json["temperature"] == 0.3

    def test_a_stream_comes_as_it_is_written(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        provider.reply("first", HOLD, " second")
        with client.chat.completions.create(
            model=MODEL,
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            text, usage = "", None
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    text += chunk.choices[0].delta.content
                if text == "first":
                    provider.release()
                usage = chunk.usage or usage
        assert text == "first second"
        assert usage is not None and (usage.prompt_tokens, usage.completion_tokens) == (7, 11)

    def test_leaving_a_stream_closes_the_call_to_the_provider(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        provider.reply("first", HOLD, "never")
        with client.chat.completions.create(model=MODEL, messages=HELLO, stream=True) as stream:
            next(iter(stream))
        assert provider.chats[0].wait_left()

    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
    def test_a_tool_is_called_and_answered(
        self, client: openai.OpenAI, provider: FakeProvider, streamed: bool
    ) -> None:
        provider.reply(CALL)
        asked: list[Any] = [{"role": "user", "content": "Weather in Oslo?"}]
        if streamed:
            with client.chat.completions.stream(
                model=MODEL, messages=asked, tools=[WEATHER]
            ) as stream:
                message = stream.get_final_completion().choices[0].message
        else:
            answer = client.chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER])
            assert answer.choices[0].finish_reason == "tool_calls"
            message = answer.choices[0].message
        (call,) = message.tool_calls or []
        assert call.type == "function"
        assert (call.id, call.function.name) == ("call_1", "weather")
        assert json.loads(call.function.arguments) == {"city": "Oslo"}

        asked += [
            message.model_dump(exclude_unset=not streamed),
            {"role": "tool", "tool_call_id": call.id, "content": "4 °C"},
        ]
        for extra in ("parsed", "parsed_arguments"):  # of the SDK's own, not of the API
            asked[1].pop(extra, None)
            for made in asked[1]["tool_calls"]:
                made["function"].pop(extra, None)
        provider.reply("It is 4 °C.")
        answer = client.chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER])
        assert answer.choices[0].message.content == "It is 4 °C."
        told = provider.chats[1].json["messages"]
        assert told[1]["tool_calls"][0]["function"]["name"] == "weather"
        assert told[2] == {"role": "tool", "tool_call_id": "call_1", "content": "4 °C"}

    def test_an_image_arrives(self, client: openai.OpenAI, provider: FakeProvider) -> None:
        provider.reply("A pixel.")
        parts: Any = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
        ]
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
        assert provider.images(provider.chats[0]) == [PNG]

    def test_an_image_elsewhere_is_not_fetched(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        parts: Any = [{"type": "image_url", "image_url": {"url": f"{provider.origin}/a.png"}}]
        with pytest.raises(openai.BadRequestError, match="not fetched") as refused:
            client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": parts}]
            )
        assert refused.value.param == "messages[0].content[0].image_url.url"
        assert provider.requests == []

    def test_a_response_format_is_passed_on(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        class City(openai.BaseModel):
            name: str

        provider.reply('{"name": ', '"Oslo"}')
        answer = client.chat.completions.parse(
            model=MODEL, messages=HELLO, response_format=City, max_completion_tokens=50
        )
        assert answer.choices[0].message.parsed == City(name="Oslo")
        asked = provider.chats[0].json
        assert asked["response_format"]["json_schema"]["name"] == "City"
        assert asked["response_format"]["json_schema"]["schema"]["required"] == ["name"]

    def test_the_models_are_listed(self, client: openai.OpenAI, provider: FakeProvider) -> None:
        listed = {model.id for model in client.models.list()}
        assert {MODEL, "demo/demo"} <= listed
        assert client.models.retrieve(MODEL).owned_by == "openai-compatible"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("openai-compatible/another")

    def test_default_names_the_default_model(
        self, server: JupyterProcess, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        server.api("PATCH", "preferences", {"default_model": MODEL})
        provider.reply("I am the default.")
        answer = client.chat.completions.create(model="default", messages=HELLO)
        assert answer.model == MODEL
        server.api("PATCH", "preferences", {"default_model": ""})

    def test_a_wrong_token_is_an_authentication_error(self, server: JupyterProcess) -> None:
        for wrong in ("chatide-wrong", "x" * 5000):
            with (
                openai.OpenAI(base_url=url(server), api_key=wrong, max_retries=0) as client,
                pytest.raises(openai.AuthenticationError) as refused,
            ):
                client.models.list()
            assert refused.value.code == "invalid_api_key"

    @pytest.mark.parametrize(
        ("model", "kind"),
        [
            ("nobody/gpt", openai.NotFoundError),
            ("gpt-nameless", openai.BadRequestError),
            ("", openai.BadRequestError),
        ],
    )
    def test_a_model_that_is_not_there_is_said(
        self, client: openai.OpenAI, model: str, kind: type[openai.APIStatusError]
    ) -> None:
        with pytest.raises(kind) as refused:
            client.chat.completions.create(model=model, messages=HELLO)
        assert refused.value.param == "model"

    @pytest.mark.parametrize(
        ("status", "error", "kind", "code"),
        [
            (401, {"code": "invalid_api_key"}, openai.PermissionDeniedError, "provider_key"),
            (404, {"code": "model_not_found"}, openai.NotFoundError, "model_not_found"),
            (
                400,
                {"code": "context_length_exceeded"},
                openai.BadRequestError,
                "context_length_exceeded",
            ),
            (429, {"code": "insufficient_quota"}, openai.RateLimitError, "insufficient_quota"),
        ],
    )
    def test_what_the_provider_refuses_has_its_class(
        self,
        client: openai.OpenAI,
        provider: FakeProvider,
        status: int,
        error: dict[str, str],
        kind: type[openai.APIStatusError],
        code: str,
    ) -> None:
        provider.refuse(status, {"message": f"No: {PROVIDER_KEY}"} | error)
        with pytest.raises(kind) as refused:
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert refused.value.code == code
        assert PROVIDER_KEY not in str(refused.value)

    def test_a_rate_limit_is_said_with_the_time_to_wait(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        for _ in range(4):  # the gateway may ask again by itself
            provider.refuse(429, {"message": "slow down"}, retry_after=90)
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert int(refused.value.response.headers["Retry-After"]) > 20

    def test_a_reply_that_breaks_off_raises_in_mid_stream(
        self, client: openai.OpenAI, provider: FakeProvider
    ) -> None:
        provider.reply("Half an ans", CUT)
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        seen = ""
        with pytest.raises(openai.APIError) as failed:
            for chunk in stream:
                seen += chunk.choices[0].delta.content or ""
        assert seen == "Half an ans"
        assert failed.value.message

    def test_a_field_that_is_not_supported_is_named(self, client: openai.OpenAI) -> None:
        for fields, param in (
            ({"n": 2}, "n"),
            ({"logprobs": True}, "logprobs"),
            ({"extra_body": {"top_k": 3}}, "top_k"),
            ({"temperature": 9.0}, "temperature"),
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                client.chat.completions.create(model=MODEL, messages=HELLO, **fields)  # type: ignore[call-overload]
            assert refused.value.param == param

    async def test_the_asynchronous_client_streams(
        self, server: JupyterProcess, token: str, provider: FakeProvider
    ) -> None:
        provider.reply("Hello, ", "world")
        async with openai.AsyncOpenAI(base_url=url(server), api_key=token) as client:
            stream = await client.chat.completions.create(
                model=MODEL, messages=HELLO, stream=True, user="me", metadata={"a": "b"}
            )
            texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(texts) == "Hello, world"


_LANGCHAIN = """
import json, os, sys
import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

settings = dict(base_url=os.environ["URL"], model=os.environ["MODEL"], max_retries=0)
model = ChatOpenAI(api_key=os.environ["TOKEN"], stream_usage=True, **settings)
said = {}
said["text"] = model.invoke("Hello").content
chunks = list(model.stream("Hello"))
said["chunks"] = [chunk.content for chunk in chunks if chunk.content]
said["tokens"] = sum((c.usage_metadata or {}).get("total_tokens", 0) for c in chunks)

@tool
def weather(city: str) -> str:
    "The weather in a city."
    return "4 degrees"

messages = [HumanMessage("Weather in Oslo?")]
answer = model.bind_tools([weather]).invoke(messages)
said["call"] = answer.tool_calls[0]["args"]
messages += [answer, weather.invoke(answer.tool_calls[0])]
said["after"] = model.bind_tools([weather]).invoke(messages).content

class City(BaseModel):
    name: str

said["city"] = model.with_structured_output(City).invoke("Which?").name
by_call = model.with_structured_output(City, method="function_calling")
said["called city"] = by_call.invoke("Which?").name
image = {"type": "image_url", "image_url": {"url": os.environ["IMAGE"]}}
said["image"] = model.invoke([HumanMessage([{"type": "text", "text": "?"}, image])]).content
try:
    ChatOpenAI(api_key="chatide-wrong", **settings).invoke("Hello")
except openai.AuthenticationError as error:
    said["wrong token"] = error.code
print(json.dumps(said))
"""

_LITELLM = """
import json, os
import litellm

settings = dict(
    model=f"openai/{os.environ['MODEL']}",
    api_base=os.environ["URL"],
    api_key=os.environ["TOKEN"],
    num_retries=0,
    max_retries=0,
)
hello = [{"role": "user", "content": "Hello"}]
said = {}
said["text"] = litellm.completion(messages=hello, **settings).choices[0].message.content
chunks = list(litellm.completion(
    messages=hello, stream=True, stream_options={"include_usage": True}, **settings
))
said["chunks"] = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
said["tokens"] = next(c.usage.total_tokens for c in chunks if getattr(c, "usage", None))
# Without the last one, litellm wants the mcp package as soon as there are tools.
tools = dict(tools=[json.loads(os.environ["TOOL"])], _skip_mcp_handler=True)
messages = [{"role": "user", "content": "Weather in Oslo?"}]
message = litellm.completion(messages=messages, **tools, **settings).choices[0].message
said["call"] = json.loads(message.tool_calls[0].function.arguments)
messages += [message, {
    "role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "4 degrees"
}]
said["after"] = litellm.completion(
    messages=messages, **tools, **settings
).choices[0].message.content
parts = [
    {"type": "text", "text": "?"},
    {"type": "image_url", "image_url": {"url": os.environ["IMAGE"]}},
]
said["image"] = litellm.completion(
    messages=[{"role": "user", "content": parts}], **settings
).choices[0].message.content
schema = {"type": "json_schema", "json_schema": {"name": "City", "schema": {"type": "object"}}}
said["city"] = litellm.completion(
    messages=hello, response_format=schema, **settings
).choices[0].message.content
try:
    litellm.completion(messages=hello, **(settings | {"api_key": "chatide-wrong"}))
except litellm.AuthenticationError as error:
    said["wrong token"] = "AuthenticationError"
try:
    litellm.completion(messages=hello, **(settings | {"model": "openai/nobody/gpt"}))
except litellm.NotFoundError as error:
    said["unknown model"] = "NotFoundError"
print(json.dumps(said))
"""


def run(
    command: list[str], server: JupyterProcess, token: str, folder: Path, **environ: str
) -> str:
    """Run a client in a process of its own; returns what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180,
        cwd=folder,
        env=clean
        | {
            "URL": url(server),
            "TOKEN": token,
            "MODEL": MODEL,
            "IMAGE": PNG_URL,
            "TOOL": json.dumps(WEATHER),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "HOME": str(folder),
        }
        | environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_langchain(
    server: JupyterProcess, token: str, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Hello, world")
    provider.reply("Hello, ", "stream")
    provider.reply(CALL)
    provider.reply("It is 4 °C.")
    provider.reply('{"name": "Oslo"}')
    provider.reply(Call("City", '{"name": "Bergen"}', id="call_2"))
    provider.reply("A pixel.")
    said = json.loads(run([sys.executable, "-c", _LANGCHAIN], server, token, tmp_path))
    assert said == {
        "text": "Hello, world",
        "chunks": ["Hello, ", "stream"],
        "tokens": 18,
        "call": {"city": "Oslo"},
        "after": "It is 4 °C.",
        "city": "Oslo",
        "called city": "Bergen",
        "image": "A pixel.",
        "wrong token": "invalid_api_key",
    }
    assert provider.chats[3].json["messages"][2]["content"] == "4 degrees"
    assert provider.images(provider.chats[6]) == [PNG]


def test_litellm(
    server: JupyterProcess, token: str, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.reply("Hello, world")
    provider.reply("Hello, ", "stream")
    provider.reply(CALL)
    provider.reply("It is 4 °C.")
    provider.reply("A pixel.")
    provider.reply('{"name": "Oslo"}')
    said = json.loads(
        run([sys.executable, "-c", _LITELLM], server, token, tmp_path).splitlines()[-1]
    )
    assert said == {
        "text": "Hello, world",
        "chunks": ["Hello, ", "stream"],
        "tokens": 18,
        "call": {"city": "Oslo"},
        "after": "It is 4 °C.",
        "image": "A pixel.",
        "city": '{"name": "Oslo"}',
        "wrong token": "AuthenticationError",
        "unknown model": "NotFoundError",
    }
    assert provider.images(provider.chats[4]) == [PNG]


def test_llm(server: JupyterProcess, token: str, provider: FakeProvider, tmp_path: Path) -> None:
    folder = tmp_path / "llm"
    folder.mkdir()
    entry = {
        "model_id": "chatide",
        "model_name": MODEL,
        "api_base": url(server),
        "api_key_name": "chatide",
        "vision": True,
        "supports_schema": True,
        "supports_tools": True,
    }
    (folder / "extra-openai-models.yaml").write_text(json.dumps([entry]))  # JSON is YAML
    (folder / "keys.json").write_text(json.dumps({"chatide": token}))
    picture = tmp_path / "pixel.png"
    picture.write_bytes(PNG)
    environ = {"LLM_USER_PATH": str(folder), "LLM_LOAD_PLUGINS": ""}
    llm = [sys.executable, "-m", "llm", "-m", "chatide"]

    provider.reply("Hello, ", "stream")
    assert run([*llm, "Hello"], server, token, tmp_path, **environ) == "Hello, stream\n"
    assert provider.chats[0].json["stream"] is True

    provider.reply("Hello, world")
    assert run([*llm, "--no-stream", "Hello"], server, token, tmp_path, **environ) == (
        "Hello, world\n"
    )
    provider.reply("A pixel.")
    run([*llm, "-a", str(picture), "What is this?"], server, token, tmp_path, **environ)
    assert provider.images(provider.chats[2]) == [PNG]

    provider.reply('{"name": "Oslo"}')
    said = run([*llm, "--schema", "name, country", "A city"], server, token, tmp_path, **environ)
    assert json.loads(said) == {"name": "Oslo"}
    assert provider.chats[3].json["response_format"]["type"] == "json_schema"

    provider.reply(Call("weather", '{"city": "Oslo"}', id="call_1"))
    provider.reply("It is 4 °C.")
    function = "def weather(city: str) -> str:\n    return '4 degrees'"
    said = run([*llm, "--functions", function, "Weather?"], server, token, tmp_path, **environ)
    assert "It is 4 °C." in said
    assert provider.chats[5].json["messages"][-1]["content"] == "4 degrees"


def test_neither_token_nor_key_is_in_the_servers_log(server: JupyterProcess, token: str) -> None:
    log = server.log.read_text()
    assert "v1/chat/completions" in log  # the refusals of the tests above
    assert token not in log
    assert PROVIDER_KEY not in log
