"""Which providers there are: ours, the administrator's and the user's, with their options."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import InvalidRequestError, NotFoundError
from .adapter import OptionConfiguration, ProviderConfiguration
from .addresses import check_base_url, is_loopback
from .messages import OptionStatus
from .preferences import CustomProvider, Preferences
from .providers import DEFAULT_PROVIDERS

if TYPE_CHECKING:
    from .preferences import PreferenceStore

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LONGEST_LABEL = 60  # characters
_LONGEST_VALUE = 1000  # characters
_LONGEST_MODEL = 200  # characters
_LARGEST_INTEGER = 100_000_000
_MOST_CUSTOM = 100


class ProviderRegistry:
    """The providers there are, in the order in which lists show them.

    Args:
        providers: ours.
        extra: the administrator's: each takes the place of ours of the same id, or comes after
            them; such a one is shown among the custom ones unless its group says otherwise.
        preferences: where the user's own providers and options are kept; ``None`` keeps them for
            this process only.

    Raises:
        InvalidRequestError: one of ``extra`` cannot be: the message names the id and the field.
    """

    def __init__(
        self,
        providers: Iterable[ProviderConfiguration] = DEFAULT_PROVIDERS,
        extra: Iterable[ProviderConfiguration] = (),
        preferences: PreferenceStore | None = None,
    ) -> None:
        self._ours = {provider.id: provider for provider in providers}
        for provider in extra:
            self._ours[provider.id] = _checked_extra(provider, known=provider.id in self._ours)
        self._preferences = preferences
        self._unkept = Preferences()

    def all(self) -> tuple[ProviderConfiguration, ...]:
        """Every provider, the user's own last."""
        return (*self._ours.values(), *self._custom())

    def get(self, provider: str) -> ProviderConfiguration:
        """One provider.

        Raises:
            NotFoundError: there is none of this id.
        """
        if provider in self._ours:
            return self._ours[provider]
        for configuration in self._custom():
            if configuration.id == provider:
                return configuration
        known = ", ".join(configuration.id for configuration in self.all())
        raise NotFoundError(f"There is no provider {provider!r}.", f"Choose one of {known}.")

    def is_custom(self, provider: str) -> bool:
        """Whether the user added it."""
        return provider not in self._ours and provider in self._read().providers

    def put_custom(self, provider: str, custom: CustomProvider) -> ProviderConfiguration:
        """Add a provider of the user's own, or change it.

        A key that was given for another base URL is not used for the new one.

        Args:
            provider: its id, what stands before the slash in ``provider/model``.
            custom: what it is.

        Raises:
            InvalidRequestError: it cannot be; the message names the field.
        """
        if not _SLUG.fullmatch(provider):
            raise InvalidRequestError(
                "id: it holds other than small letters, digits and dashes.",
                "Use 1 to 40 of them, beginning with a letter or a digit, e.g. my-server.",
            )
        if provider in self._ours:
            raise InvalidRequestError(
                f"id: {provider!r} is taken by {self._ours[provider].label}.", "Choose another."
            )
        configuration = _custom(provider, custom)
        kept = self._read().providers
        if provider not in kept and len(kept) >= _MOST_CUSTOM:
            raise InvalidRequestError(
                f"id: there are {_MOST_CUSTOM} providers of your own already.", "Remove one first."
            )
        custom = replace(custom, label=configuration.label, base_url=configuration.base_url)
        self._keep(lambda now: replace(now, providers={**now.providers, provider: custom}))
        return configuration

    def remove_custom(self, provider: str) -> None:
        """Remove a provider of the user's own, with its options. Its key is the key store's.

        Raises:
            NotFoundError: the user added none of this id.
        """
        preferences = self._read()
        if provider in self._ours or provider not in preferences.providers:
            raise NotFoundError(
                f"There is no provider {provider!r} of your own.", "Ours cannot be removed."
            )
        self._keep(
            lambda now: replace(
                now,
                providers={k: v for k, v in now.providers.items() if k != provider},
                options={k: v for k, v in now.options.items() if k != provider},
            )
        )

    def options(
        self, provider: str, environ: Mapping[str, str] | None = None
    ) -> list[OptionStatus]:
        """The options of a provider with the values in force.

        Args:
            provider: its id.
            environ: the environment to read; ``None`` is the process's.

        Raises:
            NotFoundError: there is no such provider.
        """
        configuration = self.get(provider)
        environ = os.environ if environ is None else environ
        wished = self._read().options.get(provider, {})
        return [_status(option, wished, environ) for option in configuration.options]

    def option_values(
        self, provider: str, environ: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """What adapters are given: the options that have a value, and the credentials that the
        environment holds for them.

        Args:
            provider: its id.
            environ: the environment to read; ``None`` is the process's.

        Raises:
            NotFoundError: there is no such provider.
        """
        environ = os.environ if environ is None else environ
        values = {option.name: option.value for option in self.options(provider, environ)}
        for name, variable in self.get(provider).ambient:
            values[name] = environ.get(variable, "").strip()
        return {name: value for name, value in values.items() if value}

    def set_options(self, provider: str, values: Mapping[str, str]) -> None:
        """Set options of a provider; those not named stay as they are.

        Args:
            provider: its id.
            values: new values by name; ``""`` goes back to the default.

        Raises:
            NotFoundError: there is no such provider.
            InvalidRequestError: it has no such option, or cannot have such a value.
        """
        configuration = self.get(provider)
        known = {option.name: option for option in configuration.options}
        wished: dict[str, str] = {}
        for name, value in values.items():
            if name not in known:
                hint = f"Choose one of {', '.join(known)}." if known else "It has none."
                raise InvalidRequestError(
                    f"{name}: {configuration.label} has no such option.", hint
                )
            wished[name] = _checked_value(known[name], value)

        def change(now: Preferences) -> Preferences:
            both = {**now.options.get(provider, {}), **wished}
            options = {**now.options, provider: {k: v for k, v in both.items() if v}}
            return replace(now, options={k: v for k, v in options.items() if v})

        self._keep(change)

    def _read(self) -> Preferences:
        return self._unkept if self._preferences is None else self._preferences.read()

    def _keep(self, change: Callable[[Preferences], Preferences]) -> None:
        if self._preferences is None:
            self._unkept = change(self._unkept)
        else:
            self._preferences.update(change)

    def _custom(self) -> Iterator[ProviderConfiguration]:
        """The user's own, without those that the file cannot mean: a person may edit it."""
        for provider, custom in self._read().providers.items():
            if provider in self._ours or not _SLUG.fullmatch(provider):
                continue
            try:
                yield _custom(provider, custom)
            except InvalidRequestError:
                continue


def _custom(provider: str, custom: CustomProvider) -> ProviderConfiguration:
    label = " ".join(custom.label.split())
    if not label or len(label) > _LONGEST_LABEL or not label.isprintable():
        raise InvalidRequestError(
            f"label: it is empty, longer than {_LONGEST_LABEL} characters, or not printable.",
            "Give the server a name that you will know it by.",
        )
    if len(custom.default_model) > _LONGEST_MODEL or not custom.default_model.isprintable():
        raise InvalidRequestError(
            f"default_model: it is longer than {_LONGEST_MODEL} characters, or not printable.",
            "Name a model as the server does, or leave it empty.",
        )
    configuration = ProviderConfiguration(
        id=provider,
        label=label,
        icon="openai-compatible.svg",
        adapter="direct",
        group="custom",
        needs_key=custom.needs_key,
        default_model=custom.default_model.strip(),
    )
    base_url = check_base_url(configuration, custom.base_url)
    return replace(configuration, base_url=base_url, local=is_loopback(base_url))


def _checked_extra(provider: ProviderConfiguration, *, known: bool) -> ProviderConfiguration:
    if not _SLUG.fullmatch(provider.id):
        raise InvalidRequestError(
            f"provider {provider.id!r}: its id holds other than small letters, digits and dashes.",
            "Use 1 to 40 of them, beginning with a letter or a digit.",
        )
    if provider.base_url:
        try:
            check_base_url(provider, provider.base_url)
        except InvalidRequestError as error:
            message = f"provider {provider.id!r}: {error.message}"
            raise InvalidRequestError(message, error.hint) from None
    # As it was given: an administrator's server may answer without any path.
    base_url = provider.base_url.strip().rstrip("/")
    group = "custom" if provider.group == "cloud" and not known else provider.group
    return replace(provider, base_url=base_url, group=group)


def _status(
    option: OptionConfiguration, wished: Mapping[str, str], environ: Mapping[str, str]
) -> OptionStatus:
    value, variable = wished.get(option.name, "") or option.default, ""
    for name in option.variables:
        given = environ.get(name, "").strip()
        if given and _fits(option, given):
            value, variable = given, name
            break
    return OptionStatus(
        name=option.name,
        label=option.label,
        value=value,
        default=option.default,
        kind=option.kind,
        required=option.required,
        help=option.help,
        variable=variable,
    )


def _checked_value(option: OptionConfiguration, value: str) -> str:
    value = value.strip()
    if value and not _fits(option, value):
        if option.kind == "integer":
            raise InvalidRequestError(
                f"{option.name}: it is no whole number from 1 to {_LARGEST_INTEGER:,}.",
                f"Leave it empty for the default, {option.default}.",
            )
        raise InvalidRequestError(
            f"{option.name}: it is longer than {_LONGEST_VALUE} characters, or not printable.",
            "Give it in one line.",
        )
    return str(int(value)) if value and option.kind == "integer" else value


def _fits(option: OptionConfiguration, value: str) -> bool:
    if option.kind == "integer":
        digits = value.isascii() and value.isdigit() and len(value) < 10
        return digits and 1 <= int(value) <= _LARGEST_INTEGER
    return len(value) <= _LONGEST_VALUE and value.isprintable()
