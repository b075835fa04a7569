"""A request in, a stream of deltas out: every provider behind one interface.

Importing this loads neither httpx nor litellm: both come at first use.
"""

from __future__ import annotations

from ..errors import InvalidRequestError
from .adapter import ProviderConfiguration
from .errors import (
    AuthenticationError,
    ContentRefusedError,
    ContextTooLongError,
    GatewayError,
    KeyStoreError,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RequestRefusedError,
    UnreachableError,
)
from .gateway import Gateway
from .keys import KeyStore
from .messages import (
    AnyDelta,
    ChatMessage,
    ExamplePrompt,
    FallbackDelta,
    FinishDelta,
    KeyCheck,
    KeyStatus,
    LLMRequest,
    ModelInfo,
    ProviderStatus,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from .providers import DEFAULT_PROVIDERS

__all__ = [
    "DEFAULT_PROVIDERS",
    "AnyDelta",
    "AuthenticationError",
    "ChatMessage",
    "ContentRefusedError",
    "ContextTooLongError",
    "ExamplePrompt",
    "FallbackDelta",
    "FinishDelta",
    "Gateway",
    "GatewayError",
    "InvalidRequestError",
    "KeyCheck",
    "KeyStatus",
    "KeyStore",
    "KeyStoreError",
    "LLMRequest",
    "MalformedReplyError",
    "ModelInfo",
    "ModelNotFoundError",
    "ModelTimeoutError",
    "OverloadedError",
    "PermissionDeniedError",
    "ProviderConfiguration",
    "ProviderStatus",
    "QuotaError",
    "RateLimitError",
    "ReasoningDelta",
    "RequestRefusedError",
    "TextDelta",
    "UnreachableError",
    "UsageDelta",
]
