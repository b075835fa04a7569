"""Fetching a model file: what is there stays, what is missing is asked for, all of it is checked.

Hugging Face answers with a redirect to a signed address, and states the file's SHA-256 and size
in ``X-Linked-ETag`` and ``X-Linked-Size`` with it (huggingface_hub reads them so, too).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from ...errors import ChatIDEError
from ..addresses import is_loopback
from ..wire.connections import Connections
from .models import LocalState, RecommendedModel
from .partial_file import (
    Source,
    appending,
    partial_path,
    read_source,
    remove_partial,
    settle,
    size_of,
    write_source,
)

if TYPE_CHECKING:
    import httpx

_MOST_REDIRECTS = 5
_HASHED = 1 << 26  # bytes that are read at once for the checksum
_SPARE = 256 * 1_000_000  # bytes of disk that stay free
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LONGEST_WAIT = 60.0  # seconds that a server may ask to wait


class DownloadError(ChatIDEError):
    """A model could not be fetched."""

    code = "download"


class Progress:
    """How far a download is: ``state``, ``done`` and ``size`` as in ``LocalModel``."""

    def __init__(self, size: int) -> None:
        self.state: LocalState = "downloading"
        self.done = 0
        self.size = size


class Patience(msgspec.Struct, frozen=True):
    """How long a download waits, in seconds.

    Args:
        silence: for the next bytes.
        pause: before the second attempt; each further one doubles it.
        attempts: how often it tries again without getting any further.
    """

    silence: float = 60.0
    pause: float = 1.0
    attempts: int = 5


class _AgainError(Exception):
    """It may work when it is tried again, ``after`` seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class _Stated:
    """What the source says about the whole file."""

    def __init__(self) -> None:
        self.sha256 = ""
        self.size = 0


class Download:
    """Fetches one model.

    Args:
        model: what to fetch.
        path: where to put it; its folder exists.
        connections: whose HTTP connections to use.
        patience: how long to wait.
    """

    def __init__(
        self,
        model: RecommendedModel,
        path: Path,
        connections: Connections,
        patience: Patience | None = None,
    ) -> None:
        self._model = model
        self._path = path
        self._part = partial_path(path)
        self._connections = connections
        self._patience = Patience() if patience is None else patience
        self._host = urlsplit(model.url).hostname or model.url
        self._stated = _Stated()
        self.progress = Progress(model.size)

    async def run(self) -> None:
        """Fetch the file, or what is missing of it, check it and put it in its place.

        Cancelling keeps what has arrived.

        Raises:
            DownloadError: it did not work; what has arrived is kept, unless it is wrong.
        """
        try:
            await self._fetch()
            await self._verify()
        except OSError as error:
            raise DownloadError(
                f"The file cannot be written: {error.strerror or error}.",
                "Make room on the disk, then download again to go on.",
            ) from None

    async def _fetch(self) -> None:
        failures = 0
        while True:
            before = self._have()
            try:
                await self._attempt()
                return
            except _AgainError as error:
                failures = 1 if self._have() > before else failures + 1
                if failures > self._patience.attempts:
                    raise DownloadError(
                        f"{self._host} {error}.", "Download again to go on where it stopped."
                    ) from None
                await asyncio.sleep(max(self._patience.pause * 2 ** (failures - 1), error.after))

    async def _attempt(self) -> None:
        """Ask for what is missing, and write what comes.

        Raises:
            _AgainError: the connection broke, or the server has no time.
            DownloadError: it will not work.
        """
        have = self._have()
        self.progress.done = have
        source = read_source(self._path)
        if have and source.url != self._model.url:
            have = await self._begin_anew()
        if have and have == self._model.size and self._model.sha256:
            return  # complete, and not yet verified
        async with self._answer(have, source) as response:
            tag = self._stated.sha256 or response.headers.get("etag", "")
            if have and tag != source.tag:
                await self._begin_anew()
                raise _AgainError("has another file now than when the download began")
            if response.status_code == 416:  # we have as much as there is, or more
                if have != (self._stated.size or _size_of_all(response)):
                    await self._begin_anew()
                    raise _AgainError("has a smaller file than what is here already")
                return
            if response.status_code == 206 and have:
                size = _size_of_rest(response, have)
            else:
                size = _length(response)
                if have:
                    have = await self._begin_anew()
            self._check_size(size)
            await asyncio.to_thread(self._check_room, self.progress.size - have)
            validator = response.headers.get("etag", "")
            if not validator or validator.startswith("W/"):  # a weak one is of no use here
                validator = response.headers.get("last-modified", "")
            await asyncio.to_thread(
                write_source, self._path, Source(self._model.url, tag, validator)
            )
            await self._write(response)
        if self.progress.done < self.progress.size:
            raise _AgainError("closed the connection before the end")

    @asynccontextmanager
    async def _answer(self, have: int, source: Source) -> AsyncGenerator[httpx.Response, None]:
        """The answer of the server that has the file, at the end of all redirects."""
        url = self._model.url
        headers = {}
        if have:
            headers["Range"] = f"bytes={have}-"
            if source.validator:
                headers["If-Range"] = source.validator
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._ask(url, headers)
            try:
                if urlsplit(url).netloc == urlsplit(self._model.url).netloc:
                    self._read_stated(response)
                if not response.is_redirect:
                    self._check_status(response)
                    yield response
                    return
                url = redirected(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise DownloadError(f"{self._host} redirects without end.", "Try again later.")

    async def _ask(self, url: str, headers: dict[str, str]) -> httpx.Response:
        try:
            client = await self._connections.to(url)
        except ChatIDEError as error:
            raise DownloadError(error.message, error.hint) from None
        import httpx  # the client has brought it

        try:
            async with asyncio.timeout(self._patience.silence):
                return await client.send(
                    client.build_request("GET", url, headers=headers), stream=True
                )
        except (TimeoutError, httpx.HTTPError):
            raise _AgainError("is not reachable") from None
        except httpx.InvalidURL:
            raise DownloadError(
                f"{self._host} redirects to what is no address.", "Try again later."
            ) from None

    def _read_stated(self, response: httpx.Response) -> None:
        sha256 = _unquoted(response.headers.get("x-linked-etag", ""))
        if _SHA256.fullmatch(sha256):
            self._stated.sha256 = sha256
        size = response.headers.get("x-linked-size", "")
        if size.isdecimal():
            self._stated.size = int(size)
        expected = self._model.sha256
        if expected and self._stated.sha256 not in ("", expected):
            raise DownloadError(
                f"{self._host} has another file than the one that is recommended; nothing was "
                "fetched.",
                "Look for a newer version of Jupyter ChatIDE.",
            )

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (200, 206, 416):
            return
        if status in (404, 410):
            raise DownloadError(
                f"{self._host} has this file no more.",
                "Choose another model, or look for a newer version of Jupyter ChatIDE.",
            )
        if status in (401, 403):
            raise DownloadError(
                f"{self._host} does not give this file to everybody (HTTP {status}).",
                "Choose another model, or fetch the file by hand and add it by its path.",
            )
        if status in (408, 425, 429) or status >= 500:
            wait = response.headers.get("retry-after", "")
            after = float(wait) if wait.isdecimal() else 0.0
            raise _AgainError(f"has no time now (HTTP {status})", min(after, _LONGEST_WAIT))
        raise DownloadError(
            f"{self._host} does not send the file (HTTP {status}).", "Try again later."
        )

    def _check_size(self, size: int) -> None:
        expected = self._model.size or self._stated.size or size
        if size and size != expected:
            raise DownloadError(
                f"{self._host} has a file of another size than expected.",
                "Look for a newer version of Jupyter ChatIDE.",
            )
        if not expected:
            raise DownloadError(
                f"{self._host} does not say how large the file is.",
                "Fetch the file by hand and add it by its path.",
            )
        if not (self._model.sha256 or self._stated.sha256):
            raise DownloadError(
                f"{self._host} states no checksum of the file.",
                "Fetch the file by hand, check it, and add it by its path.",
            )
        self.progress.size = expected

    def _check_room(self, missing: int) -> None:
        free = shutil.disk_usage(self._path.parent).free
        if missing + _SPARE > free:
            raise DownloadError(
                f"The model needs {_gigabytes(missing)} more on the disk; "
                f"{_gigabytes(free)} are free.",
                "Make room, or choose a smaller model.",
            )

    async def _write(self, response: httpx.Response) -> None:
        import httpx

        body = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
        try:
            async with appending(self._part) as write, aclosing(body):
                while True:
                    async with asyncio.timeout(self._patience.silence):
                        packet = await anext(body, None)
                    if packet is None:
                        return
                    self.progress.done += len(packet)
                    if self.progress.done > self.progress.size:
                        raise DownloadError(
                            f"{self._host} sends more than the file.", "Try again later."
                        )
                    await write(packet)
        except TimeoutError:
            raise _AgainError("fell silent") from None
        except httpx.HTTPError:
            raise _AgainError("dropped the connection") from None

    async def _verify(self) -> None:
        """Compare the checksum, then give the file its name."""
        self.progress.state, self.progress.done = "verifying", 0
        digest = hashlib.sha256()
        with await asyncio.to_thread(self._part.open, "rb") as file:
            while block := await asyncio.to_thread(file.read, _HASHED):
                await asyncio.to_thread(digest.update, block)
                self.progress.done += len(block)
        if digest.hexdigest() != (self._model.sha256 or self._stated.sha256):
            await asyncio.to_thread(remove_partial, self._path)
            self.progress.done = 0
            raise DownloadError(
                "The file that arrived is not the right one: its checksum differs. It was deleted.",
                "Download it again; if it stays so, tell your network's administrator.",
            )
        await asyncio.to_thread(settle, self._path)

    def _have(self) -> int:
        return size_of(self._part) or 0

    async def _begin_anew(self) -> int:
        await asyncio.to_thread(remove_partial, self._path)
        self.progress.done = 0
        return 0


def redirected(url: str, location: str) -> str:
    """Where a redirect leads: to https only, or from this machine to this machine.

    Raises:
        DownloadError: it leads elsewhere.
    """
    try:
        target = urljoin(url, location)
        encrypted = target.startswith("https://")
        at_home = target.startswith("http://") and is_loopback(target) and is_loopback(url)
    except ValueError:
        encrypted = at_home = False
    if not location or not (encrypted or at_home):
        raise DownloadError(
            f"{urlsplit(url).hostname} redirects to an address that is not encrypted.",
            "Check your network, and the proxy if you have one.",
        )
    return target


def _size_of_rest(response: httpx.Response, have: int) -> int:
    """The whole file's size, from an answer that holds the rest of it."""
    matched = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if matched is None or int(matched[1]) != have:
        raise DownloadError(
            f"{response.url.host} sends another part of the file than it was asked for.",
            "Remove what is there of the model, then download it again.",
        )
    return int(matched[3])


def _size_of_all(response: httpx.Response) -> int:
    """The whole file's size, from an answer that there is nothing more."""
    size = response.headers.get("content-range", "").removeprefix("bytes */")
    return int(size) if size.isdecimal() else 0


def _length(response: httpx.Response) -> int:
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _unquoted(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"').lower()


def _gigabytes(size: int) -> str:
    return f"{max(size, 0) / 1e9:.1f} GB"
