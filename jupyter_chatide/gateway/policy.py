"""Which providers and models may be asked: the administrator's patterns, blocked before allowed."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from .adapter import ProviderConfiguration, Target
from .addresses import is_loopback
from .errors import PolicyError

_DEMO = "demo"
_OLLAMA, _LATEST = "ollama", ":latest"
_HINT = "Choose another model, or ask your administrator."


class Policy:
    """What the administrator allows.

    Patterns are globs (``*``, ``?``, ``[…]``; ``*`` matches slashes too) over ``provider/model``,
    upper and lower case alike. A pattern without a slash means every model of the providers that
    it matches. What is blocked stays blocked whatever is allowed, and by whatever name: a blocked
    model is also looked for behind each slash (``bedrock/converse/…``), and with and without
    Ollama's ``:latest``. The demo, which asks no model at all, needs no allowance, but can be
    blocked.

    Args:
        allowed: patterns of what may be asked; empty allows all.
        blocked: patterns of what may not.
    """

    def __init__(self, allowed: Iterable[str] = (), blocked: Iterable[str] = ()) -> None:
        self._allowed = [_whole(pattern) for pattern in allowed]
        self._blocked = [_whole(pattern) for pattern in blocked]

    def reason(self, provider: str, model: str = "") -> str:
        """Why this may not be asked, as a sentence; ``""`` when it may.

        Args:
            provider: its id.
            model: its name there; ``""`` asks whether any of the provider's models is allowed.
        """
        model = model.strip()
        name = f"{provider}/{model}".lower()
        allows = _matches if model else _matches_some
        shown = f"{provider}/{model}" if model else provider
        if self._blocks(provider, model):
            return f"The administrator has blocked {shown}."
        if not self._allowed or provider == _DEMO:
            return ""
        if any(allows(name, pattern) for pattern in self._allowed):
            return ""
        return f"{shown} is not among what the administrator allows."

    def check(self, provider: str, model: str = "") -> None:
        """Make sure that a provider, or one of its models, may be asked.

        Raises:
            PolicyError: it may not; the message says why.
        """
        if reason := self.reason(provider, model):
            raise PolicyError(reason, _HINT)

    def check_address(
        self, target: Target, model: str, providers: Iterable[ProviderConfiguration]
    ) -> None:
        """Make sure that an address of the user's choice is not that of a provider of which the
        model is blocked.

        Args:
            target: where the user's provider is asked.
            model: its name there.
            providers: all that there are.

        Raises:
            PolicyError: it is.
        """
        for provider in providers:
            if provider.id == target.provider.id or not provider.base_url:
                continue
            if _server(provider.base_url) == _server(target.base_url) and self._blocks(
                provider.id, model
            ):
                raise PolicyError(
                    f"The administrator has blocked {provider.id}/{model}, and "
                    f"{target.provider.id} is the same server.",
                    _HINT,
                )

    def _blocks(self, provider: str, model: str) -> bool:
        if not model:
            return any(_matches_all(f"{provider.lower()}/", pattern) for pattern in self._blocked)
        names = _names(provider.lower(), model.lower())
        return any(_matches(name, pattern) for name in names for pattern in self._blocked)


def _server(url: str) -> tuple[str, int]:
    """Host and port, the same for every spelling of them."""
    parts = urlsplit(url)
    host = "localhost" if is_loopback(url) else (parts.hostname or "").rstrip(".")
    return host, parts.port or (80 if parts.scheme == "http" else 443)


def _whole(pattern: str) -> str:
    pattern = pattern.strip().lower()
    return pattern if "/" in pattern else f"{pattern}/*"


def _names(provider: str, model: str) -> list[str]:
    """What else reaches the same model: litellm and Ollama drop what stands before a slash."""
    parts = model.split("/")
    names = [f"{provider}/{'/'.join(parts[i:])}" for i in range(len(parts))]
    if provider == _OLLAMA:
        if ":" not in parts[-1]:
            names += [f"{name}{_LATEST}" for name in names]
        elif model.endswith(_LATEST):
            names += [name.removesuffix(_LATEST) for name in names]
    return names


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def _rests(prefix: str, pattern: str) -> Iterable[str]:
    """What is left of the pattern where its beginning matches the whole prefix."""
    for end in range(1, len(pattern) + 1):
        if fnmatchcase(prefix, pattern[:end]):
            yield pattern[end:]


def _matches_some(prefix: str, pattern: str) -> bool:
    return any(rest or pattern.endswith("*") for rest in _rests(prefix, pattern))


def _matches_all(prefix: str, pattern: str) -> bool:
    return pattern.endswith("*") and any(not rest.strip("*") for rest in _rests(prefix, pattern))
