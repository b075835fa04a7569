"""What a request must be before any provider hears of it: one place, one rule a line."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from ..errors import InvalidRequestError
from .messages import LLMRequest, Role
from .providers import DEFAULT_PROVIDERS

LONGEST_MODEL = 200  # characters
MOST_MESSAGES = 2000
LARGEST_CONTENT = 4_000_000  # bytes of all messages together, in UTF-8
HOTTEST = 2.0

_KNOWN = tuple(provider.id for provider in DEFAULT_PROVIDERS)
_ROLES = get_args(Role)


def validate(request: LLMRequest, providers: Collection[str] = _KNOWN) -> None:
    """Check a request.

    Args:
        request: what is asked.
        providers: the ids of the providers there are.

    Raises:
        InvalidRequestError: it cannot be asked; the message begins with the field's name.
    """
    _check_provider(request.provider, providers)
    _check_model(request.model)
    _check_messages(request)
    _check_temperature(request.temperature)


def _check_provider(provider: str, providers: Collection[str]) -> None:
    if provider not in providers:
        _refuse("provider", f"there is no {provider!r}", f"Choose one of {', '.join(providers)}.")


def _check_model(model: str) -> None:
    hint = "Name the model as its provider does."
    if not model.strip():
        _refuse("model", "it is empty", hint)
    if len(model) > LONGEST_MODEL:
        _refuse("model", f"it is longer than {LONGEST_MODEL} characters", hint)
    if not model.isprintable():
        _refuse("model", "it holds characters that cannot be printed", hint)


def _check_messages(request: LLMRequest) -> None:
    messages = request.messages
    if not messages:
        _refuse("messages", "there is none", "Ask something.")
    if len(messages) > MOST_MESSAGES:
        _refuse("messages", f"there are more than {MOST_MESSAGES}", "Start a new chat.")
    size = 0
    for number, message in enumerate(messages):
        name = f"messages[{number}]"
        if message.role not in _ROLES:
            _refuse(f"{name}.role", f"it is {message.role!r}", f"Use one of {', '.join(_ROLES)}.")
        try:
            size += len(message.text.encode())
        except UnicodeEncodeError:
            _refuse(f"{name}.content", "it holds half a character", "Remove what is not text.")
        if size > LARGEST_CONTENT:
            _refuse(
                "messages",
                f"they hold more than {LARGEST_CONTENT:,} bytes",
                "Start a new chat, or ask with less text.",
            )
    last = messages[-1]
    if last.role != "user":
        _refuse("messages", "the last one is not from the user", "End with a user's message.")
    if not last.text.strip():
        _refuse(f"messages[{len(messages) - 1}].content", "it is empty", "Ask something.")


def _check_temperature(temperature: float | None) -> None:
    if temperature is not None and not 0 <= temperature <= HOTTEST:  # NaN fails it too
        _refuse("temperature", f"it is {temperature}", f"Choose from 0 to {HOTTEST:g}, or none.")


def _refuse(field: str, what: str, hint: str) -> None:
    raise InvalidRequestError(f"{field}: {what}.", hint)
