"""Models on this machine: GGUF files, fetched or the user's own, served by llama.cpp."""

from __future__ import annotations

from .adapter import LocalAdapter
from .download import DownloadError
from .models import LocalModel, LocalState, RecommendedModel, Serving, ServingState
from .recommended import RECOMMENDED
from .store import LocalModels

__all__ = [
    "RECOMMENDED",
    "DownloadError",
    "LocalAdapter",
    "LocalModel",
    "LocalModels",
    "LocalState",
    "RecommendedModel",
    "Serving",
    "ServingState",
]
