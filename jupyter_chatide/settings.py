"""All settings, as traits: of the server extension, and of whoever works without a server.

Users and administrators write them into Jupyter's configuration files as ``c.ChatIDEExtension.…``;
the terminal and the magics read the same files, so that a policy holds there too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Dict, Enum, Float, HasTraits, Integer, List, TraitError, Unicode

from .errors import ChatIDEError
from .paths import default_data_dir

if TYPE_CHECKING:
    from .gateway.adapter import ProviderConfiguration
    from .gateway.settings import GatewaySettings
    from .runtime import Limits

_SECTION = "ChatIDEExtension"
_FROM_FILE = "file:"


class SettingsError(ChatIDEError):
    """A setting in Jupyter's configuration cannot be used; the message names it."""

    code = "settings"


class _Keys(Dict):
    """A dictionary of secrets: what is wrong with it is said without showing it."""

    def validate(self, obj: Any, value: Any) -> Any:
        if not isinstance(value, dict) or not all(
            isinstance(text, str) for pair in value.items() for text in pair
        ):
            raise TraitError(f"{_SECTION}.keys must be a dictionary of keys by provider's id.")
        return value


class Settings(HasTraits):
    """What can be set, and what the parts make of it."""

    data_dir = Unicode(
        "",
        help="""The folder for chats and keys. Default: `chatide` in Jupyter's data directory.""",
    ).tag(config=True)

    default_model = Unicode(
        "",
        help="""The model that answers when none is picked, as `provider/model`. A user's own wish
        comes before it. Default: empty, which means a provider that has a key, else a local one,
        else the demo.""",
    ).tag(config=True)

    fallback = List(
        Unicode(),
        maxlen=10,
        help="""The models (`provider/model`) to ask, in this order, when the one that was asked is
        unavailable: at most 10. A user's own chain comes before it. Default: empty, which means
        none.""",
    ).tag(config=True)

    providers = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="""Providers by id, beside those that we know, e.g. `{"lab": {"label": "Our lab",
        "base_url": "https://llm.example.org/v1"}}`. An id that we know changes that provider, by
        the fields given. Fields: label, base_url (up to and including `/v1`), needs_key (default:
        true), key_variables, key_url, default_model, models ("openai" lists them, "none" does not),
        adapter ("direct", which speaks OpenAI's format, or "litellm", with litellm_prefix), group.
        Default: none.""",
    ).tag(config=True)

    keys = _Keys(
        help="""Keys by provider's id; users see that there is one, and cannot change it.
        `file:/path` is read from that file, which keeps the key out of Jupyter's own debug log.
        Default: none.""",
    ).tag(config=True)

    key_places = List(
        Enum(["keyring", "file", "memory"]),
        default_value=["keyring", "file", "memory"],
        help="""Where users may keep keys, the default first: the system's `keyring`, a `file` that
        only the user can read, the server's `memory`. Default: these three, of which those are
        offered that work here; on Binder, memory first.""",
    ).tag(config=True)

    allowed_models = List(
        Unicode(),
        help="""Which models may be asked, as patterns over `provider/model` with `*` and `?`; one
        without a slash means all of a provider. Default: empty, which means all.""",
    ).tag(config=True)

    blocked_models = List(
        Unicode(),
        help="""Which models may not be asked, as patterns like those of `allowed_models`, over
        which it wins. Default: none.""",
    ).tag(config=True)

    budget_cost = Float(
        None,
        allow_none=True,
        min=0,
        help="""What a user may spend in a `budget_period`, in US dollars. Requests whose cost is
        unknown do not count. Default: None, which means no limit.""",
    ).tag(config=True)

    budget_tokens = Integer(
        None,
        allow_none=True,
        min=0,
        help="""How many tokens a user may use in a `budget_period`, input and output together; an
        estimate stands for those that no provider counted. Default: None, which means no limit.""",
    ).tag(config=True)

    budget_period = Enum(
        ["day", "month"],
        default_value="day",
        help="""What budgets count over: a `day` or a `month`, in UTC. Default: day.""",
    ).tag(config=True)

    connect_deadline = Float(
        10.0,
        min=0.1,
        help="""How long connecting to a provider may take, in seconds. Default: 10.""",
    ).tag(config=True)

    first_token_deadline = Float(
        300.0,
        min=0.1,
        help="""How long a model may take until it begins to answer, in seconds; a local server may
        have to load it first. Default: 300.""",
    ).tag(config=True)

    idle_deadline = Float(
        120.0,
        min=0.1,
        help="""How long an answer may pause, in seconds. Default: 120.""",
    ).tag(config=True)

    total_deadline = Float(
        3600.0,
        min=0.1,
        help="""How long an answer may take as a whole, in seconds. Default: 3,600.""",
    ).tag(config=True)

    workers = Integer(
        4,
        min=1,
        help="""The most processes that speak to providers through litellm. One starts when it is
        first needed, more as load asks. Default: 4.""",
    ).tag(config=True)

    endpoint_allowed = Bool(
        True,
        help="""Whether users may switch on the OpenAI-compatible endpoint (`api/chatide/v1`), with
        which other programs use the providers. Default: True; it is off until a user switches it
        on.""",
    ).tag(config=True)

    endpoint_streams = Integer(
        8,
        min=1,
        help="""The most answers that one token of the endpoint may have at a time. Default:
        8.""",
    ).tag(config=True)

    local_models_dir = Unicode(
        "",
        help="""The folder for models that are fetched to run on this machine. Default: `models` in
        `data_dir`.""",
    ).tag(config=True)

    max_turns = Integer(
        8,
        min=1,
        help="""The most turns that go on at a time, over all chats of a server. Four times as many
        wait for a place; more are refused. Default: 8.""",
    ).tag(config=True)

    run_time = Float(
        120.0,
        min=0,
        help="""The longest that one run of generated code may take, in seconds. Default: 120.""",
    ).tag(config=True)

    output_bytes = Integer(
        20_000_000,
        min=0,
        help="""The most output that is kept of one run, in bytes. Default: 20,000,000 (20 MB).""",
    ).tag(config=True)

    interrupt_grace = Float(
        3.0,
        min=0,
        help="""How long a kernel may take to obey Stop before it is killed, in seconds.
        Default: 3.""",
    ).tag(config=True)

    @property
    def data_path(self) -> Path:
        """The folder for chats and keys."""
        return Path(self.data_dir).expanduser() if self.data_dir else default_data_dir()

    def gateway_settings(self) -> GatewaySettings:
        """The gateway's part.

        Raises:
            SettingsError: a provider is not described as it must be, or a key's file cannot be
                read.
        """
        from .gateway.settings import Budget, Deadlines, GatewaySettings

        return GatewaySettings(
            default_model=self.default_model,
            fallback=tuple(self.fallback),
            providers=tuple(_provider(id, fields) for id, fields in self.providers.items()),
            keys={id: _key(id, key) for id, key in self.keys.items()},
            key_places=tuple(self.key_places),
            allowed=tuple(self.allowed_models),
            blocked=tuple(self.blocked_models),
            deadlines=Deadlines(
                connect=self.connect_deadline,
                first_token=self.first_token_deadline,
                idle=self.idle_deadline,
                total=self.total_deadline,
            ),
            budget=Budget(
                cost=self.budget_cost,
                tokens=self.budget_tokens,
                period="month" if self.budget_period == "month" else "day",
            ),
            workers=self.workers,
            local_models_dir=str(Path(self.local_models_dir).expanduser())
            if self.local_models_dir
            else "",
        )

    def limits(self) -> Limits:
        """The limits of runs."""
        from .runtime import Limits

        return Limits(
            run_time=self.run_time,
            output_bytes=self.output_bytes,
            interrupt_grace=self.interrupt_grace,
        )


def load_settings() -> Settings:
    """The settings as a Jupyter server of this user would have them, without its command line.

    Raises:
        SettingsError: a configuration file cannot be read, or sets what cannot be.
    """
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Config, Configurable
    from traitlets.config.loader import (
        ConfigFileNotFound,
        JSONFileConfigLoader,
        PyFileConfigLoader,
    )

    config = Config()
    # In the order in which a server takes them up: the later one wins.
    for name in ("jupyter_config", "jupyter_chatide_config", "jupyter_server_config"):
        for folder in reversed(jupyter_config_path()):
            for kind, suffix in ((PyFileConfigLoader, ".py"), (JSONFileConfigLoader, ".json")):
                loader = kind(name + suffix, path=folder)
                try:
                    config.merge(loader.load_config())
                except ConfigFileNotFound:
                    continue
                except Exception as error:  # it is Python, and may raise anything
                    raise SettingsError(
                        f"{loader.full_filename or name} cannot be read: {type(error).__name__}.",
                        "Correct that file of Jupyter's configuration.",
                    ) from error
    try:
        settings: Settings = type(_SECTION, (Settings, Configurable), {})(config=config)
    except TraitError as error:
        raise SettingsError(f"Jupyter's configuration: {error}", "Correct that setting.") from None
    return settings


def _provider(id: str, fields: dict[str, Any]) -> ProviderConfiguration:
    import msgspec

    from .gateway.adapter import ProviderConfiguration
    from .gateway.providers import DEFAULT_PROVIDERS

    where = f"{_SECTION}.providers[{id!r}]"
    ours = next((provider for provider in DEFAULT_PROVIDERS if provider.id == id), None)
    if ours is None:
        base = {
            "label": id,
            "icon": "openai-compatible.svg",
            "adapter": "direct",
            "group": "custom",
        }
    else:
        base = msgspec.structs.asdict(ours)
    known = set(ProviderConfiguration.__struct_fields__) - {"id"}
    if unknown := sorted(set(fields) - known):
        raise SettingsError(
            f"{where}: there is no field {unknown[0]!r}.",
            f"Use some of {', '.join(sorted(known))}.",
        )
    try:
        return msgspec.convert({**base, **fields, "id": id}, ProviderConfiguration)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}.", "Correct it.") from error


def _key(id: str, value: str) -> str:
    if not value.startswith(_FROM_FILE):
        return value
    try:
        return Path(value.removeprefix(_FROM_FILE)).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{_SECTION}.keys[{id!r}]: its file cannot be read.",
            "Check the file's path and permissions.",
        ) from error
