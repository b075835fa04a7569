"""Where the computer has a keyring, keys are kept there; where it hangs, nobody hangs with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from keyring.backends import chainer, fail, null

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway import KeyStatus, KeyStore, KeyStoreError
from jupyter_chatide.gateway.key_ring import SERVICE, KeyRing
from tests.fakes.keyring_backend import (
    STORE,
    FolderKeyring,
    HangingKeyring,
    PlainTextKeyring,
)

from .asking import KEY
from .keyrings import a_keyring_in, this_computer_has

OTHER = "sk-other-0123456789abcdef"
OPENAI = "https://api.openai.com/v1"


@pytest.fixture
def entries(tmp_path: Path) -> Iterator[Path]:
    """The folder that stands for this computer's keyring."""
    with a_keyring_in(tmp_path / "keyring"):
        yield tmp_path / "keyring"
        (tmp_path / "keyring" / "hangs").unlink(missing_ok=True)


@pytest.fixture
def keys(entries: Path, tmp_path: Path) -> KeyStore:
    return store(tmp_path)


def store(tmp_path: Path, patience: float = 10.0, **environ: str) -> KeyStore:
    return KeyStore(tmp_path / "chatide", environ=environ, ring=KeyRing(patience))


def secrets_in(entries: Path) -> str:
    found = []
    for path in entries.glob("*.entry"):
        with suppress(FileNotFoundError):  # it is being taken out, in a thread
            found.append(path.read_text())
    return "".join(found)


def test_a_key_goes_into_the_keyring_and_into_no_file(
    keys: KeyStore, entries: Path, tmp_path: Path
) -> None:
    assert keys.places() == ["keyring", "file", "memory"]
    status = keys.set("openai", KEY)
    assert status == KeyStatus(True, "keyring", f"…{KEY[-4:]}")
    assert KEY in secrets_in(entries)
    assert KEY not in keys.path.read_text()
    another = store(tmp_path)  # as another process: nothing remembered
    assert another.status("openai") == status
    assert another.get("openai") == KEY
    keys.delete("openai")
    assert secrets_in(entries) == ""
    assert another.status("openai") == KeyStatus(False)
    assert store(tmp_path).get("openai") is None


def test_a_key_in_the_keyring_is_for_one_address_there_too(keys: KeyStore, entries: Path) -> None:
    keys.set("openai", KEY)
    assert OPENAI in secrets_in(entries)
    # Whoever can write our file still cannot send the key elsewhere.
    elsewhere = "http://127.0.0.1:9/v1"
    text = keys.path.read_text().replace('"openai"', '"lmstudio"').replace(OPENAI, elsewhere)
    keys.path.write_text(text.replace('"key_for"', f'"base_url": "{elsewhere}", "key_for"'))
    assert keys.base_url("lmstudio") == elsewhere
    assert keys.get("lmstudio") is None


def test_another_address_takes_the_key_out_of_the_keyring(keys: KeyStore, entries: Path) -> None:
    keys.set("lmstudio", KEY)
    assert not keys.set("lmstudio", None, "http://127.0.0.1:9/v1").set
    wait_until(lambda: secrets_in(entries) == "")


def test_a_key_is_in_one_place_at_a_time(keys: KeyStore, entries: Path) -> None:
    keys.set("openai", KEY, place="keyring")
    assert keys.set("openai", KEY, place="memory").source == "memory"
    wait_until(lambda: secrets_in(entries) == "")
    assert keys.get("openai") == KEY
    assert not keys.path.exists() or KEY not in keys.path.read_text()
    assert keys.set("openai", OTHER, place="file").source == "file"
    assert keys.get("openai") == OTHER
    assert keys.set("openai", KEY, place="keyring").source == "keyring"
    assert OTHER not in keys.path.read_text()
    keys.set("openai", OTHER, place="keyring")
    wait_until(lambda: KEY not in secrets_in(entries))
    assert keys.get("openai") == OTHER


def test_a_key_moves_without_being_typed_again(keys: KeyStore, entries: Path) -> None:
    keys.set("openai", KEY, place="file")
    assert keys.set("openai", None, place="memory").source == "memory"
    assert KEY not in keys.path.read_text()
    assert keys.set("openai", None, place="keyring").source == "keyring"
    assert keys.get("openai") == KEY
    with pytest.raises(InvalidRequestError, match="key: "):
        keys.set("groq", None, place="memory")


def test_what_was_deleted_with_the_computers_own_tool_is_not_set(
    keys: KeyStore, entries: Path
) -> None:
    keys.set("openai", KEY)
    for entry in entries.glob("*.entry"):
        entry.unlink()
    assert keys.get("openai") is None
    assert keys.status("openai") == KeyStatus(False)
    keys.delete("openai")  # is fine all the same


def test_an_entry_that_is_not_ours_is_told_without_quoting_it(
    keys: KeyStore, entries: Path
) -> None:
    keys.set("openai", KEY)
    (entry,) = entries.glob("*.entry")
    entry.write_text('{"secret": "sk-typed-there-by-hand"}')
    with pytest.raises(KeyStoreError, match="format") as caught:
        keys.get("openai")
    assert "typed" not in str(caught.value)


def test_listing_providers_needs_no_keyring(keys: KeyStore, entries: Path, tmp_path: Path) -> None:
    keys.set("openai", KEY)
    (entries / "hangs").touch()
    another = store(tmp_path, patience=30.0)
    before = time.monotonic()
    assert another.status("openai").set
    assert another.base_url("openai") == OPENAI
    assert not another.status("groq").set
    assert time.monotonic() - before < 5
    (entries / "hangs").unlink()


def test_a_locked_keyring_is_told_in_words(keys: KeyStore, entries: Path) -> None:
    keys.set("openai", OTHER)
    (entries / "locked").touch()
    for use in (lambda: keys.get("openai"), lambda: keys.set("openai", KEY, place="keyring")):
        with pytest.raises(KeyStoreError, match="locked") as caught:
            use()
        assert "file" in caught.value.hint
        assert KEY not in repr(caught.value)
    (entries / "locked").unlink()
    assert keys.get("openai") == OTHER


def test_what_a_keyring_says_of_its_failure_is_not_passed_on(keys: KeyStore, entries: Path) -> None:
    (entries / "full").touch()
    with pytest.raises(KeyStoreError, match="PasswordSetError") as caught:
        keys.set("openai", KEY)
    assert KEY not in f"{caught.value!r}{caught.value.hint}"
    assert caught.value.__context__ is None  # a traceback would quote it
    assert keys.status("openai") == KeyStatus(False)
    assert keys.set("openai", KEY, place="file").source == "file"


def test_a_keyring_that_hangs_does_not_hang_us(
    keys: KeyStore, entries: Path, tmp_path: Path
) -> None:
    keys.set("openai", OTHER)
    hasty = store(tmp_path, patience=0.3)
    assert "keyring" in hasty.places()
    (entries / "hangs").touch()
    threads = keyring_threads()
    for _ in range(3):
        before = time.monotonic()
        with pytest.raises(KeyStoreError, match=r"did not answer|does not answer"):
            hasty.get("openai")
        assert time.monotonic() - before < 5
    assert keyring_threads() <= threads
    with pytest.raises(KeyStoreError):
        hasty.set("openai", KEY, place="keyring")
    assert hasty.set("groq", KEY, place="file").set
    (entries / "hangs").unlink()
    wait_until(lambda: answers(hasty))
    assert hasty.get("openai") == OTHER


def test_a_key_that_was_given_up_is_not_kept_behind_ones_back(
    entries: Path, tmp_path: Path
) -> None:
    hasty = store(tmp_path, patience=0.3)
    assert "keyring" in hasty.places()
    (entries / "hangs").touch()
    with pytest.raises(KeyStoreError):
        hasty.set("openai", KEY, place="keyring")
    (entries / "hangs").unlink()
    wait_until(lambda: answers(hasty))
    assert KEY not in secrets_in(entries)


def test_a_computer_whose_keyring_does_not_even_say_that_it_is_there(tmp_path: Path) -> None:
    backend = HangingKeyring()
    with this_computer_has(backend):
        keys = store(tmp_path, patience=0.3)
        before = time.monotonic()
        assert keys.places() == ["file", "memory"]
        assert keys.places() == ["file", "memory"]
        assert keys.set("openai", KEY).source == "file"
        assert time.monotonic() - before < 5
        with pytest.raises(InvalidRequestError, match="place: "):
            keys.set("openai", KEY, place="keyring")
        backend.released.set()
        wait_until(lambda: keys.places()[0] == "keyring")


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, PlainTextKeyring])
def test_what_keeps_nothing_or_keeps_it_open_is_no_keyring(
    entries: Path, tmp_path: Path, backend: type
) -> None:
    with this_computer_has(backend()):
        keys = store(tmp_path)
        assert keys.places() == ["file", "memory"]
        with pytest.raises(InvalidRequestError, match=r"place: .*keyring"):
            keys.set("openai", KEY, place="keyring")
        assert keys.set("openai", KEY).source == "file"


def test_of_several_keyrings_a_real_one_is_taken(entries: Path, tmp_path: Path) -> None:
    class Several(chainer.ChainerBackend):
        backends = (null.Keyring(), PlainTextKeyring(), FolderKeyring())
        priority = 10

    class OpenOnes(chainer.ChainerBackend):
        backends = (PlainTextKeyring(),)
        priority = 10

    with this_computer_has(Several()):
        assert store(tmp_path).places()[0] == "keyring"
    with this_computer_has(OpenOnes()):
        assert store(tmp_path).places() == ["file", "memory"]


def test_two_stores_on_one_computer_keep_apart(entries: Path, tmp_path: Path) -> None:
    one, two = store(tmp_path / "one"), store(tmp_path / "two")
    one.set("openai", KEY)
    two.set("openai", OTHER)
    two.delete("openai")
    assert one.get("openai") == KEY


def test_a_person_finds_the_entries_by_name(keys: KeyStore, entries: Path) -> None:
    keys.set("openai", KEY)
    (entry,) = entries.glob("*.entry")
    assert entry.name.startswith(f"{SERVICE}--openai ")


def test_no_keyring_is_loaded_before_a_key_needs_it(tmp_path: Path) -> None:
    code = """
import pathlib, sys, threading
from jupyter_chatide.gateway import KeyStore

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "keyring":
            print(threading.current_thread().name)

sys.meta_path.insert(0, Watch())
keys = KeyStore(pathlib.Path(sys.argv[1]), environ={})
keys.set("openai", None, base_url="")
keys.target("openai"), keys.status("openai"), keys.delete("openai")
assert "keyring" not in sys.modules
print(keys.places())
"""
    folder = tmp_path / "keyring"
    folder.mkdir()
    environ = os.environ | {
        STORE: str(folder),
        "PYTHON_KEYRING_BACKEND": "tests.fakes.keyring_backend.FolderKeyring",
    }
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "chatide")],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    assert run.stdout.split("\n")[:2] == ["chatide-keyring", "['keyring', 'file', 'memory']"]


def test_the_thread_goes_when_it_has_nothing_to_do(
    keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_chatide.gateway.key_ring._IDLE", 0.05)
    before = keyring_threads()
    keys.set("openai", KEY)
    wait_until(lambda: not keyring_threads() - before)
    keys.set("openai", OTHER)
    assert keys.get("openai") == OTHER


def keyring_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "chatide-keyring"}


def answers(keys: KeyStore) -> bool:
    try:
        keys.get("openai")
    except KeyStoreError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
