"""Which providers there are: ours, the administrator's, the user's; and what is set of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_chatide.errors import InvalidRequestError, NotFoundError
from jupyter_chatide.gateway.adapter import OptionConfiguration, ProviderConfiguration
from jupyter_chatide.gateway.preferences import CustomProvider, PreferenceStore
from jupyter_chatide.gateway.providers import DEFAULT_PROVIDERS
from jupyter_chatide.gateway.registry import ProviderRegistry

MINE = CustomProvider(label="My server", base_url="http://box:9000", default_model="m")


def kept(folder: Path) -> ProviderRegistry:
    return ProviderRegistry(preferences=PreferenceStore(folder))


def extra(id: str, **fields: object) -> ProviderConfiguration:
    settings = {"label": "House", "icon": "", "adapter": "direct", "base_url": "https://llm.house"}
    return ProviderConfiguration(id=id, **{**settings, **fields})  # type: ignore[arg-type]


def test_ours_come_in_their_order_and_a_wrong_name_is_said() -> None:
    registry = ProviderRegistry()
    assert registry.all() == DEFAULT_PROVIDERS
    assert registry.get("groq").label == "Groq"
    with pytest.raises(NotFoundError, match="'grok'"):
        registry.get("grok")


def test_the_administrator_s_take_the_place_of_ours_or_come_after_them() -> None:
    proxy = extra("openai", label="OpenAI through the house")
    registry = ProviderRegistry(extra=[proxy, extra("house")])
    assert registry.all()[0].id == "openai"
    assert registry.get("openai").label == "OpenAI through the house"
    assert registry.get("openai").group == "cloud"
    assert registry.all()[-1].id == "house" and registry.get("house").group == "custom"
    assert registry.get("house").base_url == "https://llm.house"  # not /v1: as it was given
    assert ProviderRegistry(extra=[extra("near", group="local")]).get("near").group == "local"
    assert not registry.is_custom("house")
    with pytest.raises(NotFoundError):
        registry.remove_custom("house")


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        (extra("a/b"), "id"),
        (extra(""), "id"),
        (extra("x", base_url="house"), "base_url"),
        (extra("x", base_url="https://user:password@house"), "base_url"),
    ],
)
def test_an_administrator_s_slip_is_named(provider: ProviderConfiguration, field: str) -> None:
    with pytest.raises(InvalidRequestError, match=field) as caught:
        ProviderRegistry(extra=[provider])
    assert "password" not in caught.value.message.replace("a password", "")


def test_a_provider_of_one_s_own_is_kept_changed_and_removed(tmp_path: Path) -> None:
    registry = kept(tmp_path)
    added = registry.put_custom("my-server", MINE)
    assert added == registry.get("my-server") == kept(tmp_path).all()[-1]
    assert (added.label, added.base_url, added.group) == (
        "My server",
        "http://box:9000/v1",
        "custom",
    )
    assert (added.adapter, added.base_url_editable, added.needs_key) == ("direct", False, False)
    assert added.default_model == "m" and not added.local
    assert registry.is_custom("my-server")
    near = CustomProvider(label="  Mine \t two ", base_url="http://localhost:9/v1", needs_key=True)
    changed = registry.put_custom("my-server", near)
    assert changed.label == "Mine two" and changed.local and changed.needs_key
    assert len(registry.all()) == len(DEFAULT_PROVIDERS) + 1
    registry.remove_custom("my-server")
    assert kept(tmp_path).all() == DEFAULT_PROVIDERS
    with pytest.raises(NotFoundError, match="my-server"):
        registry.remove_custom("my-server")
    with pytest.raises(NotFoundError):
        registry.remove_custom("openai")


def test_without_a_place_to_keep_them_they_last_as_long_as_the_process() -> None:
    registry = ProviderRegistry()
    registry.put_custom("mine", MINE)
    registry.set_options("ollama", {"context": "4096"})
    assert registry.get("mine").label == "My server"
    assert registry.option_values("ollama", {}) == {"context": "4096"}
    assert ProviderRegistry().all() == DEFAULT_PROVIDERS


@pytest.mark.parametrize("id", ["", "-a", "A", "my server", "a/b", "../x", "ä", "x" * 41, "a\n"])
def test_an_id_that_cannot_stand_before_a_slash_is_refused(id: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"^id: "):
        kept(tmp_path).put_custom(id, MINE)
    assert kept(tmp_path).all() == DEFAULT_PROVIDERS


def test_an_id_of_ours_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="taken by Groq"):
        kept(tmp_path).put_custom("groq", MINE)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "   "}, "label"),
        ({"label": "x" * 61}, "label"),
        ({"label": "a\u202eb"}, "label"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "box:9000"}, "base_url"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
        ({"base_url": "http://me:secret@box"}, "base_url"),
        ({"base_url": "http://box/?api_key=secret"}, "base_url"),
        ({"default_model": "x" * 201}, "default_model"),
        ({"default_model": "a\nb"}, "default_model"),
    ],
)
def test_a_slip_in_a_provider_of_one_s_own_is_named(
    fields: dict[str, str], field: str, tmp_path: Path
) -> None:
    custom = CustomProvider(**{"label": "Mine", "base_url": "http://box", **fields})
    with pytest.raises(InvalidRequestError, match=f"^{field}: ") as caught:
        kept(tmp_path).put_custom("mine", custom)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_there_is_an_end_to_providers_of_one_s_own() -> None:
    registry = ProviderRegistry()
    for number in range(100):
        registry.put_custom(f"own-{number}", MINE)
    with pytest.raises(InvalidRequestError, match="100 providers"):
        registry.put_custom("one-more", MINE)
    registry.put_custom("own-7", MINE)  # changing one is no further one


def test_a_file_edited_by_hand_does_not_shadow_ours_or_break_the_rest(tmp_path: Path) -> None:
    kept(tmp_path).put_custom("good", MINE)
    path = tmp_path / "preferences.json"
    content = json.loads(path.read_text())
    entry = content["providers"]["good"]
    content["providers"] |= {
        "openai": {**entry, "base_url": "http://evil.example/v1"},
        "a/b": entry,
        "no-url": {**entry, "base_url": "nowhere"},
    }
    path.write_text(json.dumps(content))
    registry = kept(tmp_path)
    assert [provider.id for provider in registry.all()[len(DEFAULT_PROVIDERS) :]] == ["good"]
    assert registry.get("openai").base_url == "https://api.openai.com/v1"


def test_options_come_from_the_environment_then_from_the_user_then_by_default(
    tmp_path: Path,
) -> None:
    registry = kept(tmp_path)
    environ = {"VERTEX_LOCATION": "us-east5", "GOOGLE_CLOUD_LOCATION": "asia-east1"}
    registry.set_options("vertex", {"project": " p-1 ", "location": "europe-west4"})
    by_name = {status.name: status for status in kept(tmp_path).options("vertex", environ)}
    assert (by_name["location"].value, by_name["location"].variable) == (
        "us-east5",
        "VERTEX_LOCATION",
    )
    assert (by_name["project"].value, by_name["project"].variable) == ("p-1", "")
    assert by_name["project"].required and not by_name["credentials_file"].required
    assert registry.option_values("vertex", {}) == {"project": "p-1", "location": "europe-west4"}
    registry.set_options("vertex", {"location": ""})
    assert registry.option_values("vertex", {}) == {"project": "p-1", "location": "global"}


def test_options_that_cannot_be_are_refused_by_name(tmp_path: Path) -> None:
    registry = kept(tmp_path)
    for value in ("many", "0", "-5", "8k", "1e4", "9" * 30, "٣", "4096.5"):
        with pytest.raises(InvalidRequestError, match=r"^context: "):
            registry.set_options("ollama", {"context": value})
    with pytest.raises(InvalidRequestError, match=r"^region: "):
        registry.set_options("bedrock", {"region": "us\neast"})
    with pytest.raises(InvalidRequestError, match=r"^colour: OpenAI has no such option"):
        registry.set_options("openai", {"colour": "red"})
    with pytest.raises(InvalidRequestError, match=r"^secret_access_key: "):
        registry.set_options("bedrock", {"secret_access_key": "x"})
    with pytest.raises(NotFoundError):
        registry.set_options("nobody", {})
    assert registry.option_values("ollama", {}) == {"context": "8192"}
    registry.set_options("ollama", {"context": "004096"})
    assert registry.option_values("ollama", {}) == {"context": "4096"}


def test_a_variable_that_holds_no_number_counts_as_not_set() -> None:
    (context,) = ProviderRegistry().options("ollama", {"OLLAMA_CONTEXT_LENGTH": "plenty"})
    assert (context.value, context.variable) == ("8192", "")
    (context,) = ProviderRegistry().options("ollama", {"OLLAMA_CONTEXT_LENGTH": "16384"})
    assert (context.value, context.variable) == ("16384", "OLLAMA_CONTEXT_LENGTH")


def test_the_machine_s_credentials_reach_the_adapter_and_no_list() -> None:
    secret = "canary-secret-access-key"
    environ = {"AWS_REGION": "eu-central-1", "AWS_SECRET_ACCESS_KEY": secret}
    registry = ProviderRegistry()
    assert registry.option_values("bedrock", environ) == {
        "region": "eu-central-1",
        "secret_access_key": secret,
    }
    assert secret not in repr(registry.options("bedrock", environ))


def test_an_administrator_s_provider_may_have_options() -> None:
    option = OptionConfiguration(name="team", label="Team", variables=("HOUSE_TEAM",))
    registry = ProviderRegistry(extra=[extra("house", options=(option,))])
    assert registry.option_values("house", {"HOUSE_TEAM": "blue"}) == {"team": "blue"}


def test_removing_a_provider_of_one_s_own_leaves_the_others_options(tmp_path: Path) -> None:
    registry = kept(tmp_path)
    registry.put_custom("mine", MINE)
    registry.set_options("ollama", {"context": "4096"})
    registry.remove_custom("mine")
    assert kept(tmp_path).option_values("ollama", {}) == {"context": "4096"}
