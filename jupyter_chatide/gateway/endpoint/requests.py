"""From the body of OpenAI's Chat Completions API to our request. Pure, and one place.

What would change the answer and is not understood is refused, by the field's name. What changes no
answer (``NO_EFFECT``) is accepted and does nothing. A field that is null is a field that is absent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, get_args

import msgspec

from ...errors import InvalidRequestError
from ..messages import (
    ChatMessage,
    ImagePart,
    ImageType,
    LLMRequest,
    ReasoningEffort,
    ResponseFormat,
    Role,
    TextPart,
    Tool,
    ToolCall,
)

DEFAULT_MODEL = "default"

# Fields that tell OpenAI how to keep, bill, cache or speed up a request.
NO_EFFECT = frozenset(
    {
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
# Fields of which only that value is understood which is the default anyway.
ONLY_DEFAULT: Mapping[str, Sequence[Any]] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": (),
    "functions": (),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
_INSTEAD = {
    "function_call": "Use tool_choice.",
    "functions": "Use tools.",
    "n": "Ask several times.",
}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w.+-]+=[^;,]*)*);base64,(.*)", re.DOTALL)
_EFFORTS = tuple(effort for effort in get_args(ReasoningEffort) if effort)
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


class CompletionRequest(msgspec.Struct, frozen=True):
    """What a client of the endpoint wants.

    Args:
        model: ``provider/model``, or ``default``.
        request: the question, its provider and model still to be filled in.
        stream: whether the answer comes in chunks.
        include_usage: whether the last chunk tells the tokens.
        one_call: whether at most one tool may be called.
    """

    model: str
    request: LLMRequest
    stream: bool = False
    include_usage: bool = False
    one_call: bool = False


def read_completion(body: bytes) -> CompletionRequest:
    """Read a body.

    Raises:
        InvalidRequestError: it is none; the message begins with the field's name.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequestError("The request's body is not JSON.", "Send JSON.") from None
    fields = _Fields(given, "")
    for name in NO_EFFECT:
        fields.take(name)
    for name, defaults in ONLY_DEFAULT.items():
        value = fields.take(name)
        if value is not None and not any(_same(value, default) for default in defaults):
            instead = _INSTEAD.get(name, "Leave it out.")
            _refuse(name, "this value is not supported here", instead)
    model = fields.text("model")
    options = fields.object("stream_options")
    include_usage = options.flag("include_usage")
    options.flag("include_obfuscation")
    options.end()
    completion = CompletionRequest(
        model=model,
        request=LLMRequest(
            provider="",
            model="",
            messages=[_message(item) for item in fields.objects("messages", required=True)],
            temperature=fields.number("temperature"),
            top_p=fields.number("top_p"),
            max_tokens=_max_tokens(fields),
            stop=_stop(fields),
            seed=fields.integer("seed"),
            tools=[_tool(item) for item in fields.objects("tools")],
            tool_choice=_tool_choice(fields),
            response_format=_response_format(fields.object("response_format")),
            reasoning_effort=_effort(fields),
            fallback=fields.texts("fallback"),
        ),
        stream=fields.flag("stream"),
        include_usage=include_usage,
        one_call=not fields.flag("parallel_tool_calls", default=True),
    )
    fields.end()
    return completion


def model_of(name: str) -> tuple[str, str]:
    """A model's provider and its name there.

    Raises:
        InvalidRequestError: it is not named ``provider/model``.
    """
    provider, slash, model = name.partition("/")
    if not (provider and slash and model):
        _refuse(
            "model",
            f"{name[:80]!r} is not named provider/model",
            f"Name it like openai/gpt-…, or {DEFAULT_MODEL} for the default model.",
        )
    return provider, model


class _Fields:
    """The fields of one JSON object, taken one by one; what nobody took is not known.

    Args:
        given: the object.
        path: its name from the body on; ``""`` for the body itself.
    """

    def __init__(self, given: object, path: str) -> None:
        if not isinstance(given, dict):
            _refuse(path or "body", "an object is wanted", "Correct it.")
        self.path = path
        self._left: dict[str, Any] = {k: v for k, v in given.items() if v is not None}

    def __bool__(self) -> bool:
        return bool(self._left)

    def name(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def take(self, field: str) -> Any:
        return self._left.pop(field, None)

    def text(self, field: str, *, required: bool = True) -> str:
        value = self._typed(field, str, "text", required)
        return "" if value is None else str(value)

    def flag(self, field: str, *, default: bool = False) -> bool:
        value = self._typed(field, bool, "true or false", required=False)
        return default if value is None else bool(value)

    def number(self, field: str) -> float | None:
        value = self.take(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
            _refuse(self.name(field), "a number is wanted", "Correct it.")
        return float(value)

    def integer(self, field: str) -> int | None:
        value = self.take(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            _refuse(self.name(field), "a whole number is wanted", "Correct it.")
        return value

    def object(self, field: str) -> _Fields:
        """An object; an empty one where the field is absent."""
        value = self.take(field)
        return _Fields({} if value is None else value, self.name(field))

    def objects(self, field: str, *, required: bool = False) -> list[_Fields]:
        value = self._typed(field, list, "a list", required)
        name = self.name(field)
        return [_Fields(item, f"{name}[{i}]") for i, item in enumerate(value or [])]

    def texts(self, field: str) -> list[str] | None:
        value = self._typed(field, list, "a list", required=False)
        if value is None:
            return None
        for i, item in enumerate(value):
            if not isinstance(item, str):
                _refuse(f"{self.name(field)}[{i}]", "text is wanted", "Correct it.")
        return list(value)

    def end(self) -> None:
        """Refuse what nobody took."""
        for field in self._left:
            _refuse(self.name(field[:80]), "it is not supported here", "Leave it out.")

    def _typed(self, field: str, kind: type, words: str, required: bool) -> Any:
        value = self.take(field)
        if value is None:
            if required:
                _refuse(self.name(field), "it is missing", "Add it.")
            return None
        if not isinstance(value, kind):
            _refuse(self.name(field), f"{words} is wanted", "Correct it.")
        return value


def _message(fields: _Fields) -> ChatMessage:
    role_name = fields.text("role")
    if role_name not in _ROLES:
        _refuse(
            fields.name("role"), f"it is {role_name[:40]!r}", f"Use one of {', '.join(_ROLES)}."
        )
    role = _ROLES[role_name]
    fields.text("name", required=False)  # who of several says it: no provider but OpenAI knows
    tool_call_id = ""
    tool_calls: list[ToolCall] = []
    if role == "tool":
        tool_call_id = fields.text("tool_call_id")
    if role == "assistant":
        tool_calls = [_tool_call(item) for item in fields.objects("tool_calls")]
        # What clients send back of an answer, and no model is told again.
        for field in (
            "annotations",
            "provider_specific_fields",
            "reasoning",
            "reasoning_content",
            "thinking_blocks",
        ):
            fields.take(field)
    content = fields.take("content")
    refusal = fields.text("refusal", required=False)
    if role == "assistant" and content is None:
        content = refusal
    elif content is None:
        _refuse(fields.name("content"), "it is missing", "Add it.")
    message = ChatMessage(
        role=role,
        content=_content(content, role, fields.name("content")),
        tool_calls=tool_calls,
        tool_call_id=tool_call_id,
    )
    fields.end()
    return message


def _content(content: object, role: Role, name: str) -> str | list[TextPart | ImagePart]:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        _refuse(name, "text or a list of parts is wanted", "Correct it.")
    parts = [_part(_Fields(item, f"{name}[{i}]")) for i, item in enumerate(content)]
    if role == "user" and any(isinstance(part, ImagePart) for part in parts):
        return parts
    for i, part in enumerate(parts):
        if isinstance(part, ImagePart):
            _refuse(f"{name}[{i}]", "only a user's message may hold an image", "Move it there.")
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def _part(fields: _Fields) -> TextPart | ImagePart:
    kind = fields.text("type")
    fields.take("cache_control")  # of Anthropic's models, by way of litellm: speed, no answer
    part: TextPart | ImagePart
    if kind == "text":
        part = TextPart(fields.text("text"))
    elif kind == "refusal":
        part = TextPart(fields.text("refusal"))
    elif kind == "image_url":
        image = fields.object("image_url")
        image.text("detail", required=False)  # how finely OpenAI looks at it
        image.text("format", required=False)  # litellm's copy of the media type
        part = _image(image.text("url"), image.name("url"))
        image.end()
    else:
        _refuse(fields.name("type"), f"{kind[:40]!r} is not supported here", "Send text or images.")
    fields.end()
    return part


def _image(url: str, name: str) -> ImagePart:
    if not url.lower().startswith("data:"):
        # Fetching it would let whoever holds a token make the server call addresses within.
        _refuse(
            name,
            "images are not fetched from an address",
            "Send the image itself, as data:image/png;base64,…",
        )
    match = _DATA_URL.fullmatch(url)
    media_type = match[1].lower().replace("image/jpg", "image/jpeg") if match else ""
    if match is None or media_type not in get_args(ImageType):
        known = ", ".join(get_args(ImageType))
        _refuse(name, "it is not an image as base64", f"Send one of {known}, as base64.")
    try:
        data = base64.b64decode("".join(match[3].split()), validate=True)
    except (binascii.Error, ValueError):
        _refuse(name, "its base64 is damaged", "Encode the image again.")
    if not data:
        _refuse(name, "it is empty", "Send an image.")
    return ImagePart(msgspec.convert(media_type, ImageType), data)


def _tool_call(fields: _Fields) -> ToolCall:
    _check_function(fields)
    fields.take("index")
    function = fields.object("function")
    call = ToolCall(fields.text("id"), function.text("name"), function.text("arguments"))
    function.end()
    fields.end()
    return call


def _tool(fields: _Fields) -> Tool:
    _check_function(fields)
    function = fields.object("function")
    tool = Tool(
        name=function.text("name"),
        description=function.text("description", required=False),
        parameters=_schema(function, "parameters") or {},
        strict=_optional_flag(function, "strict"),
    )
    function.end()
    fields.end()
    return tool


def _check_function(fields: _Fields) -> None:
    kind = fields.text("type", required=False) or "function"
    if kind != "function":
        _refuse(fields.name("type"), f"{kind[:40]!r} is not supported here", "Use a function.")


def _tool_choice(fields: _Fields) -> str:
    value = fields.take("tool_choice")
    if value is None or value in ("auto", "none", "required"):
        return value or ""
    if isinstance(value, str):
        _refuse("tool_choice", f"it is {value[:40]!r}", "Use auto, none, required or a function.")
    choice = _Fields(value, "tool_choice")
    _check_function(choice)
    function = choice.object("function")
    name = function.text("name")
    function.end()
    choice.end()
    return name


def _response_format(fields: _Fields) -> ResponseFormat | None:
    if not fields:
        return None
    kind = fields.text("type")
    if kind == "json_schema":
        given = fields.object("json_schema")
        schema = _schema(given, "schema")
        description = given.text("description", required=False)
        if description and schema is not None:
            schema = {"description": description, **schema}
        answer = ResponseFormat(
            "json_schema", given.text("name"), schema, _optional_flag(given, "strict")
        )
        given.end()
    elif kind == "json_object":
        answer = ResponseFormat("json_object")
    elif kind == "text":
        answer = ResponseFormat("text")
    else:
        hint = "Use text, json_object or json_schema."
        _refuse(fields.name("type"), f"it is {kind[:40]!r}", hint)
    fields.end()
    return answer


def _schema(fields: _Fields, field: str) -> dict[str, Any] | None:
    value = fields.take(field)
    if value is not None and not isinstance(value, dict):
        _refuse(fields.name(field), "a JSON schema is wanted", "Correct it.")
    return value


def _optional_flag(fields: _Fields, field: str) -> bool | None:
    value = fields.take(field)
    if value is not None and not isinstance(value, bool):
        _refuse(fields.name(field), "true or false is wanted", "Correct it.")
    return value


def _max_tokens(fields: _Fields) -> int | None:
    newer, older = fields.integer("max_completion_tokens"), fields.integer("max_tokens")
    return older if newer is None else newer


def _stop(fields: _Fields) -> list[str]:
    value = fields.take("stop")
    if isinstance(value, str):
        return [value]
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        _refuse("stop", "text or a list of texts is wanted", "Correct it.")
    return list(value)


def _effort(fields: _Fields) -> ReasoningEffort:
    value = fields.text("reasoning_effort", required=False)
    if value and value not in _EFFORTS:
        _refuse("reasoning_effort", f"it is {value[:40]!r}", f"Use one of {', '.join(_EFFORTS)}.")
    effort: ReasoningEffort = msgspec.convert(value, ReasoningEffort)
    return effort


def _same(value: object, default: object) -> bool:
    """Whether they are equal in JSON, where true is not 1."""
    return value == default and isinstance(value, bool) == isinstance(default, bool)


def _refuse(name: str, what: str, hint: str) -> NoReturn:
    raise InvalidRequestError(f"{name}: {what}.", hint)
