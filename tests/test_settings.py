"""Settings: what administrators write, and what the parts make of it, with a server or without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyter_chatide.extension import ChatIDEExtension
from jupyter_chatide.gateway.adapter import ProviderConfiguration
from jupyter_chatide.gateway.settings import Budget, Deadlines, GatewaySettings
from jupyter_chatide.paths import default_data_dir
from jupyter_chatide.runtime import Limits
from jupyter_chatide.settings import Settings, SettingsError, load_settings

CANARY = "sk-canary-5e6f708192a3b4c5d6"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder, and no other."""
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    return tmp_path


def configured(**traits: object) -> ChatIDEExtension:
    return ChatIDEExtension(config=Config({"ChatIDEExtension": traits}))


def test_every_setting_says_its_default_in_its_help() -> None:
    for name, trait in Settings.class_traits(config=True).items():
        assert "Default:" in trait.help, name


def test_defaults_are_those_of_the_parts() -> None:
    settings = Settings()
    assert settings.gateway_settings() == GatewaySettings()
    assert settings.limits() == Limits()
    assert settings.data_path == default_data_dir()


def test_the_gateway_hears_of_all_of_its_settings() -> None:
    given = configured(
        default_model="lab/x",
        fallback=["lab/y"],
        keys={"lab": CANARY},
        key_places=["memory"],
        allowed_models=["lab/*"],
        blocked_models=["lab/z"],
        budget_cost=2.5,
        budget_tokens=1000,
        budget_period="month",
        connect_deadline=1.0,
        first_token_deadline=2.0,
        idle_deadline=3.0,
        total_deadline=4.0,
        workers=2,
        local_models_dir="/models",
    ).gateway_settings()
    assert given == GatewaySettings(
        default_model="lab/x",
        fallback=("lab/y",),
        keys={"lab": CANARY},
        key_places=("memory",),
        allowed=("lab/*",),
        blocked=("lab/z",),
        budget=Budget(2.5, 1000, "month"),
        deadlines=Deadlines(connect=1.0, first_token=2.0, idle=3.0, total=4.0),
        workers=2,
        local_models_dir="/models",
    )
    assert CANARY not in repr(given)


def test_a_provider_of_the_administrators_needs_no_more_than_an_address() -> None:
    settings = configured(providers={"lab": {"base_url": "https://llm.example.org/v1"}})
    (lab,) = settings.gateway_settings().providers
    assert lab == ProviderConfiguration(
        id="lab",
        label="lab",
        icon="openai-compatible.svg",
        adapter="direct",
        group="custom",
        base_url="https://llm.example.org/v1",
    )


def test_a_provider_that_is_known_is_changed_by_the_fields_given() -> None:
    settings = configured(providers={"openai": {"base_url": "https://proxy.example.org/v1"}})
    (openai,) = settings.gateway_settings().providers
    assert (openai.label, openai.base_url) == ("OpenAI", "https://proxy.example.org/v1")
    assert openai.key_variables == ("OPENAI_API_KEY",)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": "red"}, "colour"),
        ({"label": 3}, r"\$\.label"),
        ({"adapter": "telepathy"}, r"\$\.adapter"),
    ],
)
def test_a_provider_that_cannot_be_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=rf"providers\['lab'\].*{words}"):
        configured(providers={"lab": fields}).gateway_settings()


def test_a_key_can_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(CANARY + "\n")
    given = configured(keys={"openai": f"file:{file}"})
    assert given.gateway_settings().keys == {"openai": CANARY}
    file.unlink()
    with pytest.raises(SettingsError, match=r"keys\['openai'\]"):
        given.gateway_settings()


@pytest.mark.parametrize("keys", [CANARY, {"openai": {"key": CANARY}}, {"openai": [CANARY]}])
def test_keys_in_the_wrong_form_are_not_shown(keys: object) -> None:
    with pytest.raises(TraitError) as error:
        configured(keys=keys)
    assert "ChatIDEExtension.keys" in str(error.value)
    assert CANARY not in str(error.value)


def test_without_a_server_the_same_files_hold(folder: Path) -> None:
    (folder / "jupyter_config.json").write_text(
        '{"ChatIDEExtension": {"workers": 2, "budget_tokens": 5}}'
    )
    (folder / "jupyter_chatide_config.py").write_text("c.ChatIDEExtension.budget_tokens = 6")
    (folder / "jupyter_server_config.py").write_text(
        'c.ChatIDEExtension.blocked_models = ["openai"]\nc.ServerApp.port = 1'
    )
    settings = load_settings()
    assert (settings.workers, settings.budget_tokens) == (2, 6)
    assert settings.gateway_settings().blocked == ("openai",)


def test_without_any_file_there_are_the_defaults(folder: Path) -> None:
    assert load_settings().gateway_settings() == GatewaySettings()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("c.ChatIDEExtension.workers = 'many'", "workers"),
        (f"c.ChatIDEExtension.keys = '{CANARY}'", "keys"),
        ("raise RuntimeError('{CANARY}')", "jupyter_server_config.py"),
        ("oops(", "jupyter_server_config.py"),
    ],
)
def test_a_file_that_is_wrong_is_said(folder: Path, content: str, words: str) -> None:
    (folder / "jupyter_server_config.py").write_text(content)
    with pytest.raises(SettingsError, match=words) as error:
        load_settings()
    assert error.value.hint
    assert CANARY not in error.value.message


def test_reading_them_imports_no_server(folder: Path) -> None:
    code = (
        "import sys; from jupyter_chatide.settings import load_settings; load_settings();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"jupyter_server", "tornado", "httpx", "litellm"}
