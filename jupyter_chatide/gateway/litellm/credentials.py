"""What is wrong with the credentials of a cloud, in words. Part of the worker.

Google's and Amazon's libraries look for credentials themselves; their exceptions are told apart
by their types, without importing what may not be there.
"""

from __future__ import annotations

from pathlib import Path

from ..adapter import Target
from ..errors import AuthenticationError, GatewayError, UnreachableError
from ..key_text import scrub

# The packages that litellm imports for a provider, and the extra of ours that brings them.
_PACKAGES = {
    "google": ("google-auth", "vertex"),
    "requests": ("google-auth", "vertex"),
    "boto3": ("boto3", "bedrock"),
    "botocore": ("boto3", "bedrock"),
}

_UNREACHED = {
    "google.auth.exceptions.TransportError",
    "botocore.exceptions.ConnectTimeoutError",
    "botocore.exceptions.EndpointConnectionError",
}

_CREDENTIALS = {
    "botocore.exceptions.ConfigParseError",
    "botocore.exceptions.CredentialRetrievalError",
    "botocore.exceptions.NoCredentialsError",
    "botocore.exceptions.PartialCredentialsError",
    "botocore.exceptions.ProfileNotFound",
    "botocore.exceptions.SSOTokenLoadError",
    "botocore.exceptions.TokenRetrievalError",
    "botocore.exceptions.UnauthorizedSSOTokenError",
}

_HINTS = {
    "vertex_ai": "Set a service account's JSON document as the key, name its file, or run: "
    "gcloud auth application-default login",
    "bedrock": "Set a Bedrock API key or a profile, or run: aws configure",
}


def check_credentials(target: Target) -> None:
    """Look at what would only fail in a way that says nothing.

    Raises:
        AuthenticationError: the file of credentials is not there.
    """
    path = target.options.get("credentials_file", "")
    if path and not target.key and not Path(path).expanduser().is_file():
        raise AuthenticationError(
            f"{target.provider.label} has its credentials in {path}, which is no file here.",
            "Set the path of a service account's JSON file on the server.",
        )


def credentials_failure(target: Target, cause: BaseException) -> GatewayError | None:
    """What an exception of a cloud's own library means; ``None`` for one of another kind.

    Args:
        target: who was asked; its key is kept out of the message.
        cause: what was raised.
    """
    label, prefix = target.provider.label, target.provider.litellm_prefix
    if isinstance(cause, ImportError):
        package, extra = _PACKAGES.get((cause.name or "").partition(".")[0], ("", ""))
        if not package:
            return None
        return GatewayError(
            f"{label} needs the package {package}, which is not installed.",
            f"Run: pip install 'jupyter-chatide[{extra}]'",
        )
    kind = f"{type(cause).__module__}.{type(cause).__qualname__}"
    if kind in _UNREACHED:
        return UnreachableError(
            f"{label} is not reached to sign in.",
            "Check your network, and the proxy if you need one.",
        )
    badly_formed = prefix == "vertex_ai" and bool(target.key) and type(cause) is ValueError
    if kind in _CREDENTIALS or kind.startswith("google.auth.exceptions.") or badly_formed:
        secrets = (target.options.get(name) for name, _ in target.provider.ambient)
        said = " ".join(scrub(str(cause), target.key, *secrets).split())[:200].rstrip(".")
        return AuthenticationError(
            f"{label} cannot sign in: {said}.", _HINTS.get(prefix, "Set other credentials.")
        )
    return None
