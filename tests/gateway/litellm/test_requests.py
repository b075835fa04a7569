"""What is asked reaches a provider in its own format, with all that the request says."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.messages import (
    ChatMessage,
    ImagePart,
    LLMRequest,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
)
from tests.gateway.asking import KEY, text_of

from .asking import Format, ask, question, target_at

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PARAMETERS = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}

FULL = LLMRequest(
    "fake",
    "m",
    [
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Draw."),
        ChatMessage("assistant", "I will.", [ToolCall("call_1", "plot", '{"x":1}')]),
        ChatMessage("tool", "a line", tool_call_id="call_1"),
        ChatMessage("user", "Again."),
    ],
    temperature=0.25,
    max_tokens=123,
    top_p=0.5,
    stop=["END"],
    tools=[Tool("plot", "Draws.", PARAMETERS)],
    tool_choice="required",
)


async def asked(adapter: LiteLLMAdapter, spoken: Format, request: LLMRequest) -> dict[str, Any]:
    """The body that reached the provider."""
    spoken.provider.reply("ok")
    assert text_of(await ask(adapter, spoken.target, request)) == "ok"
    (arrived,) = spoken.provider.chats
    assert arrived.key == KEY
    assert KEY not in arrived.path + arrived.query
    body: dict[str, Any] = arrived.json
    return body


async def test_openais_format_holds_the_whole_request(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    body = await asked(adapter, openai, FULL)
    call = {"name": "plot", "arguments": '{"x":1}'}
    assert body["messages"][2:4] == [
        {
            "role": "assistant",
            "content": "I will.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {"role": "tool", "content": "a line", "tool_call_id": "call_1"},
    ]
    assert body["tools"][0]["function"]["parameters"] == PARAMETERS
    fields = ("temperature", "max_tokens", "top_p", "stop", "tool_choice")
    assert [body[field] for field in fields] == [0.25, 123, 0.5, ["END"], "required"]


async def test_anthropics_format_holds_the_whole_request(
    adapter: LiteLLMAdapter, anthropic: Format
) -> None:
    body = await asked(adapter, anthropic, FULL)
    assert "Be brief." in str(body["system"])
    said = body["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "user"]
    assert {"type": "text", "text": "I will."} in said[1]["content"]
    (use,) = [block for block in said[1]["content"] if block["type"] == "tool_use"]
    assert (use["id"], use["name"], use["input"]) == ("call_1", "plot", {"x": 1})
    (result,) = [block for block in said[2]["content"] if block["type"] == "tool_result"]
    assert result["tool_use_id"] == "call_1" and "a line" in str(result["content"])
    assert (body["tools"][0]["name"], body["tools"][0]["input_schema"]["required"]) == (
        "plot",
        ["x"],
    )
    assert body["tool_choice"] == {"type": "any"}
    fields = ("temperature", "max_tokens", "top_p", "stop_sequences")
    assert [body[field] for field in fields] == [0.25, 123, 0.5, ["END"]]


async def test_googles_format_holds_the_whole_request(
    adapter: LiteLLMAdapter, gemini: Format
) -> None:
    body = await asked(adapter, gemini, FULL)
    text = str(body)
    assert "Be brief." in text and "a line" in text and "Again." in text
    parts = [part for content in body["contents"] for part in content["parts"]]
    (call,) = [part["function_call"] for part in parts if "function_call" in part]
    assert (call["name"], call["args"]) == ("plot", {"x": 1})
    assert any("function_response" in part for part in parts)
    assert body["tools"][0]["function_declarations"][0]["name"] == "plot"
    config = body["generationConfig"]
    fields = ("temperature", "max_output_tokens", "top_p", "stop_sequences")
    assert [config[field] for field in fields] == [0.25, 123, 0.5, ["END"]]


async def test_images_reach_the_provider(adapter: LiteLLMAdapter, spoken: Format) -> None:
    parts = [TextPart("What is it?"), ImagePart("image/png", PNG)]
    await asked(adapter, spoken, LLMRequest("fake", "m", [ChatMessage("user", list(parts))]))
    assert spoken.provider.images(spoken.provider.chats[0]) == [PNG]
    assert b"What is it?" in spoken.provider.chats[0].body


async def test_a_form_of_the_answer_can_be_asked_for(
    adapter: LiteLLMAdapter, openai: Format, gemini: Format
) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    wanted = ResponseFormat("json_schema", "person", schema)
    request = LLMRequest("fake", "m", [ChatMessage("user", "hi")], response_format=wanted)
    body = await asked(adapter, openai, request)
    assert body["response_format"]["json_schema"] == {"name": "person", "schema": schema}
    body = await asked(adapter, gemini, structs.replace(request, model="gemini-2.5-flash"))
    assert "age" in str(body["generationConfig"])


async def test_how_long_a_model_thinks_can_be_asked_for(
    adapter: LiteLLMAdapter, anthropic: Format, gemini: Format
) -> None:
    claude = LLMRequest(
        "fake", "claude-sonnet-4-5", [ChatMessage("user", "hi")], reasoning_effort="low"
    )
    assert (await asked(adapter, anthropic, claude))["thinking"]["type"] == "enabled"
    flash = LLMRequest(
        "fake", "gemini-2.5-flash", [ChatMessage("user", "hi")], reasoning_effort="low"
    )
    assert "thinkingConfig" in (await asked(adapter, gemini, flash))["generationConfig"]


async def test_a_model_without_a_temperature_is_asked_without(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    body = await asked(adapter, openai, question(model="o3-mini", temperature=0.3))
    assert "temperature" not in body


async def test_a_model_that_names_its_limit_otherwise_is_asked_so(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    limited = LLMRequest("fake", "o3-mini", [ChatMessage("user", "hi")], max_tokens=50)
    body = await asked(adapter, openai, limited)
    assert (body["max_completion_tokens"], body.get("max_tokens")) == (50, None)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/messages", "/"])
async def test_a_base_url_of_anthropics_may_carry_its_version(
    adapter: LiteLLMAdapter, anthropic: Format, path: str
) -> None:
    anthropic.provider.reply("ok")
    target = target_at(anthropic.provider.origin + path, "anthropic")
    assert text_of(await ask(adapter, target)) == "ok"
