"""What goes into the gateway and comes out: requests, deltas, what is said of providers."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "other"]


class ChatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a conversation."""

    role: Role
    content: str


class LLMRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question to one model.

    Args:
        provider: a provider's id, e.g. ``"openai"``.
        model: the model's name at that provider; any string is accepted, unlisted ones too.
        messages: the conversation so far, oldest first, the last one from the user.
        temperature: 0 (steady) to 2 (wild); ``None`` leaves it to the provider.
    """

    provider: str
    model: str
    messages: list[ChatMessage]
    temperature: float | None = None


class Delta(msgspec.Struct, frozen=True, tag_field="type"):
    """One piece of a streamed answer."""


class TextDelta(Delta, frozen=True, tag="text"):
    """A piece of the reply."""

    text: str


class ReasoningDelta(Delta, frozen=True, tag="reasoning"):
    """A piece of the model's reasoning, kept apart from the reply."""

    text: str


class UsageDelta(Delta, frozen=True, tag="usage"):
    """Tokens of the request so far, as the provider counts them."""

    input_tokens: int
    output_tokens: int


class FallbackDelta(Delta, frozen=True, tag="fallback"):
    """Another model answers; only ever sent before the first text.

    ``from_model`` and ``to_model`` are named ``provider/model``.
    """

    from_model: str
    to_model: str
    reason: str


class FinishDelta(Delta, frozen=True, tag="finish"):
    """The answer is complete. ``model`` is the ``provider/model`` that answered."""

    reason: FinishReason
    model: str


AnyDelta = TextDelta | ReasoningDelta | UsageDelta | FallbackDelta | FinishDelta


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that a provider lists. What is ``None`` is unknown."""

    id: str
    label: str = ""
    context_window: int | None = None  # tokens
    vision: bool | None = None
    input_price: float | None = None  # US dollars per million tokens
    output_price: float | None = None  # US dollars per million tokens


class KeyStatus(msgspec.Struct, frozen=True):
    """What may be said of a key: never the key.

    ``source`` is where it comes from: ``"environment"``, ``"file"`` or ``""`` (not set).
    ``hint`` names it for a person: the variable's name, or the key's last characters masked.
    """

    set: bool
    source: Literal["", "environment", "file"] = ""
    hint: str = ""


class ExamplePrompt(msgspec.Struct, frozen=True):
    """A prompt that the empty chat offers."""

    title: str
    prompt: str
    icon: str = ""  # one of: "chart", "table", "formula", "page", "repair", "widget"


class ProviderStatus(msgspec.Struct, frozen=True):
    """A provider, as a client sees it.

    ``ready`` is true when it can be asked now: a key where one is needed, and for a local
    server that it answers.
    """

    id: str
    label: str
    icon: str  # an SVG document
    needs_key: bool
    key: KeyStatus
    key_url: str  # where to get a key; "" where none is needed
    key_variable: str  # the environment variable read first; "" where none is
    base_url: str
    base_url_editable: bool
    local: bool
    ready: bool
    default_model: str
    examples: list[ExamplePrompt] = []


class KeyCheck(msgspec.Struct, frozen=True):
    """What a real call with the key gave."""

    ok: bool
    message: str
    code: str = ""
    hint: str = ""
