"""A key is found nowhere but in its store, whatever is done with it and whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.magics.test_server import execute

from .canary import PLACES, Canary, Hunt

KEYS_FILE = Path("chatide/keys.json")


@pytest.fixture(scope="module")
def hunt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hunt]:
    """Everything that can be done with a key, done."""
    hunt = Hunt(tmp_path_factory.mktemp("hunt"))
    with hunt.running():
        hunt.set_keys()
        for place in PLACES:
            hunt.use(place)
            hunt.fail(place)
        hunt.kill_the_worker()
        hunt.prove_the_document()
        in_a_notebook(hunt)
        in_a_terminal(hunt)
        hunt.list_everything()
        hunt.look_at_processes()
    yield hunt


def in_a_notebook(hunt: Hunt) -> None:
    kernel = hunt.server.api("POST", "../kernels", {"name": "python3"})["id"]
    for place in ("environment", "file", "worker"):
        fake, provider = hunt.fakes[place], PLACES[place]
        fake.reply("Here.", "\n```python\n1 / 0\n```\n")
        fake.reply("Sorry.")
        fake.refuse(401, {"message": f"no: {hunt.canaries[place].key}"})
        code = f"""
%reload_ext jupyter_chatide
for _ in range(2):
    get_ipython().run_cell_magic("chat", "--model {provider}/fake-model", "Divide")
"""
        hunt.said.append((f"%%chat {place}", execute(hunt.server, kernel, code)[1].encode()))
        fake.unscript()
    look = "import jupyter_chatide; print(jupyter_chatide.openai_client(), globals())"
    hunt.said.append(("openai_client()", execute(hunt.server, kernel, look)[1].encode()))
    hunt.server.fetch("DELETE", f"../kernels/{kernel}")


def in_a_terminal(hunt: Hunt) -> None:
    for place in ("environment", "trait", "keyring", "file"):  # memory is the server's own
        fake, provider, key = hunt.fakes[place], PLACES[place], hunt.canaries[place].key
        fake.refuse(401, {"message": f"no: {key}"})
        hunt.type("run", "--json", "--model", f"{provider}/fake-model", "hi")
        hunt.type("keys", "check", provider)
        fake.unscript()
    hunt.fakes["keyring"].reply("Here.")
    assert hunt.type("run", "--model", "in-the-keyring/fake-model", "hi") == 0
    for command in (["keys", "list", "--json"], ["keys", "list"], ["doctor"], ["usage"]):
        hunt.type(*command)
    wrong = hunt.canaries["file"].key
    hunt.type("keys", "set", "openai", input=f"{wrong}\n")
    hunt.type("keys", "set", "groq", input=f"{wrong} {wrong}\n")


@pytest.mark.parametrize("place", PLACES)
def test_the_key_was_used(hunt: Hunt, place: str) -> None:
    key = hunt.canaries[place].key
    right = [request for request in hunt.fakes[place].chats if request.key == key]
    assert len(right) > 20
    assert any("I see" in said.decode() for _, said in hunt.said)
    assert len(hunt.processes) > 5


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_in_its_store_and_in_no_other_file(hunt: Hunt, place: str) -> None:
    stores = {
        "environment": set(),
        "trait": {hunt.trait.relative_to(hunt.folder)},
        "file": {KEYS_FILE},
        "worker": {KEYS_FILE},
        "memory": set(),
    }
    found = hunt.files_with(hunt.canaries[place])
    if place == "keyring":
        assert {path.parts[0] for path in found} == {"keyring"}
    else:
        assert found == stores[place]


@pytest.mark.parametrize("place", PLACES)
def test_nobody_is_told_a_key(hunt: Hunt, place: str) -> None:
    assert hunt.answers_with(hunt.canaries[place]) == []


@pytest.mark.parametrize("place", PLACES)
def test_no_process_is_given_a_key_in_the_open(hunt: Hunt, place: str) -> None:
    found = hunt.processes_with(hunt.canaries[place])
    if place == "environment":  # what a notebook inherits from Jupyter itself is not ours to take
        found = [name for name in found if "ipykernel_launcher" not in name]
    assert found == []


def test_a_private_key_is_in_its_store_alone(hunt: Hunt) -> None:
    assert hunt.files_with(hunt.private_key) == {KEYS_FILE}
    assert hunt.answers_with(hunt.private_key) == []
    assert hunt.processes_with(hunt.private_key) == []
    checked = [said for asked, said in hunt.said if asked == "POST keys/vertex/check"]
    assert any(b'"ok":false' in said for said in checked)


def test_a_token_of_the_endpoint_is_kept_nowhere(hunt: Hunt) -> None:
    token = Canary("token")
    token.core = hunt.token.removeprefix("chatide-").lower()
    assert hunt.files_with(token) == set()
    assert hunt.answers_with(token) == []
    assert hunt.processes_with(token) == []


def test_the_logs_were_as_talkative_as_they_can_be(hunt: Hunt) -> None:
    """Else that nothing is found there would mean nothing."""
    log = (hunt.folder / "everything.log").read_text()
    for word in ("httpcore", "httpx", "asyncio", "DEBUG"):
        assert word in log
    assert "[D " in hunt.server.log.read_text()
    assert json.loads((hunt.folder / KEYS_FILE).read_text())["version"] == 1
