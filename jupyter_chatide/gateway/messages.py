"""What goes into the gateway and comes out: requests, deltas, what is said of providers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]
ImageType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
ReasoningEffort = Literal["", "none", "minimal", "low", "medium", "high"]
KeyPlace = Literal["keyring", "file", "memory"]
KeySource = Literal["", "environment", "trait", "keyring", "file", "memory"]


class TextPart(
    msgspec.Struct, frozen=True, tag_field="type", tag="text", forbid_unknown_fields=True
):
    """A piece of a message: text."""

    text: str


class ImagePart(
    msgspec.Struct, frozen=True, tag_field="type", tag="image", forbid_unknown_fields=True
):
    """A piece of a message: an image, in JSON as base64."""

    media_type: ImageType
    data: bytes


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool that a model asked for; ``arguments`` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


class ChatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One message of a conversation.

    Args:
        role: who says it.
        content: text, or pieces of text and images (images from the user only).
        tool_calls: what an assistant's message asked for.
        tool_call_id: which call a tool's message answers.
    """

    role: Role
    content: str | list[TextPart | ImagePart] = ""
    tool_calls: list[ToolCall] = []
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The message's text, without its images."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A function that the model may ask to call; ``parameters`` is a JSON schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What form the answer shall have; ``schema`` goes with ``json_schema``."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class LLMRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question to one model.

    Args:
        provider: a provider's id, e.g. ``"openai"``.
        model: the model's name at that provider; any string is accepted, unlisted ones too.
        messages: the conversation so far, oldest first.
        temperature: 0 (steady) up to the provider's limit; ``None`` leaves it to the provider.
        max_tokens: the longest answer, in tokens; ``None`` leaves it to the provider.
        top_p: 0 to 1; ``None`` leaves it to the provider.
        stop: texts at which the answer ends.
        seed: for providers that repeat themselves on demand.
        tools: functions that the model may ask to call.
        tool_choice: ``auto``, ``none``, ``required``, a tool's name, or ``""`` for the default.
        response_format: what form the answer shall have.
        reasoning_effort: how long a reasoning model may think; ``""`` leaves it to the provider.
        fallback: models (``provider/model``) to ask in this order when the first is unavailable;
            ``None`` is the default chain, an empty list none.
    """

    provider: str
    model: str
    messages: list[ChatMessage]
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: list[str] = []
    seed: int | None = None
    tools: list[Tool] = []
    tool_choice: str = ""
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort = ""
    fallback: list[str] | None = None


class Purpose(msgspec.Struct, frozen=True):
    """What a request is for, so that its tokens and cost can be told apart later.

    Args:
        client: who asks: ``chat``, ``llmcall``, ``v1``, ``check``, ``python``…
        chat: the chat's id, where there is one.
        turn: the turn's id in that chat.
        token: the id of the endpoint token that it came with.
    """

    client: str = "python"
    chat: str = ""
    turn: str = ""
    token: str = ""


class Delta(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """One piece of a streamed answer."""


class TextDelta(Delta, frozen=True, tag="text"):
    """A piece of the reply."""

    text: str


class ReasoningDelta(Delta, frozen=True, tag="reasoning"):
    """A piece of the model's reasoning, kept apart from the reply."""

    text: str


class ToolCallDelta(Delta, frozen=True, tag="tool_call"):
    """A piece of a tool call. ``index`` numbers the calls of one answer; ``id`` and ``name`` come
    with a call's first piece, ``arguments`` is appended."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class UsageDelta(Delta, frozen=True, tag="usage"):
    """Tokens of the request so far, as the provider counts them.

    ``cost`` is in US dollars; ``None`` is unknown, never "free".
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0  # of the input tokens
    reasoning_tokens: int = 0  # of the output tokens
    cost: float | None = None


class RetryDelta(Delta, frozen=True, tag="retry"):
    """The same model will be asked again, in ``seconds``; only ever sent before the first text."""

    model: str
    reason: str
    code: str
    seconds: float
    attempt: int


class FallbackDelta(Delta, frozen=True, tag="fallback"):
    """Another model answers; only ever sent before the first text.

    ``from_model`` and ``to_model`` are named ``provider/model``; ``code`` classes the error that
    ``reason`` tells a person.
    """

    from_model: str
    to_model: str
    reason: str
    code: str = ""


class FinishDelta(Delta, frozen=True, tag="finish"):
    """The answer is complete. ``model`` is the ``provider/model`` that answered."""

    reason: FinishReason
    model: str


AnyDelta = (
    TextDelta
    | ReasoningDelta
    | ToolCallDelta
    | UsageDelta
    | RetryDelta
    | FallbackDelta
    | FinishDelta
)


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that a provider lists. What is ``None`` is unknown."""

    id: str
    label: str = ""
    context_window: int | None = None  # tokens
    max_output: int | None = None  # tokens
    vision: bool | None = None
    reasoning: bool | None = None
    tools: bool | None = None
    input_price: float | None = None  # US dollars per million tokens
    output_price: float | None = None  # US dollars per million tokens


class KeyStatus(msgspec.Struct, frozen=True):
    """What may be said of a key: never the key.

    ``source`` is where it comes from, ``""`` when it is not set. ``hint`` names it for a person:
    the variable's name, or the key's last characters masked.
    """

    set: bool
    source: KeySource = ""
    hint: str = ""


class ExamplePrompt(msgspec.Struct, frozen=True):
    """A prompt that the empty chat offers."""

    title: str
    prompt: str
    icon: str = ""  # one of: "chart", "table", "formula", "page", "repair", "widget"


class OptionStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """A setting of a provider that is not its key: a region, a project, a context size.

    ``variable`` is the environment variable that gave the value, ``""`` where none did.
    """

    name: str
    label: str
    value: str = ""
    default: str = ""
    kind: Literal["text", "integer"] = "text"
    required: bool = False
    help: str = ""
    variable: str = ""


class ProviderStatus(msgspec.Struct, frozen=True):
    """A provider, as a client sees it.

    ``ready`` is true when it can be asked now: a key where one is needed, its required options,
    and for a local server that it answers. ``blocked`` says why policy forbids it, else ``""``;
    ``refusal`` why a local server that runs cannot be asked: it does not take the key.
    """

    id: str
    label: str
    icon: str  # an SVG document
    group: Literal["cloud", "local", "custom", "demo"]
    needs_key: bool
    key: KeyStatus
    key_format: Literal["token", "json"]
    key_url: str  # where to get a key; "" where none is needed
    key_variable: str  # the environment variable read first; "" where none is
    base_url: str
    base_url_editable: bool
    local: bool
    ready: bool
    default_model: str
    running: bool | None = None  # of a local server: whether it answers
    removable: bool = False  # the user added it
    blocked: str = ""
    refusal: str = ""
    options: list[OptionStatus] = []
    examples: list[ExamplePrompt] = []


class KeyCheck(msgspec.Struct, frozen=True):
    """What a real call with the key gave."""

    ok: bool
    message: str
    code: str = ""
    hint: str = ""
