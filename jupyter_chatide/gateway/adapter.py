"""The interface behind which every provider stands, and the data that describes one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

import msgspec

from .messages import AnyDelta, LLMRequest, ModelInfo

ModelList = Literal[
    "openai",
    "ollama",
    "gemini",
    "anthropic",
    "cohere",
    "github",
    "lmstudio",
    "xai",
    "demo",
    "none",
]


class OptionConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of a provider that is neither key nor base URL, as data.

    Args:
        name: what adapters know it by, e.g. ``region``.
        label: what people read.
        default: the value where nobody set one.
        kind: what it holds.
        variables: environment variables that may hold it, the first one set wins over the user's.
        required: whether the provider cannot be asked without it.
        help: one sentence.
    """

    name: str
    label: str
    default: str = ""
    kind: Literal["text", "integer"] = "text"
    variables: tuple[str, ...] = ()
    required: bool = False
    help: str = ""


class ProviderConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as data.

    Args:
        id: what stands before the slash in ``provider/model``.
        label: the name that people know.
        icon: file name of its SVG in ``gateway/icons``.
        adapter: who speaks to it: ``direct`` (OpenAI's wire format over plain HTTP), ``ollama``
            (its own format), ``litellm`` (the worker processes), ``local`` (a model file that we
            serve ourselves) or ``demo``.
        group: where lists show it.
        base_url: where it answers; for ``direct`` up to and including ``/v1``.
        base_url_editable: whether the user may point it elsewhere (local and custom servers).
        base_url_variable: the environment variable that may name another base URL.
        key_format: ``token`` (one line of printable ASCII) or ``json`` (a credentials document).
        key_variables: environment variables that may hold its key, the first one set wins.
        needs_key: whether it answers nobody without a key.
        key_url: where a person gets a key.
        default_model: a sensible model to begin with; ``""`` means the first one listed.
        models: how it lists models: ``openai`` (``GET base_url/models``), ``ollama``
            (``GET /api/tags``), a form of its own, or ``none`` (then what the catalog knows).
        litellm_prefix: what litellm puts before the model's name.
        key_check: the call that proves a key: ``models`` (listing needs it), ``completion``, or
            the path below the base URL of a route that needs it.
        local: whether it runs on this machine, and can be found by asking it.
        options: what else can be set.
        ambient: credentials that the machine's environment may hold and that are passed on
            without ever being shown, as pairs of an option's name and its variable.
        hottest: the highest temperature that it takes.
        price_prefix: what litellm's price list puts before the model's name, where that is not
            ``litellm_prefix`` or the id.
    """

    id: str
    label: str
    icon: str
    adapter: Literal["direct", "ollama", "litellm", "local", "demo"]
    group: Literal["cloud", "local", "custom", "demo"] = "cloud"
    base_url: str = ""
    base_url_editable: bool = False
    base_url_variable: str = ""
    key_format: Literal["token", "json"] = "token"
    key_variables: tuple[str, ...] = ()
    needs_key: bool = True
    key_url: str = ""
    default_model: str = ""
    models: ModelList = "openai"
    litellm_prefix: str = ""
    key_check: str = "completion"
    local: bool = False
    options: tuple[OptionConfiguration, ...] = ()
    ambient: tuple[tuple[str, str], ...] = ()
    hottest: float = 2.0
    price_prefix: str = ""


class Target(msgspec.Struct, frozen=True):
    """Where one request goes: the provider, the base URL in force, the key bound to that URL, and
    the options in force by name."""

    provider: ProviderConfiguration
    base_url: str
    key: str | None
    options: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Target({self.provider.id!r}, {self.base_url!r}, key={'set' if self.key else None})"


class Adapter(Protocol):
    """Speaks to providers of one kind."""

    def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the answer. Closing the generator closes the upstream connection at once.

        Raises:
            GatewayError: the class says what kind of failure, the message says it to a person.
        """
        ...

    async def models(self, target: Target) -> list[ModelInfo]:
        """List the provider's models.

        Raises:
            GatewayError: as ``stream``.
        """
        ...

    async def aclose(self) -> None:
        """End what the adapter holds open. Safe to call twice."""
        ...
