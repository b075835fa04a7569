"""A provider's options reach litellm as arguments."""

from __future__ import annotations

from pathlib import Path

from jupyter_chatide.gateway.adapter import ProviderConfiguration, Target
from jupyter_chatide.gateway.litellm.adapter import LiteLLMAdapter
from jupyter_chatide.gateway.litellm.request import arguments
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS
from tests.gateway.asking import KEY

from .asking import Format, ask, question

ACCESS = {"access_key_id": "AKIA", "secret_access_key": "secret", "session_token": "session"}


def provider(name: str) -> ProviderConfiguration:
    (found,) = [provider for provider in DEFAULT_PROVIDERS if provider.id == name]
    return found


def asked(name: str, key: str | None = None, **options: str) -> dict[str, object]:
    """What litellm is asked, but for what every request has."""
    target = Target(provider(name), provider(name).base_url, key, options)
    given = arguments(target, question(model="converse/m"), 60.0)
    assert given["model"] == f"{provider(name).litellm_prefix}/converse/m"
    return {
        field: value
        for field, value in given.items()
        if field.startswith(("aws_", "vertex_", "api_"))
    }


def test_vertex_is_asked_with_project_location_and_credentials(tmp_path: Path) -> None:
    account = tmp_path / "account.json"
    account.write_text("{}")
    place = {"project": "mine", "location": "europe-west4"}
    expected = {"vertex_project": "mine", "vertex_location": "europe-west4"}
    assert asked("vertex", **place) == expected
    given = asked("vertex", **place, credentials_file=str(account))
    assert given == {**expected, "vertex_credentials": str(account)}
    document = '{"type": "service_account"}'
    given = asked("vertex", document, **place, credentials_file=str(account))
    assert given == {**expected, "vertex_credentials": document}


def test_bedrock_is_asked_with_a_key_else_a_profile_else_access_keys() -> None:
    region = {"aws_region_name": "us-east-1"}
    every = {"region": "us-east-1", "profile": "work", **ACCESS}
    assert asked("bedrock", KEY, **every) == {**region, "api_key": KEY}
    assert asked("bedrock", None, **every) == {**region, "aws_profile_name": "work"}
    assert asked("bedrock", None, region="us-east-1", **ACCESS) == {
        **region,
        **{f"aws_{name}": value for name, value in ACCESS.items()},
    }
    assert asked("bedrock", None, region="us-east-1") == region


def test_options_of_others_are_not_passed_on() -> None:
    assert asked("anthropic", KEY, region="us-east-1", api_version="1") == {"api_key": KEY}


async def test_azure_is_asked_for_its_version_and_deployment(
    adapter: LiteLLMAdapter, openai: Format
) -> None:
    openai.provider.reply("ok")
    azure = ProviderConfiguration(
        id="fake", label="Fakes Inc", icon="", adapter="litellm", litellm_prefix="azure"
    )
    target = Target(azure, openai.provider.origin, KEY, {"api_version": "2026-02-01"})
    await ask(adapter, target)
    (request,) = openai.provider.chats
    assert request.path == "/openai/deployments/m/chat/completions"
    assert "api-version=2026-02-01" in request.query
    assert request.headers["api-key"] == KEY
