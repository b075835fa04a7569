"""What is said of local models: those on this machine, and those that can be fetched."""

from __future__ import annotations

from typing import Literal

import msgspec

LocalState = Literal["absent", "downloading", "partial", "verifying", "ready", "failed"]
ServingState = Literal["idle", "loading", "serving"]


class RecommendedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that we recommend for a laptop, as data.

    Args:
        id: what stands behind ``local/``.
        label: what people read.
        url: where the GGUF file is fetched from.
        size: bytes; 0 where only the server knows.
        sha256: the file's checksum in hexadecimal; ``""`` takes the one that the hub states.
        license: its SPDX identifier.
        context_window: tokens.
    """

    id: str
    label: str
    url: str
    size: int = 0
    sha256: str = ""
    license: str
    context_window: int


class LocalModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that runs, or could run, on this machine.

    Args:
        id: what stands behind ``local/``.
        label: what people read.
        size: bytes of the whole file; 0 is unknown.
        license: as its source states it; ``""`` is unknown.
        source: the URL that it comes from, or the file's path.
        context_window: the longest conversation, in tokens; ``None`` is unknown.
        state: ``absent`` and ``partial`` can be downloaded (``partial`` goes on from ``done``),
            ``ready`` can be asked; ``failed`` says why in ``message``.
        done: bytes that are there, or while ``verifying`` that are verified.
        message: one sentence about what happened, and what to do; else ``""``.
        removable: whether there is something to remove, or to forget.
        own: whether the user added the file.
    """

    id: str
    label: str
    size: int
    license: str
    source: str
    context_window: int | None
    state: LocalState
    done: int = 0
    message: str = ""
    removable: bool = False
    own: bool = False


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What the serving process does now.

    Args:
        state: ``idle`` is no process and no memory used.
        model: the id of the model that is loaded, or being loaded.
        context: tokens that fit this machine's memory, of the model's context window; 0 when idle.
        seconds: for which it has been loading; 0 when not.
    """

    state: ServingState = "idle"
    model: str = ""
    context: int = 0
    seconds: float = 0.0
