"""``openapi.yaml``, as tests use it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

import jupyter_chatide.server

FILE = Path(jupyter_chatide.server.__file__).parent / "openapi.yaml"
METHODS = ("get", "put", "post", "patch", "delete")


class Description:
    """The API as the file describes it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas: dict[str, Any] = document["components"]["schemas"]
        self._paths = {
            re.compile(
                re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path).replace("(?P<path>[^/]+)", ".+")
            ): item
            for path, item in document["paths"].items()
        }

    @classmethod
    def load(cls) -> Description:
        return cls(yaml.safe_load(FILE.read_text(encoding="utf-8")))

    @property
    def operations(self) -> set[tuple[str, str]]:
        """All pairs of path and method."""
        return {
            (path, method)
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        }

    def resolve(self, node: Any) -> Any:
        """What a ``$ref`` points at."""
        while "$ref" in node:
            target = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            node = target
        return node

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Assert that this answer is one of those described."""
        items = [item for pattern, item in self._paths.items() if pattern.fullmatch(path)]
        assert items, f"{path} is not described"
        operation = items[0].get(method.lower())
        assert operation, f"{method} {path} is not described"
        responses = operation["responses"]
        assert str(status) in responses, (
            f"{method} {path} does not describe {status}: {body[:300]!r}"
        )
        content = self.resolve(responses[str(status)]).get("content")
        if content is None:
            assert not body
            return
        media = headers["Content-Type"].partition(";")[0]
        assert media in content or "*/*" in content, f"{media} is not described"
        schema = content.get(media, content.get("*/*"))["schema"]
        if media == "application/json":
            self._validate(schema, json.loads(body))
        elif media == "application/x-ndjson":
            for line in body.splitlines():
                self._validate(schema, json.loads(line))
        elif media == "text/event-stream":
            for data in re.findall(rb"^data: (.*)$", body, re.MULTILINE):
                self._validate(schema, json.loads(data))

    def check_schema(self, name: str, value: Any) -> None:
        """Assert that ``value`` is a ``name``."""
        self._validate({"$ref": f"#/components/schemas/{name}"}, value)

    def accepts(self, name: str, value: Any) -> bool:
        """Whether ``value`` is a ``name``."""
        return bool(self._validator({"$ref": f"#/components/schemas/{name}"}).is_valid(value))

    def _validate(self, schema: dict[str, Any], value: Any) -> None:
        self._validator(schema).validate(value)

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": self.document["components"]})
