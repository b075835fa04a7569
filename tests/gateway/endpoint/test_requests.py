"""What clients of OpenAI's API send, and what becomes of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway.endpoint.requests import (
    NO_EFFECT,
    ONLY_DEFAULT,
    CompletionRequest,
    model_of,
    read_completion,
)
from jupyter_chatide.gateway.messages import (
    ChatMessage,
    ImagePart,
    LLMRequest,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
)

USER = {"role": "user", "content": "Hi"}
PIXEL = base64.b64encode(b"GIF89a").decode()


def read(*messages: Any, **fields: Any) -> CompletionRequest:
    body = {"model": "openai/gpt", "messages": list(messages) or [USER], **fields}
    return read_completion(json.dumps(body).encode())


def refused(*messages: Any, **fields: Any) -> str:
    """The field that the message begins with."""
    with pytest.raises(InvalidRequestError) as error:
        read(*messages, **fields)
    assert error.value.hint
    return error.value.message.partition(":")[0]


def test_the_least() -> None:
    assert read() == CompletionRequest(
        "openai/gpt", LLMRequest("", "", [ChatMessage("user", "Hi")])
    )


def test_every_field_that_is_understood() -> None:
    completion = read(
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        stop="END",
        seed=2**53 + 1,
        reasoning_effort="low",
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        parallel_tool_calls=False,
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_object"},
        fallback=["a/b"],
    )
    assert completion.stream and completion.include_usage and completion.one_call
    assert completion.request == LLMRequest(
        "",
        "",
        [ChatMessage("user", "Hi")],
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        stop=["END"],
        seed=2**53 + 1,
        reasoning_effort="low",
        tools=[Tool("f", parameters={"type": "object"})],
        tool_choice="f",
        response_format=ResponseFormat("json_object"),
        fallback=["a/b"],
    )


def test_the_newer_name_of_the_longest_answer_wins() -> None:
    assert read(max_completion_tokens=5, max_tokens=9).request.max_tokens == 5


def test_stops_may_be_several() -> None:
    assert read(stop=["a", "b"]).request.stop == ["a", "b"]


def test_the_conversation_keeps_roles_tools_and_images() -> None:
    messages = read(
        {"role": "developer", "content": [{"type": "text", "text": "Be "}]},
        {
            "role": "user",
            "name": "me",
            "content": [
                {"type": "text", "text": "See"},
                {
                    "type": "image_url",
                    "image_url": {"url": f"data:image/jpg;x=y;base64,{PIXEL}", "detail": "low"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ).request.messages
    assert messages == [
        ChatMessage("system", "Be "),
        ChatMessage("user", [TextPart("See"), ImagePart("image/jpeg", b"GIF89a")]),
        ChatMessage("assistant", "", [ToolCall("c", "f", "{}")]),
        ChatMessage("tool", "4", tool_call_id="c"),
    ]


def test_parts_of_text_are_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read({"role": "user", "content": parts}).request.messages[0].content == "ab"


def test_a_schema_keeps_its_description() -> None:
    given = {"name": "City", "description": "A city.", "schema": {"type": "object"}, "strict": True}
    found = read(response_format={"type": "json_schema", "json_schema": given})
    schema = {"description": "A city.", "type": "object"}
    assert found.request.response_format == ResponseFormat("json_schema", "City", schema, True)


@pytest.mark.parametrize("field", sorted(NO_EFFECT))
def test_fields_that_change_no_answer_do_nothing(field: str) -> None:
    assert read(**{field: {"any": "thing"}}) == read()


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in ONLY_DEFAULT.items() for value in (*values, None)],
)
def test_a_default_that_is_spelled_out_is_none(field: str, value: Any) -> None:
    assert read(**{field: value}) == read()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("n", True),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -1),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("functions", []),
        ("function_call", "auto"),
        ("web_search_options", {}),
        ("verbosity", "low"),
        ("top_k", 5),
        ("stream", "yes"),
        ("stream_options.unknown", 1),
        ("temperature", "hot"),
        ("temperature", True),
        ("seed", 1.5),
        ("max_tokens", "many"),
        ("stop", [1]),
        ("stop", 1),
        ("tools", {}),
        ("tool_choice", "sometimes"),
        ("reasoning_effort", "xhigh"),
        ("fallback[0]", 1),
        ("response_format.type", "xml"),
        ("metadata2", {}),
    ],
)
def test_what_is_not_understood_is_named(field: str, value: Any) -> None:
    outer, dot, inner = field.partition(".")
    if field.endswith("[0]"):
        fields: dict[str, Any] = {field.removesuffix("[0]"): [value]}
    else:
        fields = {outer: {inner: value}} if dot else {outer: value}
    assert refused(**fields) == field


def test_null_is_absent() -> None:
    every = [*ONLY_DEFAULT, *NO_EFFECT, "temperature", "stop", "tools", "response_format", "stream"]
    assert read(**dict.fromkeys(every)) == read()


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("hi", "messages[0]"),
        ({"content": "x"}, "messages[0].role"),
        ({"role": "function", "content": "x"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": 3}, "messages[0].content"),
        ({"role": "user", "content": "x", "colour": 1}, "messages[0].colour"),
        ({"role": "user", "content": "x", "tool_calls": []}, "messages[0].tool_calls"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[0].content[0].type"),
        (
            {
                "role": "system",
                "content": [
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/gif;base64,{PIXEL}"},
                    }
                ],
            },
            "messages[0].content[0]",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom"}]},
            "messages[0].tool_calls[0].type",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_the_message_that_is_wrong_is_named(message: Any, field: str) -> None:
    assert refused(message) == field


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8888/api/kernels",
        "https://example.org/a.png",
        "file:///etc/passwd",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png,plain",
        "data:image/png;base64,",
        "data:image/png;base64,%%%%",
        "",
    ],
)
def test_an_image_is_data_or_refused(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    field = "messages[0].content[0].image_url.url"
    assert refused({"role": "user", "content": [part]}) == field


def test_models_are_named_with_their_provider() -> None:
    assert model_of("openrouter/meta/llama") == ("openrouter", "meta/llama")
    for name in ("gpt", "/gpt", "openai/", ""):
        with pytest.raises(InvalidRequestError, match=r"^model: "):
            model_of(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(
    [
        *("model", "messages", "role", "content", "type", "text", "image_url", "url", "tools"),
        *("function", "name", "parameters", "tool_calls", "tool_choice", "stop", "temperature"),
        *("response_format", "json_schema", "schema", "stream_options", "n", "seed", "fallback"),
    ]
)
LIKE_A_REQUEST = st.recursive(
    JSON | st.sampled_from(["user", "assistant", "tool", "text", "image_url", "function"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=30,
)


def _refused_or_read(body: bytes) -> None:
    try:
        read_completion(body)
    except InvalidRequestError as error:
        assert error.message.endswith(".") and error.hint


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _refused_or_read(body)


@given(st.dictionaries(FIELDS, LIKE_A_REQUEST, max_size=8))
def test_any_json_is_read_or_refused(body: dict[str, Any]) -> None:
    body = {"model": "a/b", "messages": [USER]} | body
    _refused_or_read(json.dumps(body).encode())


@given(FIELDS, LIKE_A_REQUEST)
def test_any_message_is_read_or_refused(field: str, value: Any) -> None:
    for role in ("user", "assistant", "tool"):
        message = {"role": role, "content": "x", "tool_call_id": "c", field: value}
        _refused_or_read(json.dumps({"model": "a/b", "messages": [message]}).encode())


@given(st.integers() | st.floats())
def test_any_number_is_read_or_refused(number: float) -> None:
    for field in ("temperature", "seed", "max_tokens", "n", "top_p"):
        body = json.dumps({"model": "a/b", "messages": [USER], field: number})
        _refused_or_read(body.encode())
