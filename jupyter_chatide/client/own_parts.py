"""Gateway, runtime and chats for who works without a Jupyter server.

They take the same settings from Jupyter's configuration files as a server would, so that an
administrator's policy, budget and folders hold in the terminal and in a notebook of its own, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..settings import Settings, load_settings

if TYPE_CHECKING:
    from ..chat import Chats
    from ..gateway import Gateway
    from ..runtime import Runtime


class OwnParts:
    """Makes the parts from one reading of the settings.

    Args:
        settings: the settings; ``None`` reads Jupyter's configuration files.

    Raises:
        SettingsError: a configuration file cannot be read, or sets what cannot be.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = load_settings() if settings is None else settings

    def gateway(self) -> Gateway:
        """Who asks the models. A context manager.

        Raises:
            SettingsError: a provider or a key in the settings cannot be used.
        """
        from ..gateway import Gateway

        return Gateway(data_dir=self.settings.data_path, settings=self.settings.gateway_settings())

    def runtime(self) -> Runtime:
        """Who runs the code. A context manager."""
        from ..runtime import Runtime

        return Runtime(data_dir=self.settings.data_path, limits=self.settings.limits())

    def chats(self, gateway: Gateway, runtime: Runtime) -> Chats:
        """The chats, which the sidebar shows too."""
        from ..chat import Chats

        return Chats(gateway, runtime, self.settings.data_path)
