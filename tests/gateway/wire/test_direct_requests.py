"""A request goes over the wire with all that it says."""

from __future__ import annotations

from base64 import b64encode

import pytest

from jupyter_chatide.gateway import (
    ChatMessage,
    LLMRequest,
    RequestRefusedError,
)
from jupyter_chatide.gateway.messages import (
    ImagePart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
)
from jupyter_chatide.gateway.wire.direct import DirectAdapter
from tests.fakes import FakeProvider, event

from ..asking import KEY, ask, question, target_for, text_of


async def test_the_request_is_what_was_asked(provider: FakeProvider) -> None:
    provider.reply("ok")
    messages = [ChatMessage("system", "Be kind."), ChatMessage("user", "Grüße 🌍")]
    await ask(provider.base_url, LLMRequest("fake", "some/model:7b", messages, temperature=0.25))
    (request,) = provider.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {
        "model": "some/model:7b",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Grüße 🌍"},
        ],
        "temperature": 0.25,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_a_server_that_refuses_to_count_tokens_is_asked_without(
    provider: FakeProvider,
) -> None:
    loc = {"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"]}
    provider.respond(422, event({"object": "error", "message": {"detail": [loc]}})[6:])
    provider.reply("ok", usage=None)
    provider.reply("again", usage=None)
    adapter, target = DirectAdapter(), target_for(provider.base_url)
    for expected in ("ok", "again"):
        assert text_of([d async for d in adapter.stream(target, question())]) == expected
    await adapter.aclose()
    asked = ["stream_options" in request.json for request in provider.requests]
    assert asked == [True, False, False]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


async def test_every_field_of_a_request_is_sent(provider: FakeProvider) -> None:
    provider.reply("ok")
    parameters = {"type": "object", "properties": {"x": {"type": "number"}}}
    schema = {"type": "object"}
    await ask(
        provider.base_url,
        LLMRequest(
            "fake",
            "m",
            [
                ChatMessage("user", [TextPart("What is it?"), ImagePart("image/png", PNG)]),
                ChatMessage("assistant", tool_calls=[ToolCall("call_1", "plot", '{"x":1}')]),
                ChatMessage("tool", "a line", tool_call_id="call_1"),
                ChatMessage("assistant", ""),
            ],
            temperature=0.0,
            max_tokens=100,
            top_p=0.9,
            stop=["END"],
            seed=0,
            tools=[Tool("plot", "Draws.", parameters, strict=True), Tool("sum")],
            tool_choice="plot",
            response_format=ResponseFormat("json_schema", "shape", schema, strict=True),
            reasoning_effort="low",
        ),
    )
    call = {"name": "plot", "arguments": '{"x":1}'}
    described = {"name": "plot", "description": "Draws.", "parameters": parameters, "strict": True}
    image = f"data:image/png;base64,{b64encode(PNG).decode()}"
    assert provider.images(provider.requests[0]) == [PNG]
    assert provider.requests[0].json == {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": image}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
            },
            {"role": "tool", "content": "a line", "tool_call_id": "call_1"},
            {"role": "assistant", "content": ""},
        ],
        "temperature": 0.0,
        "max_tokens": 100,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 0,
        "tools": [
            {"type": "function", "function": described},
            {
                "type": "function",
                "function": {"name": "sum", "parameters": {"type": "object", "properties": {}}},
            },
        ],
        "tool_choice": {"type": "function", "function": {"name": "plot"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "shape", "schema": schema, "strict": True},
        },
        "reasoning_effort": "low",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
async def test_the_choice_of_tools_may_be_left_to_the_model(
    provider: FakeProvider, choice: str
) -> None:
    provider.reply("ok")
    request = LLMRequest("fake", "m", [ChatMessage("user", "hi")], tool_choice=choice)
    await ask(provider.base_url, request)
    assert provider.requests[0].json["tool_choice"] == choice


async def test_json_may_be_asked_for_without_a_schema(provider: FakeProvider) -> None:
    provider.reply("{}")
    wanted = ResponseFormat("json_object")
    request = LLMRequest("fake", "m", [ChatMessage("user", "hi")], response_format=wanted)
    await ask(provider.base_url, request)
    assert provider.requests[0].json["response_format"] == {"type": "json_object"}


NO_MAX_TOKENS = {
    "message": "Unsupported parameter: 'max_tokens' is not supported with this model.",
    "type": "invalid_request_error",
    "param": "max_tokens",
    "code": "unsupported_parameter",
}


async def test_a_model_that_names_its_limit_otherwise_is_asked_so_from_then_on(
    provider: FakeProvider,
) -> None:
    provider.refuse(400, NO_MAX_TOKENS)
    for _ in range(3):
        provider.reply("ok")
    adapter, target = DirectAdapter(), target_for(provider.base_url)
    for model in ("new", "new", "old"):
        request = LLMRequest("fake", model, [ChatMessage("user", "hi")], max_tokens=50)
        assert text_of([d async for d in adapter.stream(target, request)]) == "ok"
    await adapter.aclose()
    limits = [
        {name: value for name, value in request.json.items() if name.startswith("max_")}
        for request in provider.requests
    ]
    new = {"max_completion_tokens": 50}
    assert limits == [{"max_tokens": 50}, new, new, {"max_tokens": 50}]


async def test_a_limit_that_is_refused_for_its_value_is_a_refusal(provider: FakeProvider) -> None:
    provider.refuse(400, {**NO_MAX_TOKENS, "code": "integer_above_max_value"})
    request = LLMRequest("fake", "m", [ChatMessage("user", "hi")], max_tokens=50)
    with pytest.raises(RequestRefusedError):
        await ask(provider.base_url, request)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("parameter", ["temperature", "seed", "reasoning_effort"])
async def test_a_parameter_that_a_model_does_not_take_is_named(
    provider: FakeProvider, parameter: str
) -> None:
    code = "unsupported_value" if parameter == "temperature" else "unsupported_parameter"
    provider.refuse(400, {"message": "no", "param": parameter, "code": code})
    with pytest.raises(RequestRefusedError) as caught:
        await ask(provider.base_url)
    assert parameter.partition("_")[0] in caught.value.hint
