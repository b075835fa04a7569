"""Lets pages of a workspace be shown without giving them anything else: tokens and CSP texts.

A page is served under an unguessable, short-lived token in its path, with an opaque origin, and
inside an outer frame that keeps it from navigating itself away.
"""

from __future__ import annotations

import html
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

_MOST_TOKENS = 1_000
# What may stand in a CSP source: no separator of its directives or sources.
_SOURCE = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+=%-]+/")


class _Lease(msgspec.Struct):
    workspace: Path
    ends: float


class PreviewTokens:
    """Which workspace a token shows.

    Args:
        lifetime: seconds after which an unused token is worth nothing; each use renews it.
        clock: gives the time in seconds.
    """

    def __init__(
        self, *, lifetime: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._leases: dict[str, _Lease] = {}  # the least recently used first

    def issue(self, workspace: Path) -> str:
        """A new token for a workspace's pages."""
        self._forget_expired()
        while len(self._leases) >= _MOST_TOKENS:
            del self._leases[next(iter(self._leases))]
        token = secrets.token_urlsafe(32)
        self._leases[token] = _Lease(workspace, self._clock() + self._lifetime)
        return token

    def look_up(self, token: str) -> Path | None:
        """The workspace that ``token`` shows, and renew it; None when it is not valid."""
        lease = self._leases.pop(token, None)
        if lease is None or lease.ends <= self._clock():
            return None
        lease.ends = self._clock() + self._lifetime
        self._leases[token] = lease
        return lease.workspace

    def revoke(self, workspace: Path) -> None:
        """Make every token of a workspace worthless."""
        self._leases = {
            token: lease for token, lease in self._leases.items() if lease.workspace != workspace
        }

    def _forget_expired(self) -> None:
        now = self._clock()
        self._leases = {token: lease for token, lease in self._leases.items() if lease.ends > now}


def page_headers(base: str) -> dict[str, str]:
    """The headers of a page, script, image… from a workspace.

    Args:
        base: the full URL of the workspace's files under its token, ending in ``/``.

    Raises:
        ValueError: ``base`` is no such URL.
    """
    base = _source(base)
    policy = (
        "sandbox allow-scripts",
        f"default-src {base} blob: data:",
        f"script-src 'unsafe-inline' 'unsafe-eval' {base} blob: data:",
        f"style-src 'unsafe-inline' {base} blob: data:",
        f"connect-src {base}",
        "form-action 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'self'",
        "webrtc 'block'",
    )
    # Any origin may read it: the page's own is opaque, and no cookie is asked for.
    return _headers(policy) | {"Access-Control-Allow-Origin": "*"}


def frame_headers(base: str) -> dict[str, str]:
    """The headers of the outer frame.

    Args:
        base: as for :func:`page_headers`.

    Raises:
        ValueError: ``base`` is no such URL.
    """
    return _headers(
        (
            "default-src 'none'",
            f"frame-src {_source(base)}",
            "style-src 'unsafe-inline'",
            "frame-ancestors 'self'",
        )
    )


def frame_html(base: str, path: str) -> str:
    """The outer frame around a page.

    Args:
        base: as for :func:`page_headers`.
        path: the page's path in the workspace.

    Raises:
        ValueError: ``base`` is no such URL.
    """
    # Without scheme and host: behind a proxy that speaks https, ``base`` may say http.
    url = html.escape(urlsplit(_source(base)).path + quote(path))
    title = html.escape(path)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
html, body, iframe {{ margin: 0; border: 0; width: 100%; height: 100%; display: block }}
</style>
</head>
<body><iframe src="{url}" title="{title}" sandbox="allow-scripts"></iframe></body>
</html>
"""


def _headers(policy: tuple[str, ...]) -> dict[str, str]:
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def _source(base: str) -> str:
    if not _SOURCE.fullmatch(base):
        raise ValueError(f"not a URL that a policy can name: {base!r}")
    return base
