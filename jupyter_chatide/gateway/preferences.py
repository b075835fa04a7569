"""What the user wishes of the gateway, kept in ``preferences.json`` beside the keys."""

from __future__ import annotations

import msgspec


class CustomProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenAI-compatible server that the user named."""

    label: str
    base_url: str
    needs_key: bool = False
    default_model: str = ""


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """The user's wishes.

    Args:
        default_model: the ``provider/model`` that answers when a chat chose none; ``""`` is the
            configured one, or the first that can answer.
        fallback: the chain of models to fall back on; ``None`` is the configured one.
        endpoint: whether the OpenAI-compatible endpoint is switched on.
        providers: the user's own providers by id.
        options: what was set of providers' options, by provider's id and option's name.
    """

    default_model: str = ""
    fallback: list[str] | None = None
    endpoint: bool = False
    providers: dict[str, CustomProvider] = {}
    options: dict[str, dict[str, str]] = {}
