"""A request in the fields of OpenAI's chat completions, as both adapters send them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from ..messages import ChatMessage, ImagePart, LLMRequest, ResponseFormat, TextPart, Tool


def request_body(request: LLMRequest, *, usage: bool, limit: str = "max_tokens") -> bytes:
    """The JSON body that asks for a streamed answer.

    Args:
        request: what is asked.
        usage: whether to ask for the count of tokens, which a few servers refuse.
        limit: the field of the longest answer: ``max_tokens``, or ``max_completion_tokens`` for
            OpenAI's newer models.
    """
    body = {**request_fields(request), "stream": True}
    if usage:
        body["stream_options"] = {"include_usage": True}
    if limit != "max_tokens" and "max_tokens" in body:
        body[limit] = body.pop("max_tokens")
    return msgspec.json.encode(body)


def request_fields(request: LLMRequest) -> dict[str, Any]:
    """All that a request says, in OpenAI's words; what it leaves open is left out."""
    fields: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
    }
    for name in ("temperature", "max_tokens", "top_p", "seed"):
        if (value := getattr(request, name)) is not None:
            fields[name] = value
    if request.stop:
        fields["stop"] = request.stop
    if request.tools:
        fields["tools"] = [_tool(tool) for tool in request.tools]
    if request.tool_choice in ("auto", "none", "required"):
        fields["tool_choice"] = request.tool_choice
    elif request.tool_choice:
        fields["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    if request.response_format is not None:
        fields["response_format"] = _response_format(request.response_format)
    if request.reasoning_effort:
        fields["reasoning_effort"] = request.reasoning_effort
    return fields


def _message(message: ChatMessage) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role}
    if isinstance(message.content, str):
        # An assistant who only called tools has no content; some servers refuse an empty one.
        fields["content"] = message.content or (None if message.tool_calls else "")
    else:
        fields["content"] = [_part(part) for part in message.content]
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        fields["tool_call_id"] = message.tool_call_id
    return fields


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    url = f"data:{part.media_type};base64,{b64encode(part.data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _response_format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    described: dict[str, Any] = {"name": wanted.name or "answer", "schema": wanted.schema or {}}
    if wanted.strict is not None:
        described["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": described}
