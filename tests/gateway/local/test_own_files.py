"""Model files of the user's own: added by their path, forgotten, deleted where that is meant."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_chatide.errors import InvalidRequestError, NotFoundError
from jupyter_chatide.gateway.errors import ModelNotFoundError
from jupyter_chatide.gateway.local import RECOMMENDED, LocalModels
from tests.gateway.local.file_server import FileServer
from tests.gateway.local.gguf_file import LLAMA, gguf

OpenModels = Callable[..., LocalModels]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "Downloads"
    folder.mkdir()
    path = folder / "My Model_Q4.gguf"
    path.write_bytes(gguf(LLAMA))
    return path


async def test_a_file_is_added_with_what_it_says_of_itself(
    open_models: OpenModels, path: Path, data_dir: Path
) -> None:
    added = await open_models().add(str(path))
    assert added.id == "my-model_q4"
    assert added.label == "Tiny (My Model_Q4.gguf)"
    assert (added.license, added.context_window, added.source) == ("mit", 4096, str(path))
    assert (added.state, added.size, added.done) == ("ready", path.stat().st_size, added.size)
    assert added.own and added.removable
    assert await open_models().list() == [added]  # another process sees it, too
    assert stat.S_IMODE((data_dir / "local_models.json").stat().st_mode) == 0o600


async def test_a_file_is_added_once(open_models: OpenModels, path: Path) -> None:
    models = open_models()
    assert await models.add(path) == await models.add(path)
    assert len(await models.list()) == 1


async def test_files_of_the_same_name_get_ids_of_their_own(
    open_models: OpenModels, files: FileServer, path: Path, tmp_path: Path
) -> None:
    models = open_models(files.model(id="my-model_q4"))
    other = tmp_path / path.name
    other.write_bytes(path.read_bytes())
    assert (await models.add(path)).id == "my-model_q4-2"
    assert (await models.add(other)).id == "my-model_q4-3"


async def test_a_path_from_home_on_is_understood(
    open_models: OpenModels, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    assert (await open_models().add(f"~/{path.name}")).source == str(path)


@pytest.mark.parametrize("given", ["model.gguf", "", "~nobody-of-this-name/x.gguf", "../x", "a\0b"])
async def test_a_path_that_is_not_full_is_refused(open_models: OpenModels, given: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^path: "):
        await open_models().add(given)


async def test_what_is_no_model_is_not_added(open_models: OpenModels, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("not one")
    models = open_models()
    with pytest.raises(InvalidRequestError, match="not a GGUF file"):
        await models.add(tmp_path / "x.gguf")
    assert await models.list() == []


async def test_a_file_that_is_gone_is_shown_as_such_and_can_be_forgotten(
    open_models: OpenModels, path: Path
) -> None:
    models = open_models()
    added = await models.add(path)
    path.unlink()
    (gone,) = await models.list()
    assert (gone.state, gone.removable) == ("failed", True)
    assert "No such file" in gone.message
    with pytest.raises(ModelNotFoundError, match="No such file"):
        await models.ready(added.id)
    await models.remove(added.id)
    assert await models.list() == []


async def test_a_file_that_was_replaced_is_read_anew(open_models: OpenModels, path: Path) -> None:
    models = open_models()
    await models.add(path)
    path.write_bytes(gguf({**LLAMA, "llama.context_length": 8192}))
    os.utime(path, (1, 1))
    (model,) = await models.list()
    assert model.context_window == 8192


async def test_a_file_elsewhere_is_forgotten_and_stays(open_models: OpenModels, path: Path) -> None:
    models = open_models()
    await models.remove((await models.add(path)).id)
    assert await models.list() == []
    assert path.exists()


async def test_a_file_among_the_fetched_ones_is_deleted(
    open_models: OpenModels, path: Path, data_dir: Path
) -> None:
    (data_dir / "models").mkdir(parents=True)
    moved = path.rename(data_dir / "models" / path.name)
    models = open_models()
    await models.remove((await models.add(moved)).id)
    assert not moved.exists()


async def test_a_fetched_model_is_deleted(
    open_models: OpenModels, files: FileServer, data_dir: Path
) -> None:
    (data_dir / "models").mkdir(parents=True)
    fetched = data_dir / "models" / "small-coder.gguf"
    fetched.write_bytes(files.content)
    models = open_models(files.model())
    assert (await models.get("small-coder")).state == "ready"
    await models.remove("small-coder")
    assert (await models.get("small-coder")).state == "absent"
    assert not fetched.exists()
    await models.remove("small-coder")  # nothing is there: nothing happens


async def test_a_damaged_register_is_kept_aside(
    open_models: OpenModels, path: Path, data_dir: Path
) -> None:
    data_dir.mkdir()
    (data_dir / "local_models.json").write_text("{ cut off")
    models = open_models()
    assert await models.list() == []
    await models.add(path)
    assert len(await models.list()) == 1
    assert (data_dir / "local_models.json.damaged").read_text() == "{ cut off"


async def test_a_model_that_is_not_there_is_said(
    open_models: OpenModels, files: FileServer
) -> None:
    models = open_models(files.model())
    with pytest.raises(NotFoundError):
        await models.remove("nothing")
    with pytest.raises(NotFoundError):
        await models.cancel("nothing")
    with pytest.raises(ModelNotFoundError, match="no local model"):
        await models.ready("nothing")
    with pytest.raises(ModelNotFoundError, match="not on this machine yet"):
        await models.ready("small-coder")


def test_the_recommended_models_are_pinned_and_permissive() -> None:
    assert 3 <= len(RECOMMENDED) <= 5
    assert len({model.id for model in RECOMMENDED}) == len(RECOMMENDED)
    for model in RECOMMENDED:
        assert model.license in ("Apache-2.0", "MIT")
        assert model.url.startswith("https://huggingface.co/")
        revision = model.url.split("/resolve/")[1].split("/")[0]
        for pinned, length in ((revision, 40), (model.sha256, 64)):
            assert len(pinned) == length
            assert set(pinned) <= set("0123456789abcdef")
        assert model.size > 500_000_000
        assert model.context_window >= 8192
    assert [model.size for model in RECOMMENDED] == sorted(model.size for model in RECOMMENDED)
