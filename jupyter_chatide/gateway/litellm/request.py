"""What litellm is asked for a request: arguments, never the environment. Part of the worker."""

from __future__ import annotations

from typing import Any

from ..adapter import Target
from ..messages import LLMRequest
from ..wire.openai_request import request_fields
from .credentials import check_credentials

# Where litellm goes by itself; spelled out, the same URL would take other paths in its code.
_LITELLM_DEFAULTS = {
    "anthropic": "https://api.anthropic.com",
    "bedrock": "https://bedrock-runtime.amazonaws.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "openai": "https://api.openai.com/v1",
    "vertex_ai": "https://aiplatform.googleapis.com",
}

# What litellm calls our options, by its prefix of the provider.
_OPTIONS = {
    "azure": {"api_version": "api_version"},
    "bedrock": {
        "region": "aws_region_name",
        "profile": "aws_profile_name",
        "access_key_id": "aws_access_key_id",
        "secret_access_key": "aws_secret_access_key",
        "session_token": "aws_session_token",
    },
    "vertex_ai": {
        "project": "vertex_project",
        "location": "vertex_location",
        "credentials_file": "vertex_credentials",
    },
}

# Where a key goes; with all others it is litellm's `api_key`.
_KEYS = {"vertex_ai": "vertex_credentials"}

# Those that look for credentials elsewhere (in the user's home, at the machine's role) when there
# is no key. The others get a made-up one, or litellm would look for one or refuse to ask.
_KEYLESS = {"bedrock", "vertex_ai"}


def arguments(target: Target, request: LLMRequest, total: float) -> dict[str, Any]:
    """The arguments of ``litellm.acompletion``.

    A parameter that litellm knows the model not to take is left out (its ``drop_params``), since
    it asks providers whose models differ in what they take: a temperature, a seed, a reasoning
    effort.

    Args:
        target: whom to ask; its options become arguments.
        request: what to ask.
        total: seconds that the answer may take.

    Raises:
        AuthenticationError: the file that holds its credentials is not there.
    """
    check_credentials(target)
    prefix = target.provider.litellm_prefix
    asked: dict[str, Any] = {
        **request_fields(request),
        "model": f"{prefix}/{_route(prefix, request.model)}{request.model}",
        "stream": True,
        "stream_options": {"include_usage": True},
        "timeout": total,
        "num_retries": 0,
        "max_retries": 0,
        # Else litellm looks whether a tool is a server of its own proxy, for which it imports a
        # library that it does not bring.
        "_skip_mcp_handler": True,
    }
    for name, theirs in _OPTIONS.get(prefix, {}).items():
        if value := target.options.get(name):
            asked[theirs] = value
    if target.key:
        asked[_KEYS.get(prefix, "api_key")] = target.key
    elif prefix not in _KEYLESS:
        asked["api_key"] = "none"
    if prefix == "bedrock":
        _choose_credentials(asked)
    if base_url := _base_url(prefix, target.base_url):
        asked["api_base"] = base_url
    return asked


def _route(prefix: str, model: str) -> str:
    """Which of Bedrock's interfaces to ask: for a model that litellm does not know, the one that
    all models share, where litellm would try that of the first ones."""
    if prefix == "bedrock" and "/" not in model:
        import litellm

        if model not in litellm.model_cost:
            return "converse/"
    return ""


def _choose_credentials(asked: dict[str, Any]) -> None:
    """A key comes before a profile, and a profile before the environment's access keys."""
    names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
    if "api_key" in asked:
        names.append("aws_profile_name")
    elif "aws_profile_name" not in asked:
        return
    for name in names:
        asked.pop(name, None)


def _base_url(prefix: str, base_url: str) -> str | None:
    """A base URL as litellm wants it of this provider, ``None`` for its own default.

    litellm appends ``/v1/messages`` to Anthropic's and ``/models/…`` to Google's, whose own URL
    carries the version; we name both without.
    """
    base_url = base_url.rstrip("/")
    if not base_url or base_url == _LITELLM_DEFAULTS.get(prefix):
        return None
    if prefix == "anthropic":
        return base_url.removesuffix("/messages").removesuffix("/v1")
    if prefix == "gemini" and not base_url.endswith(("/v1beta", "/v1alpha", "/v1")):
        return f"{base_url}/v1beta"
    return base_url
