"""The types of a request that was made in Python: what msgspec checks of one that came as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import InvalidRequestError
from .messages import ChatMessage, ImagePart, LLMRequest, ResponseFormat, TextPart, Tool, ToolCall

_TYPES = "Give each field what its type asks for."


def check_types(request: LLMRequest) -> None:
    """Check that each field holds what its type says.

    Raises:
        InvalidRequestError: one does not; the message begins with the field's name.
    """
    _check_type("", request, LLMRequest)
    for i, message in enumerate(request.messages):
        path = f"messages[{i}]"
        _check_type(path, message, ChatMessage)
        if not isinstance(message.content, str):
            for j, part in enumerate(message.content):
                kind = TextPart if isinstance(part, TextPart) else ImagePart
                _check_type(f"{path}.content[{j}]", part, kind)
                if isinstance(part, ImagePart) and not isinstance(part.data, bytes):
                    raise InvalidRequestError(f"{path}.content[{j}].data: it is not bytes.", _TYPES)
        for j, call in enumerate(message.tool_calls):
            _check_type(f"{path}.tool_calls[{j}]", call, ToolCall)
    for i, tool in enumerate(request.tools):
        _check_type(f"tools[{i}]", tool, Tool)
    if request.response_format is not None:
        _check_type("response_format", request.response_format, ResponseFormat)


def _check_type(path: str, value: Any, kind: type[msgspec.Struct]) -> None:
    if not isinstance(value, kind):
        what = f"it is {type(value).__name__}, not {kind.__name__}"
        raise InvalidRequestError(f"{path or 'request'}: {what}.", _TYPES)
    try:
        msgspec.convert(msgspec.structs.asdict(value), kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).replace("`", "").partition(" - at $.")
        name = f"{path}.{where}" if path else where
        what = what[:1].lower() + what[1:200]
        raise InvalidRequestError(f"{name or 'request'}: {what}.", _TYPES) from None
    except UnicodeEncodeError:  # where one of a few words is wanted
        what = "one of its fields holds half a character"
        raise InvalidRequestError(f"{path or 'request'}: {what}.", _TYPES) from None
