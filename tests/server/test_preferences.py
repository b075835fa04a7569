"""The user's wishes and what was used, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from tests.fakes.provider import FakeProvider

from .conftest import Api


def question(model: str = "fake-model", provider: str = "openai-compatible") -> dict[str, Any]:
    return {
        "provider": provider,
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
    }


async def test_wishes_are_kept_one_by_one(api: Api, data_dir: Path) -> None:
    assert (await api.get("/preferences")).json == {
        "default_model": "",
        "fallback": None,
        "default_fallback": [],
        "endpoint": False,
    }
    changed = await api("PATCH", "/preferences", {"fallback": ["demo/demo"]})
    assert changed.json["fallback"] == ["demo/demo"]
    changed = await api("PATCH", "/preferences", {"default_model": "openai/gpt"})
    assert (changed.json["fallback"], changed.json["default_model"]) == (
        ["demo/demo"],
        "openai/gpt",
    )
    assert (await api.get("/preferences")).json == changed.json
    assert (await api.get("/providers")).json["default_model"] == "openai/gpt"
    changed = await api("PATCH", "/preferences", {"fallback": None, "default_model": ""})
    assert (changed.json["fallback"], changed.json["default_model"]) == (None, "")
    chain = [f"demo/{number}" for number in range(11)]  # the gateway would ask ten of them
    assert (await api("PATCH", "/preferences", {"fallback": chain})).status == 400
    assert (await api("PATCH", "/preferences", {"fallback": chain[:10]})).status == 200
    assert (data_dir / "preferences.json").stat().st_mode & 0o777 == 0o600


class TestAnAdministratorsChain:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.fallback = ["demo/demo"]
        jp_server_config.ChatIDEExtension.budget_tokens = 30
        return jp_server_config

    async def test_is_shown_and_gives_way_to_the_users(self, api: Api) -> None:
        shown = (await api.get("/preferences")).json
        assert (shown["fallback"], shown["default_fallback"]) == (None, ["demo/demo"])
        shown = (await api("PATCH", "/preferences", {"fallback": []})).json
        assert (shown["fallback"], shown["default_fallback"]) == ([], ["demo/demo"])

    async def test_a_budget_is_shown_and_held(self, api: Api, provider: FakeProvider) -> None:
        await api.use(provider)
        await api("PATCH", "/preferences", {"fallback": []})
        provider.otherwise("Hello")
        for _ in range(2):  # 18 tokens each
            assert (await api.post("/llmcall", question())).status == 200
        refused = await api.post("/llmcall", question())
        assert refused.status == 429
        assert refused.json["code"] == "budget"
        assert "36" in refused.json["message"] and refused.json["hint"]
        budget = (await api.get("/usage")).json["budget"]
        assert (budget["tokens"], budget["spent_tokens"], budget["period"]) == (30, 36, "day")
        assert budget["estimated_tokens"] == 0
        assert 0 < budget["resets"] - datetime.now(UTC).timestamp() <= 86_400


async def test_what_was_used_is_reported_by_day_provider_and_model(
    api: Api, provider: FakeProvider
) -> None:
    await api.use(provider)
    provider.otherwise("Hello")
    await api.post("/llmcall", question())
    await api.post("/llmcall", question("another"))
    chat = await api.new_chat()
    await api.ask(chat, "Hi", "openai-compatible/fake-model")
    await (await api.events(chat)).until("turn_finished")
    report = (await api.get("/usage?days=2")).json
    assert report["days"] == 2 and report["budget"] is None
    found = {row["model"]: row for row in report["rows"]}
    assert found["fake-model"]["requests"] == 2
    assert found["another"] == {
        "day": datetime.now(UTC).date().isoformat(),
        "provider": "openai-compatible",
        "model": "another",
        "requests": 1,
        "input_tokens": 7,
        "output_tokens": 11,
        "cost": None,  # who knows what stands behind that address
        "unknown": 1,
        "uncounted": 0,
    }
    assert report["totals"]["requests"] == 3
    of_chat = (await api.get(f"/usage?chat={chat}")).json
    assert of_chat["totals"]["requests"] == 1
    assert (await api.get("/usage?chat=nobody")).json["rows"] == []


class TestAPolicy:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.blocked_models = ["openai-compatible/secret*"]
        return jp_server_config

    async def test_is_told_as_such(self, api: Api, provider: FakeProvider) -> None:
        await api.use(provider)
        refused = await api.post("/llmcall", question("secret-model"))
        assert (refused.status, refused.json["code"]) == (403, "policy")
        assert provider.chats == []


class TestSettingsThatCannotBeUsed:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ChatIDEExtension.providers = {"lab": {"colour": "red"}}
        return jp_server_config

    async def test_are_named_to_whoever_asks(self, api: Api) -> None:
        answer = await api.get("/providers")
        assert (answer.status, answer.json["code"]) == (500, "settings")
        assert "providers['lab']" in answer.json["message"]
