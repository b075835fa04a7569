"""What can go wrong between a request and a model's answer, classed by status and type."""

from __future__ import annotations

from ..errors import ChatIDEError


class GatewayError(ChatIDEError):
    """A model could not answer.

    Args:
        message: one sentence that says what happened, naming the provider.
        hint: one thing to do about it.
        status: the HTTP status of the provider's answer, where there was one.
        retry_after: seconds that the provider asked to wait, where it did.
    """

    code = "gateway"

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


class AuthenticationError(GatewayError):
    """The key is missing or wrong (401)."""

    code = "authentication"


class PermissionDeniedError(GatewayError):
    """The key is right but may not do this (403)."""

    code = "permission"


class QuotaError(GatewayError):
    """The account has no credit left (402, or 429 with a billing code)."""

    code = "quota"


class RateLimitError(GatewayError):
    """Too many requests for now (429)."""

    code = "rate_limit"


class ContextTooLongError(GatewayError):
    """The messages do not fit the model's context window."""

    code = "context_too_long"


class ModelNotFoundError(GatewayError):
    """The provider has no such model (404)."""

    code = "model_not_found"


class ContentRefusedError(GatewayError):
    """The provider's content filter refused the request."""

    code = "content_refused"


class RequestRefusedError(GatewayError):
    """The provider calls the request malformed (400, 413, 422)."""

    code = "request_refused"


class OverloadedError(GatewayError):
    """The provider is failing or overloaded (5xx)."""

    code = "overloaded"


class ModelTimeoutError(GatewayError):
    """A deadline passed: connect, first token, idle or total."""

    code = "timeout"


class UnreachableError(GatewayError):
    """No connection: refused, name not found, dropped."""

    code = "unreachable"


class MalformedReplyError(GatewayError):
    """The provider answered with something that is not its protocol."""

    code = "malformed_reply"


class KeyStoreError(GatewayError):
    """The key store cannot be read or written safely, or the key itself is not usable."""

    code = "key_store"


class PolicyError(GatewayError):
    """The administrator's policy does not allow this provider or model."""

    code = "policy"


class BudgetError(GatewayError):
    """The budget of tokens or of money is used up."""

    code = "budget"
