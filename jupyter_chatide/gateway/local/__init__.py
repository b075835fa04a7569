"""Models on this machine: GGUF files, fetched or the user's own, served by llama.cpp."""

from __future__ import annotations

from .models import LocalModel, LocalState, RecommendedModel, Serving, ServingState

__all__ = ["LocalModel", "LocalState", "RecommendedModel", "Serving", "ServingState"]
