"""Fetching a recommended model: over a bad line, from a hub that changes, on a full disk."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_chatide.errors import ConflictError, NotFoundError
from jupyter_chatide.gateway.local import DownloadError, LocalModel, LocalModels
from jupyter_chatide.gateway.local.download import Patience, redirected
from tests.gateway.local.file_server import HUB, FileServer

ID = "small-coder"
MB = 1_000_000

OpenModels = Callable[..., LocalModels]


async def until(models: LocalModels, condition: Callable[[LocalModel], Any]) -> LocalModel:
    """The model, as soon as the condition holds."""
    async with asyncio.timeout(20):
        while True:
            model = await models.get(ID)
            if condition(model):
                return model
            await asyncio.sleep(0.01)


async def settled(models: LocalModels) -> LocalModel:
    """The model, once nothing more happens to it."""
    return await until(models, lambda model: model.state not in ("downloading", "verifying"))


async def fetched(models: LocalModels) -> LocalModel:
    await models.download(ID)
    return await settled(models)


def fetched_file(data_dir: Path) -> Path:
    return data_dir / "models" / f"{ID}.gguf"


async def test_a_model_arrives_whole_and_private(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    models = open_models(files.model())
    before = await models.get(ID)
    assert (before.state, before.done, before.removable) == ("absent", 0, False)
    assert before.size == 3 * MB

    begun = await models.download(ID)
    assert begun.state in ("downloading", "verifying", "ready")
    after = await settled(models)

    assert (after.state, after.done, after.message) == ("ready", 3 * MB, "")
    assert (after.removable, after.own, after.source) == (True, False, files.url)
    assert fetched_file(data_dir).read_bytes() == files.content
    assert stat.S_IMODE(fetched_file(data_dir).stat().st_mode) == 0o600
    assert stat.S_IMODE(fetched_file(data_dir).parent.stat().st_mode) == 0o700
    left = {path.name for path in fetched_file(data_dir).parent.iterdir()}
    assert left == {f"{ID}.gguf", f"{ID}.lock"}


async def test_progress_is_told_while_it_arrives(
    files: FileServer, open_models: OpenModels
) -> None:
    files.pause = 0.02
    models = open_models(files.model())
    await models.download(ID)
    first = await until(models, lambda model: model.done > 0)
    later = await until(models, lambda model: model.done > first.done)
    assert first.state == later.state == "downloading"
    assert first.size == later.size == 3 * MB


async def test_the_hub_states_the_checksum_where_none_is_pinned(
    files: FileServer, open_models: OpenModels
) -> None:
    models = open_models(files.model(sha256="", size=0))
    model = await fetched(models)
    assert (model.state, model.size) == ("ready", 3 * MB)


async def test_a_line_that_breaks_twice_costs_only_the_rest(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.cuts = [1 * MB, 1 * MB]
    model = await fetched(open_models(files.model()))
    assert model.state == "ready"
    assert files.ranges_asked == ["", f"bytes={1 * MB}-", f"bytes={2 * MB}-"]
    assert {condition for _, asked, condition in files.requests if asked} == {'"first"'}
    assert files.sent == 3 * MB
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_line_that_always_breaks_keeps_what_arrived(
    files: FileServer, open_models: OpenModels
) -> None:
    files.cuts = [1 * MB, *[0] * 10]
    models = open_models(files.model())
    model = await fetched(models)
    assert (model.state, model.done) == ("partial", 1 * MB)
    assert "127.0.0.1" in model.message and "go on" in model.message
    assert model.removable

    files.cuts = []
    assert (await fetched(models)).state == "ready"
    assert files.ranges_asked[-1] == f"bytes={1 * MB}-"


async def test_cancel_keeps_what_arrived_and_a_later_server_goes_on(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.pause = 0.02
    models = open_models(files.model())
    await models.download(ID)
    await until(models, lambda model: model.done > MB)
    cancelled = await models.cancel(ID)
    assert (cancelled.state, cancelled.message) == ("partial", "")
    assert cancelled.done > MB
    assert (await models.cancel(ID)).state == "partial"  # nothing to cancel: nothing happens

    files.pause = 0
    later = open_models(files.model())
    assert (await later.get(ID)).done == cancelled.done
    assert (await fetched(later)).state == "ready"
    assert files.ranges_asked == ["", f"bytes={cancelled.done}-"]
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_server_that_stops_keeps_what_arrived(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.pause = 0.02
    models = open_models(files.model())
    await models.download(ID)
    await until(models, lambda model: model.done > MB)
    await models.aclose()
    part = fetched_file(data_dir).with_name(f"{ID}.gguf.part").read_bytes()
    assert len(part) > MB
    assert files.content.startswith(part)


async def test_the_download_goes_on_when_who_asked_for_it_has_left(
    files: FileServer, open_models: OpenModels
) -> None:
    files.pause = 0.01
    models = open_models(files.model())
    asking = asyncio.create_task(models.download(ID))
    await until(models, lambda model: model.state == "downloading")
    asking.cancel()
    assert (await settled(models)).state == "ready"


async def test_asking_twice_fetches_once(files: FileServer, open_models: OpenModels) -> None:
    files.pause = 0.01
    models = open_models(files.model())
    await asyncio.gather(*(models.download(ID) for _ in range(4)))
    assert (await settled(models)).state == "ready"
    assert files.ranges_asked == [""]
    with pytest.raises(ConflictError, match="here already"):
        await models.download(ID)


async def test_a_file_that_changed_at_the_hub_is_fetched_anew(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.cuts = [1 * MB, *[0] * 10]
    models = open_models(files.model(sha256="", size=0))
    assert (await fetched(models)).state == "partial"
    files.cuts, files.content, files.etag = [], files.content[::-1] + b"more", '"second"'
    assert (await fetched(models)).state == "ready"
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_file_that_became_shorter_is_fetched_anew(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.cuts = [2 * MB, *[0] * 10]
    models = open_models(files.model(sha256="", size=0))
    assert (await fetched(models)).state == "partial"
    files.cuts, files.content = [], files.content[:MB]
    assert (await fetched(models)).state == "ready"
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_store_that_knows_no_ranges_sends_all_of_it_again(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.ranges, files.cuts = False, [1 * MB]
    assert (await fetched(open_models(files.model()))).state == "ready"
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_store_without_tags_is_resumed_and_still_checked(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.etag, files.cuts = None, [1 * MB]
    assert (await fetched(open_models(files.model()))).state == "ready"
    assert fetched_file(data_dir).read_bytes() == files.content


async def test_a_wrong_checksum_deletes_the_file_and_says_so(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.stated = False
    models = open_models(files.model(sha256="0" * 64))
    model = await fetched(models)
    assert model.state == "failed"
    assert "checksum differs" in model.message and "deleted" in model.message
    assert not model.removable
    assert [path.name for path in fetched_file(data_dir).parent.iterdir()] == [f"{ID}.lock"]
    files.stated = True


async def test_a_hub_with_another_file_than_the_pinned_one_is_asked_for_nothing(
    files: FileServer, open_models: OpenModels
) -> None:
    model = await fetched(open_models(files.model(sha256="0" * 64)))
    assert model.state == "failed"
    assert "another file" in model.message
    assert files.sent == 0


async def test_a_file_without_any_checksum_is_not_fetched(
    files: FileServer, open_models: OpenModels
) -> None:
    files.stated = False
    model = await fetched(open_models(files.model(sha256="")))
    assert (model.state, model.done) == ("failed", 0)
    assert "checksum" in model.message


async def test_a_file_of_another_size_is_not_fetched(
    files: FileServer, open_models: OpenModels
) -> None:
    model = await fetched(open_models(files.model(size=2 * MB)))
    assert model.state == "failed"
    assert "another size" in model.message


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "has this file no more"), (403, "to everybody"), (401, "to everybody"), (418, "418")],
)
async def test_a_refusal_is_said_and_not_repeated(
    files: FileServer, open_models: OpenModels, status: int, words: str
) -> None:
    files.statuses = [status]
    model = await fetched(open_models(files.model()))
    assert model.state == "failed"
    assert words in model.message
    assert len(files.ranges_asked) == 1


async def test_a_busy_store_is_asked_again(files: FileServer, open_models: OpenModels) -> None:
    files.statuses = [503, 429]
    assert (await fetched(open_models(files.model()))).state == "ready"


async def test_a_silent_store_does_not_hold_the_download_forever(
    files: FileServer, open_models: OpenModels
) -> None:
    files.pause = 30.0
    patience = Patience(silence=0.2, pause=0.02, attempts=1)
    model = await fetched(open_models(files.model(), patience=patience))
    assert model.state in ("failed", "partial")
    assert "fell silent" in model.message


async def test_no_server_at_all_is_said(files: FileServer, open_models: OpenModels) -> None:
    models = open_models(files.model(url=f"http://127.0.0.1:1{HUB}"))
    model = await fetched(models)
    assert model.state == "failed"
    assert "not reachable" in model.message


@pytest.mark.parametrize(
    "location", ["http://192.0.2.1/model.gguf", "ftp://x/y", "//[", "file:///etc/passwd"]
)
async def test_a_redirect_off_this_machine_is_followed_to_https_only(
    files: FileServer, open_models: OpenModels, location: str
) -> None:
    files.location = location
    model = await fetched(open_models(files.model()))
    assert model.state == "failed"
    assert "not encrypted" in model.message


def test_a_redirect_never_leaves_encryption() -> None:
    hub = "https://hub.example/a/b"
    assert redirected(hub, "/c") == "https://hub.example/c"
    assert redirected(hub, "https://store.example/x?y") == "https://store.example/x?y"
    for elsewhere in ("http://hub.example/c", "http://127.0.0.1:8888/api", "http://localhost/", ""):
        with pytest.raises(DownloadError):
            redirected(hub, elsewhere)


async def test_redirects_without_end_are_given_up(
    files: FileServer, open_models: OpenModels
) -> None:
    files.location = HUB
    model = await fetched(open_models(files.model()))
    assert "without end" in model.message
    assert len(files.requests) == 6


async def test_another_part_than_the_asked_one_is_not_taken(
    files: FileServer, open_models: OpenModels
) -> None:
    files.cuts, files.lies = [1 * MB], f"bytes 0-{3 * MB - 1}/{3 * MB}"
    model = await fetched(open_models(files.model()))
    assert (model.state, model.done) == ("partial", 1 * MB)
    assert "another part" in model.message


async def test_a_disk_without_room_is_said_before_anything_is_fetched(
    files: FileServer, open_models: OpenModels
) -> None:
    files.content = b""
    huge = 10**16

    class Endless(bytes):
        def __len__(self) -> int:
            return huge

    files.content = Endless(b"x")
    model = await fetched(open_models(files.model(size=huge)))
    assert model.state == "failed"
    assert "needs 10000000.0 GB more on the disk" in model.message


async def test_only_one_process_fetches_a_model(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    folder = fetched_file(data_dir).parent
    folder.mkdir(parents=True)
    (folder / f"{ID}.gguf.part").write_bytes(files.content[:MB])
    script = f"""
import sys
from pathlib import Path
from jupyter_chatide.gateway.local.file_lock import FileLock
assert FileLock(Path({str(folder / f"{ID}.lock")!r})).acquire()
print("locked", flush=True)
sys.stdin.read()
"""
    models = open_models(files.model())
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == b"locked\n"
        seen = await models.get(ID)
        assert (seen.state, seen.done) == ("downloading", MB)
        with pytest.raises(ConflictError, match="another process"):
            await models.download(ID)
        with pytest.raises(ConflictError, match="another process"):
            await models.remove(ID)
        other.kill()
    assert (await models.get(ID)).state == "partial"
    assert (await fetched(models)).state == "ready"


async def test_a_folder_that_cannot_be_written_is_said(
    files: FileServer, open_models: OpenModels, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    models = open_models(files.model(), models_dir=tmp_path / "file" / "models")
    with pytest.raises(ConflictError, match="cannot be written"):
        await models.download(ID)


async def test_a_shared_folder_keeps_its_mode(
    files: FileServer, open_models: OpenModels, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    models = open_models(files.model(), models_dir=shared)
    assert (await fetched(models)).state == "ready"
    assert stat.S_IMODE(shared.stat().st_mode) == 0o775
    assert (shared / f"{ID}.gguf").exists()


async def test_a_model_that_nobody_recommends_is_not_fetched(open_models: OpenModels) -> None:
    with pytest.raises(NotFoundError):
        await open_models().download("elsewhere")


async def test_removing_ends_the_download_and_deletes_what_arrived(
    files: FileServer, open_models: OpenModels, data_dir: Path
) -> None:
    files.pause = 0.02
    models = open_models(files.model())
    await models.download(ID)
    await until(models, lambda model: model.done > MB)
    await models.remove(ID)
    assert (await models.get(ID)).state == "absent"
    assert [path.name for path in fetched_file(data_dir).parent.iterdir()] == [f"{ID}.lock"]
