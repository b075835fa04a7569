"""What the package exports, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jupyter_chatide.gateway as package


def test_the_exported_names() -> None:
    assert set(package.__all__) == {
        "DEFAULT_PROVIDERS",
        "AnyDelta",
        "AuthenticationError",
        "Budget",
        "BudgetError",
        "ChatMessage",
        "ContentRefusedError",
        "ContextTooLongError",
        "Deadlines",
        "ExamplePrompt",
        "FallbackDelta",
        "FinishDelta",
        "Gateway",
        "GatewayError",
        "GatewaySettings",
        "ImagePart",
        "InvalidRequestError",
        "KeyCheck",
        "KeyStatus",
        "KeyStore",
        "KeyStoreError",
        "LLMRequest",
        "MalformedReplyError",
        "ModelInfo",
        "ModelNotFoundError",
        "ModelTimeoutError",
        "OverloadedError",
        "PermissionDeniedError",
        "PolicyError",
        "ProviderConfiguration",
        "ProviderStatus",
        "Purpose",
        "QuotaError",
        "RateLimitError",
        "ReasoningDelta",
        "RequestRefusedError",
        "ResponseFormat",
        "RetryDelta",
        "TextDelta",
        "TextPart",
        "Tool",
        "ToolCall",
        "ToolCallDelta",
        "UnreachableError",
        "UsageDelta",
    }
    assert all(hasattr(package, name) for name in package.__all__)


def test_importing_it_and_making_a_gateway_loads_nothing_heavy() -> None:
    code = (
        "import json, sys; from jupyter_chatide.gateway import Gateway; Gateway(); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert "jupyter_chatide.gateway.gateway" in loaded
    assert not loaded & {"httpx", "litellm", "openai", "jupyter_client", "nbformat", "aiohttp"}


def test_httpx_is_imported_off_the_event_loops_thread(tmp_path: Path) -> None:
    """On the loop, its import would hold up everybody for a few hundred milliseconds."""
    code = """
import asyncio, pathlib, sys, threading
from jupyter_chatide.gateway import Gateway, KeyStore

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "httpx":
            print("imported by", threading.current_thread() is threading.main_thread())

async def first_use():
    environ = {"OPENAI_API_KEY": "sk-0", "OPENAI_BASE_URL": "http://127.0.0.1:9"}
    keys = KeyStore(pathlib.Path(sys.argv[1]), environ=environ)
    async with Gateway(keys=keys) as gateway:
        print((await gateway.check_key("openai")).code)

sys.meta_path.insert(0, Watch())
asyncio.run(first_use())
"""
    argv = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["imported by False", "unreachable"]


def test_every_error_has_a_code_of_its_own() -> None:
    errors = [
        value
        for name in package.__all__
        if isinstance(value := getattr(package, name), type) and issubclass(value, Exception)
    ]
    assert len({error.code for error in errors}) == len(errors)
