"""A request in, a stream of deltas out: every provider behind one interface.

Importing this loads neither httpx nor litellm: both come at first use.
"""

from __future__ import annotations

from ..errors import InvalidRequestError
from .adapter import ProviderConfiguration
from .errors import (
    AuthenticationError,
    BudgetError,
    ContentRefusedError,
    ContextTooLongError,
    GatewayError,
    KeyStoreError,
    MalformedReplyError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    PolicyError,
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
    ImagePart,
    KeyCheck,
    KeyStatus,
    LLMRequest,
    ModelInfo,
    ProviderStatus,
    Purpose,
    ReasoningDelta,
    ResponseFormat,
    RetryDelta,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
    UsageDelta,
)
from .providers import DEFAULT_PROVIDERS
from .settings import Budget, Deadlines, GatewaySettings

__all__ = [
    "DEFAULT_PROVIDERS",
    "AnyDelta",
    "AuthenticationError",
    "Budget",
    "BudgetError",
    "ChatMessage",
    "ContentRefusedError",
    "ContextTooLongError",
    "Deadlines",
    "ExamplePrompt",
    "FallbackDelta",
    "FinishDelta",
    "Gateway",
    "GatewayError",
    "GatewaySettings",
    "ImagePart",
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
    "PolicyError",
    "ProviderConfiguration",
    "ProviderStatus",
    "Purpose",
    "QuotaError",
    "RateLimitError",
    "ReasoningDelta",
    "RequestRefusedError",
    "ResponseFormat",
    "RetryDelta",
    "TextDelta",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "UnreachableError",
    "UsageDelta",
]
