"""A request that cannot be asked is refused by the field's name, before any provider hears."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_chatide.gateway import (
    DEFAULT_PROVIDERS,
    ChatMessage,
    InvalidRequestError,
    LLMRequest,
    ProviderConfiguration,
)
from jupyter_chatide.gateway import validation as rules
from jupyter_chatide.gateway.messages import ImagePart, ResponseFormat, TextPart, Tool, ToolCall
from jupyter_chatide.gateway.validation import RULES, image_type, validate

HI = ChatMessage("user", "hi")
ANSWER = ChatMessage("assistant", "")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
GIF = b"GIF89a" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBP" + b"\0" * 20
IMAGE = ImagePart("image/png", PNG)
CALL = ToolCall("c1", "look", "{}")
OTHER_CALL = ToolCall("c2", "look", "not even JSON")
CALLS = ChatMessage("assistant", tool_calls=[CALL, OTHER_CALL])
TOOL = Tool("look", "Look.", {"type": "object", "properties": {}})
DEEP: dict[str, Any] = {}
for _ in range(20_000):
    DEEP = {"a": DEEP}


def result(id: str, text: str = "seen") -> ChatMessage:
    return ChatMessage("tool", text, tool_call_id=id)


def seeing(*parts: TextPart | ImagePart) -> ChatMessage:
    return ChatMessage("user", list(parts))


def request(**changes: Any) -> LLMRequest:
    return LLMRequest(**{"provider": "openai", "model": "m", "messages": [HI], **changes})


def test_every_field_of_a_request_has_a_rule() -> None:
    assert {rule.field for rule in RULES} == set(LLMRequest.__struct_fields__)
    assert all(rule.must.endswith(".") and len(rule.must) < 150 for rule in RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "anything/you-like:7b@x y"},
        {"model": "m" * rules.LONGEST_MODEL},
        {"temperature": 0},
        {"temperature": 2.0},
        {"provider": "anthropic", "temperature": 1.0},
        {"messages": [ChatMessage("system", ""), HI, ANSWER, HI]},
        {"messages": [ChatMessage("user", "x" * rules.LARGEST_CONTENT)]},
        {"messages": [HI] * rules.MOST_MESSAGES},
        {"messages": [HI, CALLS, result("c2", ""), result("c1")]},
        {"messages": [HI, CALLS, result("c1"), result("c2"), CALLS, result("c1"), result("c2")]},
        {"messages": [HI, CALLS, result("c1"), result("c2"), ANSWER, HI]},
        {"messages": [seeing(IMAGE)]},
        {"messages": [seeing(TextPart("what is it?"), *[IMAGE] * rules.MOST_IMAGES)]},
        {"messages": [seeing(ImagePart("image/png", PNG.ljust(rules.LARGEST_IMAGE, b"\0")))]},
        {"messages": [seeing(ImagePart("image/jpeg", JPEG), ImagePart("image/gif", GIF))]},
        {"messages": [seeing(ImagePart("image/webp", WEBP))]},
        {"max_tokens": 1, "top_p": 0, "seed": -1},
        {"stop": ["a"] * rules.MOST_STOPS},
        {"tools": [TOOL, Tool("other")], "tool_choice": "look"},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [Tool(f"t{i}") for i in range(rules.MOST_TOOLS)], "tool_choice": "auto"},
        {"response_format": ResponseFormat("json_object")},
        {"response_format": ResponseFormat("json_schema", "answer", {"type": "object"}, True)},
        {"response_format": ResponseFormat("json_schema", schema={})},
        {"reasoning_effort": "high"},
        {"fallback": []},
        {"fallback": ["openrouter/qwen/qwen3"] * rules.LONGEST_CHAIN},
    ],
)
def test_what_can_be_asked_passes(changes: dict[str, Any]) -> None:
    validate(request(**changes))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("provider", {"provider": "nobody"}),
        ("provider", {"provider": ""}),
        ("provider", {"provider": "n" * 9999}),
        ("model", {"model": ""}),
        ("model", {"model": "  "}),
        ("model", {"model": " m"}),
        ("model", {"model": "m" * (rules.LONGEST_MODEL + 1)}),
        ("model", {"model": "a\nb"}),
        ("model", {"model": "a\x00b"}),
        ("model", {"model": "\ud800"}),
        ("model", {"provider": "google", "model": "x/../gemini-pro"}),
        ("model", {"provider": "google", "model": "../models/gemini-pro"}),
        ("model", {"provider": "google", "model": "%67emini-pro"}),
        ("model", {"provider": "google", "model": "gemini-pro?alt="}),
        ("model", {"provider": "google", "model": "gemini-pro#"}),
        ("model", {"provider": "bedrock", "model": "./amazon.nova"}),
        ("model", {"provider": "bedrock", "model": "/amazon.nova"}),
        ("model", {"provider": "vertex", "model": "a\\b"}),
        ("fallback[0]", {"fallback": ["google/x/../gemini-pro"]}),
        ("messages", {"messages": []}),
        ("messages", {"messages": [HI] * (rules.MOST_MESSAGES + 1)}),
        ("messages", {"messages": [HI, ANSWER]}),
        ("messages", {"messages": [HI, ChatMessage("system", "x")]}),
        ("messages", {"messages": [HI, ChatMessage("user", "ü" * (rules.LARGEST_CONTENT // 2))]}),
        (
            "messages",
            {
                "messages": [
                    HI,
                    ChatMessage(
                        "assistant",
                        tool_calls=[ToolCall("c", "look", "x" * rules.LARGEST_CONTENT)],
                    ),
                    result("c"),
                ]
            },
        ),
        ("messages[0].content", {"messages": [ChatMessage("user", "\ud800"), HI]}),
        ("messages[1].content", {"messages": [HI, ChatMessage("user", " \n")]}),
        ("messages[0].content", {"messages": [seeing()]}),
        ("messages[0].content", {"messages": [seeing(*[TextPart("x")] * (rules.MOST_PARTS + 1))]}),
        ("messages[0].tool_calls", {"messages": [ChatMessage("user", "x", [CALL]), result("c1")]}),
        ("messages[0].tool_call_id", {"messages": [ChatMessage("user", "x", [], "c1")]}),
        ("messages[1].tool_call_id", {"messages": [HI, ChatMessage("tool", "x"), HI]}),
        ("messages[1].tool_call_id", {"messages": [HI, result("c1")]}),
        ("messages[4].tool_call_id", {"messages": [HI, CALLS, *map(result, ("c1", "c2", "c1"))]}),
        ("messages[2].tool_call_id", {"messages": [HI, CALLS, result("c3")]}),
        ("messages[1].tool_calls", {"messages": [HI, CALLS, result("c1")]}),
        ("messages[1].tool_calls", {"messages": [HI, CALLS, result("c1"), HI]}),
        ("messages[1].tool_calls", {"messages": [HI, CALLS, HI, result("c1"), result("c2")]}),
        (
            "messages[1].tool_calls[1].id",
            {"messages": [HI, ChatMessage("assistant", tool_calls=[CALL, CALL]), result("c1")]},
        ),
        (
            "messages[1].tool_calls[0].id",
            {"messages": [HI, ChatMessage("assistant", tool_calls=[ToolCall("", "f", "")]), HI]},
        ),
        (
            "messages[1].tool_calls[0].name",
            {"messages": [HI, ChatMessage("assistant", tool_calls=[ToolCall("c", "", "")]), HI]},
        ),
        (
            "messages[1].tool_calls[0].arguments",
            {"messages": [HI, ChatMessage("assistant", "", [ToolCall("c", "f", "\udfff")]), HI]},
        ),
        ("messages", {"messages": [seeing(*[IMAGE] * (rules.MOST_IMAGES + 1))]}),
        ("messages", {"messages": [seeing(IMAGE)] * (rules.MOST_IMAGES + 1)}),
        (
            "messages[0].content[1]",
            {"messages": [ChatMessage("system", [TextPart(""), IMAGE]), HI]},
        ),
        ("messages[1].content[0]", {"messages": [HI, ChatMessage("assistant", [IMAGE]), HI]}),
        (
            "messages[0].content[0].data",
            {"messages": [seeing(ImagePart("image/png", PNG.ljust(rules.LARGEST_IMAGE + 1)))]},
        ),
        ("messages[0].content[0].data", {"messages": [seeing(ImagePart("image/png", b""))]}),
        ("messages[0].content[0].data", {"messages": [seeing(ImagePart("image/png", b"<svg/>"))]}),
        ("messages[0].content[0].media_type", {"messages": [seeing(ImagePart("image/png", JPEG))]}),
        ("temperature", {"temperature": -0.1}),
        ("temperature", {"temperature": 2.1}),
        ("temperature", {"temperature": math.nan}),
        ("temperature", {"temperature": math.inf}),
        ("temperature", {"provider": "anthropic", "temperature": 1.1}),
        ("max_tokens", {"max_tokens": 0}),
        ("max_tokens", {"max_tokens": rules.MOST_TOKENS + 1}),
        ("top_p", {"top_p": 1.01}),
        ("top_p", {"top_p": math.nan}),
        ("stop", {"stop": ["a"] * (rules.MOST_STOPS + 1)}),
        ("stop[1]", {"stop": ["a", ""]}),
        ("stop[0]", {"stop": ["a" * (rules.LONGEST_STOP + 1)]}),
        ("stop[0]", {"stop": ["\ud800"]}),
        ("seed", {"seed": 2**63}),
        ("tools", {"tools": [Tool(f"t{i}") for i in range(rules.MOST_TOOLS + 1)]}),
        ("tools[1].name", {"tools": [TOOL, TOOL]}),
        ("tools[0].name", {"tools": [Tool("look at")]}),
        ("tools[0].name", {"tools": [Tool("")]}),
        ("tools[0].name", {"tools": [Tool("n" * 65)]}),
        ("tools[0].name", {"tools": [Tool("look\n")]}),
        ("tools[0].description", {"tools": [Tool("t", "d" * (rules.LONGEST_DESCRIPTION + 1))]}),
        ("tools[0].parameters", {"tools": [Tool("t", "", {"type": "array"})]}),
        ("tools[0].parameters", {"tools": [Tool("t", "", {"x": "x" * rules.LARGEST_SCHEMA})]}),
        ("tools[0].parameters", {"tools": [Tool("t", "", {"x": "\ud800"})]}),
        ("tools[0].parameters", {"tools": [Tool("t", "", {"x": object()})]}),
        ("tools[0].parameters", {"tools": [Tool("t", "", DEEP)]}),
        (
            "tools",
            {
                "tools": [
                    Tool(f"t{i}", "", {"type": "object", "x": "x" * 99_000}) for i in range(11)
                ]
            },
        ),
        ("tool_choice", {"tool_choice": "required"}),
        ("tool_choice", {"tools": [TOOL], "tool_choice": "other"}),
        ("response_format.schema", {"response_format": ResponseFormat("json_schema", "n")}),
        ("response_format.schema", {"response_format": ResponseFormat("text", schema={})}),
        ("response_format.name", {"response_format": ResponseFormat("json_schema", "a b", {})}),
        ("response_format.schema", {"response_format": ResponseFormat("json_schema", "", DEEP)}),
        ("reasoning_effort", {"reasoning_effort": "much"}),
        ("fallback", {"fallback": ["a/b"] * (rules.LONGEST_CHAIN + 1)}),
        ("fallback[1]", {"fallback": ["a/b", "gpt"]}),
        ("fallback[0]", {"fallback": ["/gpt"]}),
        ("fallback[0]", {"fallback": ["openai/"]}),
        ("fallback[0]", {"fallback": ["openai/" + "m" * 999]}),
        # What only Python can send:
        ("provider", {"provider": None}),
        ("temperature", {"temperature": "hot"}),
        ("temperature", {"temperature": True}),
        ("temperature", {"temperature": 10**400}),
        ("messages", {"messages": None}),
        ("messages[0]", {"messages": ["hi"]}),
        ("messages[0]", {"messages": [{"role": "user", "content": "hi"}]}),
        ("messages[0].role", {"messages": [ChatMessage("robot", "x"), HI]}),  # type: ignore[arg-type]
        ("messages[0].content", {"messages": [ChatMessage("user", 5)]}),  # type: ignore[arg-type]
        ("messages[0].content[0]", {"messages": [ChatMessage("user", [{"type": "text"}])]}),  # type: ignore[list-item]
        ("messages[0].content[0].data", {"messages": [seeing(ImagePart("image/png", "aGk="))]}),  # type: ignore[arg-type]
        ("messages[0].content[0].media_type", {"messages": [seeing(ImagePart("image/svg", PNG))]}),  # type: ignore[arg-type]
        ("tools[0]", {"tools": ["look"]}),
        ("response_format", {"response_format": "json"}),
    ],
)
def test_what_cannot_be_asked_is_refused_by_the_fields_name(
    field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate(request(**changes))
    assert caught.value.message.split(": ")[0].startswith(field)
    assert caught.value.message.split(": ")[0].removeprefix(field)[:1] in ("", "[")
    assert caught.value.hint
    assert len(caught.value.message) < 500
    caught.value.message.encode()


def test_the_hint_says_what_is_wanted() -> None:
    for changes, hint in (
        ({"provider": "nobody"}, "openai"),
        ({"provider": "anthropic", "temperature": 1.5}, "0 to 1 for Anthropic"),
        ({"messages": []}, "Ask something."),
        ({"messages": [seeing(ImagePart("image/png", b"<svg/>"))]}, "image/webp"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            validate(request(**changes))
        assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("llamacpp", "../models/100%.gguf"),  # it stands in the body, not in an address
        ("bedrock", "arn:aws:bedrock:us-east-1:12345:inference-profile/us.amazon.nova-v1:0"),
        ("bedrock", "converse/amazon.nova-lite-v1:0"),
        ("vertex", "claude-3-haiku@20240307"),
        ("google", "gemini-2.5-flash..x"),
    ],
)
def test_names_that_models_have_are_taken(provider: str, model: str) -> None:
    validate(request(provider=provider, model=model))


def test_the_providers_there_are_can_be_given() -> None:
    mine = ProviderConfiguration(id="mine", label="Mine", icon="", adapter="direct", hottest=0.5)
    validate(request(provider="mine", temperature=0.5), [mine])
    with pytest.raises(InvalidRequestError, match="temperature"):
        validate(request(provider="mine", temperature=0.6), [mine])
    with pytest.raises(InvalidRequestError, match="provider"):
        validate(request(provider="openai"), [mine])


@given(st.binary(max_size=40))
def test_any_bytes_are_of_one_type_or_none(data: bytes) -> None:
    found = image_type(data)
    if found is None:
        with pytest.raises(InvalidRequestError):
            validate(request(messages=[seeing(ImagePart("image/png", data))]))
    else:
        validate(request(messages=[seeing(ImagePart(found, data))]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
TEXT = st.text(st.characters(), max_size=8)  # halves of characters too
PARTS = st.builds(TextPart, TEXT) | st.builds(
    ImagePart, st.sampled_from(["image/png", "image/gif"]), st.sampled_from([PNG, GIF, b"", "x"])
)
CALLED = st.builds(ToolCall, st.sampled_from(["", "c1", "c2", "\ud800"]), TEXT, TEXT)
MESSAGES = st.builds(
    ChatMessage,
    role=st.sampled_from(["system", "user", "assistant", "tool", "robot"]),
    content=TEXT | st.lists(PARTS | JSON, max_size=3) | JSON,
    tool_calls=st.lists(CALLED | JSON, max_size=2),
    tool_call_id=st.sampled_from(["", "c1", "c2"]),
)
ANYTHING: dict[str, st.SearchStrategy[Any]] = {
    "provider": st.sampled_from(["openai", "anthropic", "demo", "nobody"]) | JSON,
    "model": TEXT | JSON,
    "messages": st.lists(MESSAGES | JSON, max_size=4) | JSON,
    "temperature": st.floats() | JSON,
    "max_tokens": st.integers() | JSON,
    "top_p": st.floats() | JSON,
    "stop": st.lists(TEXT, max_size=6) | JSON,
    "seed": st.integers() | JSON,
    "tools": st.lists(st.builds(Tool, TEXT, TEXT, JSON, JSON) | JSON, max_size=3) | JSON,
    "tool_choice": TEXT | JSON,
    "response_format": st.builds(ResponseFormat, TEXT, TEXT, JSON, JSON) | JSON,
    "reasoning_effort": TEXT | JSON,
    "fallback": st.lists(TEXT, max_size=12) | JSON,
}


ONE_FIELD = st.sampled_from(sorted(ANYTHING)).flatmap(
    lambda field: ANYTHING[field].map(lambda value: {field: value})
)


@settings(max_examples=500, deadline=None)
@given(ONE_FIELD)
def test_whatever_python_sends_is_asked_or_refused_in_words(changes: dict[str, Any]) -> None:
    try:
        validate(request(**changes))
    except InvalidRequestError as error:
        field, _, what = error.message.partition(": ")
        fields = {*LLMRequest.__struct_fields__, "request"}
        assert field.split(".")[0].split("[")[0] in fields
        assert what.endswith(".") and error.hint and len(error.message) < 500
        f"{error.message} {error.hint}".encode()
    else:
        sent = msgspec.json.encode(request(**changes))  # then it can be sent as it is
        assert msgspec.json.decode(sent, type=LLMRequest).model == changes.get("model", "m")


def test_the_hottest_of_every_provider_is_a_temperature() -> None:
    for provider in DEFAULT_PROVIDERS:
        validate(request(provider=provider.id, temperature=provider.hottest))
