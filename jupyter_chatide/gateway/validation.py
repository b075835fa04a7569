"""What a request must be before any provider hears of it: ``RULES``, one place, one rule a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import msgspec

from ..errors import InvalidRequestError
from .adapter import ProviderConfiguration
from .messages import ChatMessage, ImagePart, ImageType, LLMRequest
from .providers import DEFAULT_PROVIDERS
from .request_types import check_types

LONGEST_MODEL = 200  # characters
MOST_MESSAGES = 2_000
MOST_PARTS = 1_000  # of one message
LARGEST_CONTENT = 4_000_000  # bytes of all messages together, in UTF-8, without images
MOST_IMAGES = 20
LARGEST_IMAGE = 10_000_000  # bytes, decoded
MOST_TOKENS = 10_000_000
MOST_STOPS = 4
LONGEST_STOP = 1_000  # characters
MOST_TOOLS = 128
LONGEST_DESCRIPTION = 20_000  # characters
LARGEST_SCHEMA = 128_000  # bytes of one schema as JSON
LARGEST_TOOLS = 1_000_000  # bytes of all tools' schemas
LONGEST_CHAIN = 10
LONGEST_CALL_ID = 100_000  # characters: Gemini's hold the model's signed thoughts

Providers = Mapping[str, ProviderConfiguration]
Fault = tuple[str, str] | tuple[str, str, str]  # a field's path, what is wrong with it, a hint


class Rule(NamedTuple):
    """One rule.

    Args:
        field: the request's field.
        faults: finds what is wrong with it.
        must: what it must be, told to whoever broke it.
    """

    field: str
    faults: Callable[[LLMRequest, Providers], Iterator[Fault]]
    must: str


def validate(
    request: LLMRequest, providers: Iterable[ProviderConfiguration] = DEFAULT_PROVIDERS
) -> None:
    """Check a request against all rules.

    Args:
        request: what is asked.
        providers: the providers there are.

    Raises:
        InvalidRequestError: it cannot be asked; the message begins with the field's name.
    """
    check_types(request)
    known = {provider.id: provider for provider in providers}
    for rule in RULES:
        for path, what, *hint in rule.faults(request, known):
            raise InvalidRequestError(f"{path}: {what}.", hint[0] if hint else rule.must)


def _provider(request: LLMRequest, providers: Providers) -> Iterator[Fault]:
    if request.provider not in providers:
        hint = f"Choose one of {', '.join(providers)}."
        yield "provider", f"there is no {request.provider[:80]!r}", hint


def _model(request: LLMRequest, providers: Providers) -> Iterator[Fault]:
    if what := bad_name(request.model, providers[request.provider]):
        yield "model", what


def bad_name(model: str, provider: ProviderConfiguration | None) -> str:
    """What is wrong with a model's name, as part of a sentence; ``""`` where nothing is.

    Args:
        model: the name.
        provider: whose model it is, where that is known.
    """
    if not model.strip():
        return "it is empty"
    if len(model) > LONGEST_MODEL:
        return f"it is longer than {LONGEST_MODEL} characters"
    if not model.isprintable():
        return "it holds characters that cannot be printed"
    if model != model.strip():
        return "it begins or ends with a space"
    # litellm writes the name into an address as it is: "x/../y" would ask y, whatever policy
    # says of y, and "../../z" something else altogether with the same key.
    if provider is not None and provider.adapter == "litellm" and _NOT_IN_ADDRESS.search(model):
        return "it holds what would change the address that is asked"
    return ""


def _count(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if not request.messages:
        yield "messages", "there is none", "Ask something."
    if len(request.messages) > MOST_MESSAGES:
        yield "messages", f"there are more than {MOST_MESSAGES:,}"
    for path, message in _messages(request):
        if not isinstance(message.content, str) and len(message.content) > MOST_PARTS:
            yield f"{path}.content", f"it has more than {MOST_PARTS:,} parts"


def _sizes(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    total = 0
    for path, message in _messages(request):
        texts = [(f"{path}.content", message.text), (f"{path}.tool_call_id", message.tool_call_id)]
        for i, call in enumerate(message.tool_calls):
            name = f"{path}.tool_calls[{i}]"
            texts += [(f"{name}.id", call.id), (f"{name}.name", call.name)]
            texts.append((f"{name}.arguments", call.arguments))
        for name, text in texts:
            if (size := _bytes(text)) is None:
                yield name, _HALF, _REMOVE
            else:
                total += size
    if total > LARGEST_CONTENT:
        yield "messages", f"they hold more than {LARGEST_CONTENT:,} bytes of text"


def _roles(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    for path, message in _messages(request):
        if message.tool_calls and message.role != "assistant":
            yield f"{path}.tool_calls", f"a message of the role {message.role} has them"
        if message.tool_call_id and message.role != "tool":
            yield f"{path}.tool_call_id", f"a message of the role {message.role} has one"


def _last(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    last = request.messages[-1]
    if last.role not in ("user", "tool"):
        yield "messages", f"the last one is of the role {last.role}"
    if last.role == "user" and not last.text.strip() and not _images(last):
        path = f"messages[{len(request.messages) - 1}].content"
        yield path, "it is empty", "Ask something."


def _calls(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    waiting: dict[str, str] = {}  # calls without an answer: their ids and their messages
    for path, message in _messages(request):
        if message.role == "tool":
            if waiting.pop(message.tool_call_id, None) is None:
                shown = message.tool_call_id[:80]
                yield f"{path}.tool_call_id", f"no call {shown!r} waits for an answer there"
            continue
        for call, where in waiting.items():
            yield f"{where}.tool_calls", f"nothing answers the call {call[:80]!r}"
        waiting = {}
        for i, call_ in enumerate(message.tool_calls):
            name = f"{path}.tool_calls[{i}]"
            if not 0 < len(call_.id) <= LONGEST_CALL_ID:
                yield f"{name}.id", f"it does not have 1 to {LONGEST_CALL_ID:,} characters"
            if call_.id in waiting:
                yield f"{name}.id", "another call of this message has the same"
            if not 0 < len(call_.name) <= LONGEST_MODEL:
                yield f"{name}.name", f"it does not have 1 to {LONGEST_MODEL} characters"
            waiting[call_.id] = path
    for call, where in waiting.items():
        yield f"{where}.tool_calls", f"nothing answers the call {call[:80]!r}"


def _image_places(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    count = 0
    for path, message in _messages(request):
        for i, _image in _images(message):
            count += 1
            if message.role != "user":
                where = f"{path}.content[{i}]"
                yield where, f"a message of the role {message.role} holds an image"
    if count > MOST_IMAGES:
        yield "messages", f"they hold more than {MOST_IMAGES} images"


def _image_data(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    for path, message in _messages(request):
        for i, image in _images(message):
            where = f"{path}.content[{i}]"
            if len(image.data) > LARGEST_IMAGE:
                yield f"{where}.data", f"it is larger than {LARGEST_IMAGE // 1_000_000} MB"
            is_type = image_type(image.data)
            if not is_type:
                yield f"{where}.data", "it is no image in one of these formats"
            elif is_type != image.media_type:
                yield f"{where}.media_type", f"it says {image.media_type}, and it is {is_type}"


def image_type(data: bytes) -> ImageType | None:
    """What an image is by its first bytes; ``None`` where it is nothing that we send."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _temperature(request: LLMRequest, providers: Providers) -> Iterator[Fault]:
    provider = providers[request.provider]
    temperature, hottest = request.temperature, provider.hottest
    if temperature is not None and not 0 <= temperature <= hottest:  # NaN fails it too
        hint = f"Choose from 0 to {hottest:g} for {provider.label}, or none."
        yield "temperature", f"it is {_number(temperature)}", hint


def _max_tokens(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if request.max_tokens is not None and not 1 <= request.max_tokens <= MOST_TOKENS:
        yield "max_tokens", f"it is {_number(request.max_tokens)}"


def _top_p(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if request.top_p is not None and not 0 <= request.top_p <= 1:
        yield "top_p", f"it is {_number(request.top_p)}"


def _stop(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if len(request.stop) > MOST_STOPS:
        yield "stop", f"there are {len(request.stop):,}"
    for i, text in enumerate(request.stop):
        if not 0 < len(text) <= LONGEST_STOP:
            yield f"stop[{i}]", f"it does not have 1 to {LONGEST_STOP:,} characters"
        if _bytes(text) is None:
            yield f"stop[{i}]", _HALF, _REMOVE


def _seed(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if request.seed is not None and not -(2**63) <= request.seed < 2**63:
        yield "seed", f"it is {_number(request.seed)}"


def _tools(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    if len(request.tools) > MOST_TOOLS:
        yield "tools", f"there are {len(request.tools):,}"
    names: set[str] = set()
    for i, tool in enumerate(request.tools):
        if not _NAME.fullmatch(tool.name):
            yield f"tools[{i}].name", f"it is {tool.name[:80]!r}"
        if tool.name in names:
            yield f"tools[{i}].name", f"another tool is named {tool.name!r} too"
        names.add(tool.name)


def _tool_sizes(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    total = 0
    for i, tool in enumerate(request.tools):
        if len(tool.description) > LONGEST_DESCRIPTION:
            what = f"it is longer than {LONGEST_DESCRIPTION:,} characters"
            yield f"tools[{i}].description", what
        if _bytes(tool.description) is None:
            yield f"tools[{i}].description", _HALF, _REMOVE
        size = yield from _schema(f"tools[{i}].parameters", tool.parameters)
        total += size
        if tool.parameters and tool.parameters.get("type") != "object":
            yield f"tools[{i}].parameters", 'its "type" is not "object"'
    if total > LARGEST_TOOLS:
        yield "tools", f"they take more than {LARGEST_TOOLS:,} bytes"


def _tool_choice(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    choice = request.tool_choice
    if choice in ("", "auto", "none"):
        return
    if not request.tools:
        yield "tool_choice", "there are no tools"
    elif choice != "required" and choice not in {tool.name for tool in request.tools}:
        yield "tool_choice", f"there is no tool {choice[:80]!r}"


def _response_format(request: LLMRequest, _: Providers) -> Iterator[Fault]:
    wanted = request.response_format
    if wanted is None:
        return
    if (wanted.type == "json_schema") != (wanted.schema is not None):
        has = "has no schema" if wanted.schema is None else "has a schema"
        yield "response_format.schema", f"{wanted.type} {has}"
    if wanted.name and not _NAME.fullmatch(wanted.name):
        hint = f"Name it in 1 to 64 {_NAMES}."
        yield "response_format.name", f"it is {wanted.name[:80]!r}", hint
    yield from _schema("response_format.schema", wanted.schema)


def _fallback(request: LLMRequest, providers: Providers) -> Iterator[Fault]:
    chain = request.fallback or []
    if len(chain) > LONGEST_CHAIN:
        yield "fallback", f"there are {len(chain):,}"
    for i, name in enumerate(chain):
        provider, _slash, model = name.partition("/")
        if not provider.strip():
            yield f"fallback[{i}]", f"{name[:80]!r} names no provider"
        if what := bad_name(model, providers.get(provider)):
            yield f"fallback[{i}]", f"{name[:80]!r} names no model: {what}"


def _nothing_more(_request: LLMRequest, _: Providers) -> Iterator[Fault]:
    """Its type says it all."""
    yield from ()


_NAMES = "letters, digits, _ and -"
_IMAGES = ", ".join(get_args(ImageType))
_SCHEMAS = f"schemas have up to {LARGEST_SCHEMA:,} bytes, all together {LARGEST_TOOLS:,}"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOT_IN_ADDRESS = re.compile(r"[%?#\\]|(^|/)(\.{0,2})(/|$)")
_HALF = "it holds half a character"
_REMOVE = "Remove what is not text."

# In this order: a rule can rely on those before it. Types and unknown fields come before them all.
RULES: tuple[Rule, ...] = (
    Rule("provider", _provider, "Choose a provider that there is."),
    Rule("model", _model, f"Name it as its provider does, in 1 to {LONGEST_MODEL} characters."),
    Rule(
        "messages", _count, f"Send 1 to {MOST_MESSAGES:,} messages of up to {MOST_PARTS:,} parts."
    ),
    Rule("messages", _sizes, f"Start a new chat: {LARGEST_CONTENT:,} bytes of text can be sent."),
    Rule("messages", _roles, "Only assistants call tools, only a tool's message answers a call."),
    Rule("messages", _last, "End with a message of the user or of a tool."),
    Rule("messages", _calls, "Answer each call once, by its id, in the messages right after it."),
    Rule("messages", _image_places, f"Send up to {MOST_IMAGES} images, in the user's messages."),
    Rule("messages", _image_data, f"Send {_IMAGES}, up to {LARGEST_IMAGE // 1_000_000} MB each."),
    Rule("temperature", _temperature, "Choose from 0 to the provider's limit, or none."),
    Rule("max_tokens", _max_tokens, f"Choose from 1 to {MOST_TOKENS:,}, or none."),
    Rule("top_p", _top_p, "Choose from 0 to 1, or none."),
    Rule("stop", _stop, f"Give up to {MOST_STOPS} texts of 1 to {LONGEST_STOP:,} characters."),
    Rule("seed", _seed, "Choose a whole number of 64 bits, or none."),
    Rule("tools", _tools, f"Give up to {MOST_TOOLS} tools, each named anew in 1 to 64 {_NAMES}."),
    Rule("tools", _tool_sizes, f"Describe each by the JSON schema of an object; {_SCHEMAS}."),
    Rule("tool_choice", _tool_choice, "Choose auto, none, or with tools: required, or one's name."),
    Rule("response_format", _response_format, f"Only json_schema has a schema; {_SCHEMAS}."),
    Rule("reasoning_effort", _nothing_more, "Choose none, minimal, low, medium or high."),
    Rule("fallback", _fallback, f"Name up to {LONGEST_CHAIN} models, each as provider/model."),
)


def _messages(request: LLMRequest) -> Iterator[tuple[str, ChatMessage]]:
    for number, message in enumerate(request.messages):
        yield f"messages[{number}]", message


def _images(message: ChatMessage) -> list[tuple[int, ImagePart]]:
    if isinstance(message.content, str):
        return []
    return [(i, part) for i, part in enumerate(message.content) if isinstance(part, ImagePart)]


def _bytes(text: str) -> int | None:
    """A text's size in UTF-8; ``None`` when it is none, but holds half a character."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def _schema(path: str, schema: dict[str, Any] | None) -> Generator[Fault, None, int]:
    """Finds what is wrong with a JSON schema; the generator's result is its size in bytes."""
    try:
        size = len(msgspec.json.encode(schema))
    except UnicodeEncodeError:
        yield path, _HALF, _REMOVE
    except (TypeError, ValueError):
        yield path, "it is not JSON"
    except RecursionError:
        yield path, "it is nested too deeply"
    else:
        if size > LARGEST_SCHEMA:
            yield path, f"it takes more than {LARGEST_SCHEMA:,} bytes"
        return size
    return 0


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e15 else "far out of range"
