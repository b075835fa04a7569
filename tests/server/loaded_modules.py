"""A server extension for tests: answers ``api/loaded-modules`` with the names of all modules that
the server's process has imported."""

from __future__ import annotations

import json
import sys
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web


class LoadedModulesHandler(APIHandler):
    @web.authenticated
    def get(self) -> None:
        self.finish(json.dumps(sorted(sys.modules)))


def _load_jupyter_server_extension(serverapp: Any) -> None:
    url = url_path_join(serverapp.base_url, "api/loaded-modules")
    serverapp.web_app.add_handlers(".*$", [(url, LoadedModulesHandler)])
