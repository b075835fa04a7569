"""Keys stay with this user, and with the address that they were given for."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chatide.errors import ChatIDEError, InvalidRequestError, NotFoundError
from jupyter_chatide.gateway import KeyStatus, KeyStore, KeyStoreError
from jupyter_chatide.gateway.preferences import CustomProvider, PreferenceStore
from jupyter_chatide.gateway.registry import ProviderRegistry

from .asking import KEY, SERVICE_ACCOUNT

OTHER = "sk-other-0123456789abcdef"
HERE = "http://127.0.0.1:8000/v1"
THERE = "http://127.0.0.1:9000/v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chatide"


@pytest.fixture
def keys(folder: Path) -> KeyStore:
    return KeyStore(folder, environ={})


def with_environment(folder: Path, **environ: str) -> KeyStore:
    return KeyStore(folder, environ=environ)


def test_a_key_is_kept_for_the_next_session(keys: KeyStore, folder: Path) -> None:
    assert keys.status("openai") == KeyStatus(set=False)
    status = keys.set("openai", KEY)
    assert status == KeyStatus(set=True, source="file", hint=f"…{KEY[-4:]}")
    again = KeyStore(folder, environ={})
    assert again.get("openai") == KEY
    assert again.target("openai").base_url == "https://api.openai.com/v1"
    again.delete("openai")
    assert keys.get("openai") is None
    again.delete("openai")  # twice is fine


def test_only_this_user_can_read_the_file(keys: KeyStore, folder: Path) -> None:
    before = os.umask(0)
    try:
        keys.set("openai", KEY)
        keys.set("groq", OTHER)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert {entry.name for entry in folder.iterdir()} == {".lock", "keys.json"}
    assert json.loads(keys.path.read_text())["version"] == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_read_is_refused(keys: KeyStore, mode: int) -> None:
    keys.set("openai", KEY)
    keys.path.chmod(mode)
    for use in (lambda: keys.get("openai"), lambda: keys.set("openai", OTHER)):
        with pytest.raises(KeyStoreError) as caught:
            use()
        assert "chmod 600" in caught.value.hint
    keys.path.chmod(0o600)
    assert keys.get("openai") == KEY


def test_a_folder_that_others_can_enter_is_refused(keys: KeyStore, folder: Path) -> None:
    folder.mkdir(mode=0o755)
    assert keys.get("openai") is None  # nothing there to leak
    with pytest.raises(KeyStoreError, match="other users") as caught:
        keys.set("openai", KEY)
    assert "chmod 700" in caught.value.hint
    assert list(folder.iterdir()) == []
    folder.chmod(0o700)
    keys.set("openai", KEY)
    folder.chmod(0o750)
    with pytest.raises(KeyStoreError):
        keys.get("openai")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(keys: KeyStore) -> None:
    keys.set("openai", KEY)
    os.chown(keys.path, 65534, 65534)
    with pytest.raises(KeyStoreError, match="another user"):
        keys.get("openai")


def test_a_link_a_pipe_and_a_folder_are_refused(keys: KeyStore, tmp_path: Path) -> None:
    keys.set("openai", KEY)
    elsewhere = tmp_path / "elsewhere.json"
    keys.path.rename(elsewhere)
    keys.path.symlink_to(elsewhere)
    with pytest.raises(KeyStoreError, match="symbolic link"):
        keys.get("openai")
    keys.path.unlink()
    os.mkfifo(keys.path, 0o600)
    with pytest.raises(KeyStoreError, match="not a file"):
        keys.get("openai")
    keys.path.unlink()
    keys.path.mkdir(0o700)
    with pytest.raises(KeyStoreError):
        keys.get("openai")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"providers": 7}', f'{{"providers": {{"openai": "{KEY}"}}}}', "x" * 1_100_000],
)
def test_a_broken_file_is_refused_without_quoting_it(keys: KeyStore, content: str) -> None:
    keys.set("openai", OTHER)
    keys.path.write_text(content)
    with pytest.raises(KeyStoreError) as caught:
        keys.get("openai")
    assert KEY not in repr(caught.value) + caught.value.hint


def test_a_write_that_fails_loses_nothing(
    keys: KeyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.set("openai", KEY)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyStoreError, match="No space left"):
        keys.set("openai", OTHER)
    assert keys.get("openai") == KEY
    assert {entry.name for entry in folder.iterdir()} == {".lock", "keys.json"}


@pytest.mark.parametrize("key", ["", "  ", "a b", "a\nb", "schlüssel", "a\x00b", "k" * 4097])
def test_what_cannot_be_a_key_is_refused(keys: KeyStore, key: str) -> None:
    with pytest.raises(KeyStoreError) as caught:
        keys.set("openai", key)
    assert caught.value.hint
    assert not keys.path.exists()


def test_white_space_around_a_pasted_key_is_dropped(keys: KeyStore) -> None:
    keys.set("openai", f"  {KEY}\n")
    assert keys.get("openai") == KEY


def test_the_environment_comes_first_and_is_left_alone(folder: Path) -> None:
    KeyStore(folder, environ={}).set("openai", OTHER)
    keys = with_environment(folder, OPENAI_API_KEY=f"{KEY}\n")
    assert keys.get("openai") == KEY
    assert keys.status("openai") == KeyStatus(True, "environment", "OPENAI_API_KEY")
    with pytest.raises(KeyStoreError, match="OPENAI_API_KEY"):
        keys.set("openai", "sk-new-9999999999999")
    keys.delete("openai")
    assert keys.get("openai") == KEY


def test_the_first_variable_that_is_set_wins(folder: Path) -> None:
    keys = with_environment(folder, GEMINI_API_KEY="", GOOGLE_API_KEY=KEY)
    assert keys.status("google").hint == "GOOGLE_API_KEY"


def test_a_key_in_the_environment_that_is_none_is_named_not_shown(folder: Path) -> None:
    keys = with_environment(folder, OPENAI_API_KEY=f"{KEY}\nX-Evil: 1")
    with pytest.raises(KeyStoreError, match="OPENAI_API_KEY") as caught:
        keys.get("openai")
    assert KEY not in str(caught.value)


def test_an_environment_key_goes_to_its_own_address_only(folder: Path) -> None:
    keys = with_environment(folder, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="https://proxy.example/v1")
    target = keys.target("openai")
    assert (target.base_url, target.key) == ("https://proxy.example/v1", KEY)
    assert keys.get("openai-compatible") is None


def test_the_administrators_key_comes_after_the_environments_and_before_the_users(
    folder: Path,
) -> None:
    KeyStore(folder, environ={}).set("openai", OTHER)
    keys = KeyStore(folder, environ={}, keys={"openai": f"{KEY}\n"})
    assert keys.get("openai") == KEY
    assert keys.status("openai") == KeyStatus(True, "trait", "ChatIDEExtension.keys")
    with pytest.raises(KeyStoreError, match="administrator"):
        keys.set("openai", "sk-new-9999999999999")
    keys.delete("openai")
    assert keys.get("openai") == KEY
    both = KeyStore(folder, environ={"OPENAI_API_KEY": OTHER}, keys={"openai": KEY})
    assert both.get("openai") == OTHER
    assert KEY not in repr(keys) + repr(vars(keys))


def test_the_administrators_key_goes_to_no_address_of_the_users(folder: Path) -> None:
    preferences = PreferenceStore(folder)
    registry = ProviderRegistry(preferences=preferences)
    keys = KeyStore(folder, registry, environ={}, keys={"lmstudio": KEY, "corp": OTHER})
    assert keys.get("lmstudio") == KEY
    keys.set("lmstudio", None, base_url=THERE)
    assert keys.get("lmstudio") is None
    registry.put_custom("corp", CustomProvider("Evil", THERE))
    assert keys.get("corp") is None


def test_a_key_of_the_administrators_that_is_none_is_named_not_shown(folder: Path) -> None:
    keys = KeyStore(folder, environ={}, keys={"openai": f"{KEY} {KEY}"})
    with pytest.raises(KeyStoreError, match=r"ChatIDEExtension\.keys") as caught:
        keys.get("openai")
    assert KEY not in str(caught.value)


def test_a_key_in_memory_is_on_no_disk_and_ends_with_the_process(folder: Path) -> None:
    keys = KeyStore(folder, environ={})
    status = keys.set("openai", KEY, place="memory")
    assert status == KeyStatus(True, "memory", f"…{KEY[-4:]}")
    assert keys.get("openai") == KEY
    assert not folder.exists()
    assert KeyStore(folder, environ={}).get("openai") is None
    assert KEY not in repr(vars(keys))
    keys.delete("openai")
    assert keys.get("openai") is None


def test_a_key_in_memory_is_for_one_address_too(keys: KeyStore) -> None:
    keys.set("openai-compatible", KEY, base_url=HERE, place="memory")
    assert keys.get("openai-compatible") == KEY
    KeyStore(keys.path.parent, environ={}).set("openai-compatible", None, base_url=THERE)
    assert keys.get("openai-compatible") is None  # changed from another process
    keys.set("openai-compatible", None, base_url=THERE)
    assert not keys.set("openai-compatible", None, base_url=HERE).set  # gone for good


@pytest.mark.parametrize("variable", ["BINDER_SERVICE_HOST", "BINDER_LAUNCH_HOST"])
def test_on_binder_keys_stay_in_memory_unless_asked(folder: Path, variable: str) -> None:
    keys = with_environment(folder, **{variable: "https://hub.example/"})
    assert keys.places() == ["memory", "file"]
    assert keys.set("openai", KEY).source == "memory"
    assert keys.set("openai", KEY, place="file").source == "file"


def test_the_administrator_says_where_keys_may_be(folder: Path) -> None:
    keys = KeyStore(folder, environ={}, places=("memory", "keyring"))
    assert keys.places() == ["memory"]
    assert keys.set("openai", KEY).source == "memory"
    with pytest.raises(InvalidRequestError, match=r"place: .* a file") as caught:
        keys.set("openai", KEY, place="file")
    assert "memory" in caught.value.hint
    with pytest.raises(InvalidRequestError, match="place: "):
        KeyStore(folder, environ={}, places=()).set("openai", KEY)


def test_two_processes_that_set_keys_at_once_lose_none(folder: Path) -> None:
    code = """
import pathlib, sys
from jupyter_chatide.gateway import KeyStore
keys = KeyStore(pathlib.Path(sys.argv[1]), environ={})
print("ready", flush=True)
sys.stdin.readline()
for n in range(20):
    for provider in sys.argv[2:]:
        keys.set(provider, f"sk-{provider}-{n:012d}", place="file")
"""
    halves = (["openai", "groq", "mistral"], ["anthropic", "google", "openrouter"])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), *half],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in halves
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # both have loaded: now they meet
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    keys = KeyStore(folder, environ={})
    for provider in halves[0] + halves[1]:
        assert keys.get(provider) == f"sk-{provider}-{19:012d}"
    assert {entry.name for entry in folder.iterdir()} == {".lock", "keys.json"}


def test_the_options_in_force_go_with_the_key(folder: Path) -> None:
    preferences = PreferenceStore(folder)
    registry = ProviderRegistry(preferences=preferences)
    keys = KeyStore(folder, registry, environ={"AWS_SECRET_ACCESS_KEY": OTHER})
    registry.set_options("bedrock", {"region": "eu-central-1"})
    target = keys.target("bedrock")
    assert target.options == {"region": "eu-central-1", "secret_access_key": OTHER}
    assert OTHER not in repr(target)


def test_the_users_own_providers_have_keys_in_every_process(folder: Path) -> None:
    ProviderRegistry(preferences=PreferenceStore(folder)).put_custom(
        "mine", CustomProvider("Mine", HERE, needs_key=True)
    )
    KeyStore(folder, environ={}).set("mine", KEY)
    registry = ProviderRegistry(preferences=PreferenceStore(folder))
    keys = KeyStore(folder, registry, environ={})
    assert keys.get("mine") == KEY
    registry.put_custom("mine", CustomProvider("Mine", THERE, needs_key=True))
    assert keys.get("mine") is None


def test_a_credentials_document_is_kept_in_one_line(folder: Path) -> None:
    keys = KeyStore(folder, environ={})
    text = json.dumps(SERVICE_ACCOUNT, indent=2)
    status = keys.set("vertex", f"\n{text}\n")
    assert status.hint == SERVICE_ACCOUNT["client_email"]
    key = keys.get("vertex")
    assert key is not None and "\n" not in key
    assert json.loads(key) == SERVICE_ACCOUNT
    environ = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": text}
    assert with_environment(folder, **environ).get("vertex") == key


def test_another_address_asks_for_the_key_again(keys: KeyStore) -> None:
    keys.set("openai-compatible", KEY, base_url=HERE)
    assert keys.set("openai-compatible", None, base_url=HERE).set  # the same: it stays
    assert not keys.set("openai-compatible", None, base_url=THERE).set
    assert keys.target("openai-compatible").base_url == THERE
    assert not keys.set("openai-compatible", None, base_url=HERE).set  # gone for good
    assert KEY not in keys.path.read_text()
    keys.set("openai-compatible", KEY)
    assert keys.set("openai-compatible", OTHER, base_url=THERE).set
    assert keys.get("openai-compatible") == OTHER
    keys.delete("openai-compatible")
    assert keys.base_url("openai-compatible") == THERE  # the address stays
    keys.set("openai-compatible", None, base_url="")
    assert keys.base_url("openai-compatible") == ""


def test_a_key_in_the_file_does_not_follow_a_changed_variable(folder: Path) -> None:
    with_environment(folder, OPENAI_BASE_URL="https://one.example/v1").set("openai", KEY)
    assert with_environment(folder, OPENAI_BASE_URL="https://two.example/v1").get("openai") is None
    assert with_environment(folder, OPENAI_BASE_URL="https://one.example/v1").get("openai") == KEY


def test_only_providers_that_can_be_anywhere_take_an_address(keys: KeyStore) -> None:
    with pytest.raises(InvalidRequestError, match=r"base_url.*api\.groq\.com"):
        keys.set("groq", KEY, base_url=HERE)
    keys.set("groq", KEY, base_url="https://api.groq.com/openai/v1/")
    assert keys.get("groq") == KEY


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://box:8000", "http://box:8000/v1"),
        (" http://Box:8000/v1/ ", "http://box:8000/v1"),
        ("https://x.example/some/path/", "https://x.example/some/path"),
        ("http://box/v1/chat/completions", "http://box/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_is_read_as_it_was_meant(keys: KeyStore, given: str, meant: str) -> None:
    keys.set("openai-compatible", None, base_url=given)
    assert keys.base_url("openai-compatible") == meant


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://box/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:pass@box/v1",
        "http://box/v1?key=x",
        "http://box/v1#x",
        "http://box:port/v1",
        "http://box:99999/v1",
        "http://b ox/v1",
        "http://box/\nx",
        "http://bö.example/v1",
        "http://[::1/v1",
        "http://[v1.x]/v1",
        "http://192.168.1.300:11434",
        "http://xn--/v1",
        "http://" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused(keys: KeyStore, url: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        keys.set("openai-compatible", KEY, base_url=url)
    assert caught.value.message.startswith("base_url: ")
    assert "pass" not in caught.value.message.replace("password", "")
    assert not keys.path.exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:80", "http://box:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999"),
        ("[::1]", "http://[::1]:11434"),
        ("[::]:9999", "http://127.0.0.1:9999"),
        ("http://box:11434/", "http://box:11434"),
        ("https://box.example/ollama/v1", "https://box.example/ollama"),
    ],
)
def test_ollama_is_found_where_its_own_variable_says(folder: Path, host: str, url: str) -> None:
    assert with_environment(folder, OLLAMA_HOST=host).base_url("ollama") == url


def test_a_variable_that_holds_no_address_is_named(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match="OPENAI_BASE_URL"):
        with_environment(folder, OPENAI_BASE_URL="nonsense").base_url("openai")


def test_nothing_to_set_and_nobody_to_set_it_for(keys: KeyStore) -> None:
    with pytest.raises(InvalidRequestError):
        keys.set("openai", None)
    with pytest.raises(InvalidRequestError):
        keys.set("openai-compatible", KEY)  # no address yet
    with pytest.raises(InvalidRequestError, match="demo"):
        keys.set("demo", KEY)
    for use in (keys.get, keys.status, keys.delete, keys.base_url):
        with pytest.raises(NotFoundError):
            use("nobody")


def test_no_key_shows_in_what_a_log_may_hold(keys: KeyStore) -> None:
    status = keys.set("openai", KEY)
    target = keys.target("openai")
    shown = f"{keys!r} {keys} {status!r} {target!r} {target} {vars(keys)!r} {keys._file._read()!r}"
    for wrong in (f"{KEY}\n{KEY}", f"{KEY} ", "x" * 5000):
        try:
            keys.set("openai-compatible", wrong)
        except ChatIDEError as error:
            shown += f"{error!r} {error} {error.hint}"
    assert KEY not in shown and KEY[-8:] not in shown
