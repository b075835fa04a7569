"""A cloud that cannot be signed in to says what is missing, and how to get it."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from jupyter_chatide.gateway import AuthenticationError, ChatMessage, GatewayError, LLMRequest
from jupyter_chatide.gateway.adapter import Target
from jupyter_chatide.gateway.errors import UnreachableError
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.litellm.credentials import check_credentials, credentials_failure
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS

from ..asking import KEY

PROVIDERS = {provider.id: provider for provider in DEFAULT_PROVIDERS}


def target(id: str, key: str | None = None, **options: str) -> Target:
    return Target(PROVIDERS[id], PROVIDERS[id].base_url, key, options)


async def failure_of(target: Target, model: str = "") -> GatewayError:
    provider = target.provider
    model = model or provider.default_model
    request = LLMRequest(provider.id, model, [ChatMessage("user", "hi")])
    adapter = LiteLLMAdapter()
    try:
        with pytest.raises(GatewayError) as caught:
            async with aclosing(adapter.stream(target, request)) as deltas:
                async for _ in deltas:
                    pass
        return caught.value
    finally:
        await adapter.aclose()


@pytest.mark.parametrize(
    ("id", "module", "package", "options"),
    [
        ("vertex", "google", "google-auth", {"project": "p", "location": "global"}),
        ("bedrock", "boto3", "boto3", {"region": "us-east-1", "profile": "work"}),
    ],
)
async def test_a_missing_package_is_named_with_the_command_that_brings_it(
    id: str,
    module: str,
    package: str,
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = f"raise ModuleNotFoundError('away', name={module!r})\n"
    (tmp_path / f"{module}.py").write_text(away)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = await failure_of(target(id, **options))
    assert error.message.endswith(f"needs the package {package}, which is not installed.")
    assert error.hint == f"Run: pip install 'jupyter-chatide[{id}]'"


async def test_a_profile_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("HOME", str(tmp_path))
    for model in ("", "maker.model-that-came-later"):  # an unlisted one can be asked as well
        error = await failure_of(target("bedrock", region="us-east-1", profile="nobody"), model)
        assert isinstance(error, AuthenticationError) and "nobody" in error.message
        assert "profile" in error.hint


def test_a_credentials_file_that_is_not_there_is_said_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    missing = str(tmp_path / "none.json")
    with pytest.raises(AuthenticationError, match="no file here") as caught:
        check_credentials(target("vertex", credentials_file=missing))
    assert missing in caught.value.message
    check_credentials(target("vertex", "{}", credentials_file=missing))  # the key comes first
    (tmp_path / "some.json").write_text("{}")
    check_credentials(target("vertex", credentials_file=str(tmp_path / "some.json")))
    check_credentials(target("openai"))


def raised_by(module: str, name: str, text: str) -> Exception:
    error: Exception = type(name, (Exception,), {"__module__": module})(text)
    return error


@pytest.mark.parametrize(
    ("id", "cause", "kind"),
    [
        ("vertex", raised_by("google.auth.exceptions", "RefreshError", "no"), AuthenticationError),
        ("vertex", raised_by("google.auth.exceptions", "TransportError", "no"), UnreachableError),
        ("vertex", ValueError("Could not deserialize key data"), AuthenticationError),
        (
            "bedrock",
            raised_by("botocore.exceptions", "NoCredentialsError", ""),
            AuthenticationError,
        ),
        (
            "bedrock",
            raised_by("botocore.exceptions", "EndpointConnectionError", ""),
            UnreachableError,
        ),
    ],
)
def test_what_the_clouds_libraries_raise_is_called_by_its_name(
    id: str, cause: Exception, kind: type[GatewayError]
) -> None:
    failure = credentials_failure(target(id, "{}"), cause)
    assert type(failure) is kind and failure.hint


@pytest.mark.parametrize("cause", [ValueError("x"), ImportError("x"), ImportError("x", name="re")])
def test_what_has_nothing_to_do_with_credentials_is_left_alone(cause: Exception) -> None:
    assert credentials_failure(target("bedrock", "key"), cause) is None
    assert credentials_failure(target("anthropic", "key"), cause) is None


def test_no_secret_is_quoted() -> None:
    secret = "canary+secret/access/key/0123456789"
    refused = raised_by("botocore.exceptions", "ConfigParseError", f"bad {secret} and {KEY}")
    said = credentials_failure(target("bedrock", KEY, secret_access_key=secret), refused)
    assert said is not None and "bad" in said.message
    assert secret not in said.message and KEY not in said.message
