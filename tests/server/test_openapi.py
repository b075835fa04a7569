"""The API's description says what the handlers do and what the types are, no more and no less."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator

from jupyter_chatide.chat import ChatInfo, events
from jupyter_chatide.gateway import messages, preferences, usage
from jupyter_chatide.gateway.local import models as local
from jupyter_chatide.runtime import results
from jupyter_chatide.server import bodies
from jupyter_chatide.server.routes import ROUTES, handler_class

from .description import METHODS, Description

EVENTS = typing.get_args(events.AnyEvent)
DELTAS = typing.get_args(messages.AnyDelta)
REQUESTS = (
    bodies.SetKey,
    bodies.PreferencesChange,
    bodies.EndpointChange,
    bodies.NewToken,
    bodies.NewLocalModel,
    bodies.NewChat,
    bodies.ChatChange,
    bodies.NewTurn,
    bodies.ResumeTurn,
    bodies.NewRun,
    bodies.NewPreview,
    preferences.CustomProvider,
    messages.LLMRequest,
    messages.ChatMessage,
    messages.TextPart,
    messages.ImagePart,
    messages.ToolCall,
    messages.Tool,
    messages.ResponseFormat,
)
ANSWERS = (
    events.ErrorInfo,
    results.RunError,
    bodies.ProviderList,
    messages.ProviderStatus,
    messages.KeyStatus,
    messages.OptionStatus,
    messages.ExamplePrompt,
    messages.KeyCheck,
    bodies.ModelList,
    messages.ModelInfo,
    bodies.PreferencesStatus,
    bodies.UsageStatus,
    bodies.BudgetStatus,
    usage.UsageRow,
    usage.UsageTotals,
    bodies.EndpointStatus,
    bodies.TokenStatus,
    bodies.CreatedToken,
    bodies.LocalModelList,
    local.LocalModel,
    local.Serving,
    ChatInfo,
    bodies.StartedTurn,
    bodies.StartedRun,
    bodies.EventBatch,
    bodies.WorkspaceFiles,
    bodies.WorkspaceFile,
    bodies.OpenedPreview,
    results.SandboxReport,
    results.Dimension,
)
NO_STRUCTS = {"ChatList", "Event", "Delta", "Output", "EventNumber", "EventTime"}
OF_OPENAI = {
    "ChatCompletionRequest",
    "ChatCompletion",
    "ChatCompletionChunk",
    "OpenAIError",
    "OpenAIModelList",
    "OpenAIModel",
}


def test_every_route_is_described_and_every_description_is_a_route(
    description: Description,
) -> None:
    answered = {
        (path, method)
        for path, name in ROUTES.items()
        for method in METHODS
        if method in handler_class(name).__dict__
    }
    assert answered == description.operations


def test_the_description_is_well_formed(description: Description) -> None:
    for name, schema in description.schemas.items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("required", []) == [
            field for field in schema.get("required", []) if field in schema["properties"]
        ], name

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                description.resolve(node)
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(description.document)


def test_every_operation_says_who_may_not_ask(description: Description) -> None:
    for path, item in description.document["paths"].items():
        for method in METHODS:
            if method in item and item[method].get("security") != []:
                assert "403" in item[method]["responses"], (path, method)


def test_every_schema_is_a_type_and_every_type_a_schema(description: Description) -> None:
    structs = {type.__name__ for type in (*EVENTS, *DELTAS, *REQUESTS, *ANSWERS)}
    assert set(description.schemas) == structs | NO_STRUCTS | OF_OPENAI


@pytest.mark.parametrize(
    "type", [*EVENTS, *DELTAS, *REQUESTS, *ANSWERS], ids=lambda type: type.__name__
)
def test_a_schema_agrees_with_its_type(type: Any, description: Description) -> None:
    schema = description.schemas[type.__name__]
    fields = {field.encode_name: field for field in msgspec.structs.fields(type)}
    config = type.__struct_config__
    tag = {config.tag_field} if config.tag_field else set()
    assert set(schema["properties"]) == set(fields) | tag
    assert set(schema.get("required", [])) == tag | {
        name for name, field in fields.items() if _always_there(type, field)
    }
    assert (schema.get("additionalProperties") is False) == config.forbid_unknown_fields
    if tag:
        assert schema["properties"]["type"]["const"] == config.tag
    for name, field in fields.items():
        _compare(description, schema["properties"][name], field.type, (type.__name__, name))


@pytest.mark.parametrize(("union", "types"), [("Event", EVENTS), ("Delta", DELTAS)])
def test_a_union_names_its_members(union: str, types: Any, description: Description) -> None:
    schema = description.schemas[union]
    refs = {type.__name__: f"#/components/schemas/{type.__name__}" for type in types}
    assert [ref["$ref"] for ref in schema["oneOf"]] == list(refs.values())
    assert schema["discriminator"] == {
        "propertyName": "type",
        "mapping": {type.__struct_config__.tag: refs[type.__name__] for type in types},
    }


def _always_there(type: Any, field: msgspec.structs.FieldInfo) -> bool:
    if field.required:
        return True
    if type in EVENTS and field.name in ("n", "t"):
        return True  # the log numbers and times every event
    return type not in REQUESTS and not type.__struct_config__.omit_defaults


def _compare(description: Description, schema: Any, type: Any, where: tuple[str, str]) -> None:
    """Assert that a property's schema says what the field's type says."""
    if type in (events.AnyEvent, list[events.AnyEvent]):
        name = (schema if type is events.AnyEvent else schema["items"])["$ref"]
        assert name.endswith("/Event"), where
        return
    members = [
        member
        for member in typing.get_args(type)
        if member not in (types.NoneType, msgspec.UnsetType)
    ]
    if typing.get_origin(type) is Literal:
        assert schema["enum"] == list(members), where
    elif typing.get_origin(type) is list:
        _compare(description, schema["items"], members[0], where)
    elif members and typing.get_origin(type) is not dict:  # a union
        # "or None": absent, or null if asked.
        of = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
        if "enum" in schema:
            of = [{"enum": [value for value in schema["enum"] if value is not None]}]
        assert len(of) == len(members), where
        for one, member in zip(of, members, strict=True):
            _compare(description, one, member, where)
    elif isinstance(type, msgspec.StructMeta):
        assert schema["$ref"].endswith(f"/{type.__name__}"), where
    else:
        kinds = {str: "string", int: "integer", float: "number", bool: "boolean", bytes: "string"}
        said = description.resolve(schema)["type"]
        assert kinds.get(type, "object") in (said if isinstance(said, list) else [said]), where
