"""What the administrator allows and blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chatide.gateway.errors import PolicyError
from jupyter_chatide.gateway.policy import Policy

NAMES = st.text("abcO/-.:7", min_size=1, max_size=12).filter(str.strip)


@pytest.mark.parametrize(
    ("allowed", "blocked", "may", "may_not"),
    [
        ((), (), ["openai/gpt", "demo/demo"], []),
        (("openai",), (), ["openai/gpt", "OpenAI/GPT"], ["openai-compatible/gpt", "groq/x"]),
        (("openai/gpt-5*",), (), ["openai/gpt-5.1", "openai/GPT-5"], ["openai/o4", "groq/gpt-5"]),
        (("*/qwen*",), (), ["ollama/qwen3", "openrouter/qwen/qwen3"], ["ollama/llama"]),
        ((), ("openai",), ["groq/openai/gpt-oss"], ["openai/gpt", "OPENAI/gpt"]),
        ((), ("*/gpt-4*",), ["openai/gpt-5"], ["openai/gpt-4o", "openrouter/openai/gpt-4"]),
        ((), ("openai/gpt-4*",), ["openai/gpt-5"], ["openai/GPT-4o"]),
        (("openai",), ("openai/o*",), ["openai/gpt"], ["openai/o4"]),
        (("openai/o4",), ("openai",), [], ["openai/o4"]),
        (("open*",), (), ["openai/x", "openrouter/x"], ["ollama/x"]),
        ((" openai ",), (), ["openai/x"], ["groq/x"]),
    ],
)
def test_blocked_comes_before_allowed_and_case_does_not_count(
    allowed: tuple[str, ...], blocked: tuple[str, ...], may: list[str], may_not: list[str]
) -> None:
    policy = Policy(allowed, blocked)
    for name in may:
        assert policy.reason(*name.split("/", 1)) == ""
        policy.check(*name.split("/", 1))
    for name in may_not:
        provider, model = name.split("/", 1)
        assert name in policy.reason(provider, model)
        with pytest.raises(PolicyError) as caught:
            policy.check(provider, model)
        assert caught.value.message == policy.reason(provider, model) and caught.value.hint


@pytest.mark.parametrize(
    ("allowed", "blocked", "open_", "shut"),
    [
        (("openai/gpt-5",), (), ["openai"], ["groq"]),
        (("*/gpt-5",), (), ["openai", "groq"], []),
        (("gr*/x",), (), ["groq"], ["openai"]),
        ((), ("openai/gpt-5",), ["openai"], []),
        ((), ("openai/*",), ["groq"], ["openai"]),
        ((), ("*",), [], ["openai", "demo"]),
        (("openai",), ("openai/o*",), ["openai"], ["groq"]),
        (("openai",), (), ["demo"], ["groq"]),  # the demo asks no model
        ((), ("demo",), ["openai"], ["demo"]),
    ],
)
def test_a_provider_is_shut_when_none_of_its_models_can_be_asked(
    allowed: tuple[str, ...], blocked: tuple[str, ...], open_: list[str], shut: list[str]
) -> None:
    policy = Policy(allowed, blocked)
    assert [name for name in open_ if policy.reason(name)] == []
    assert [name for name in shut if not policy.reason(name)] == []


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), NAMES, NAMES)
def test_a_shut_provider_has_no_open_model(
    allowed: list[str], blocked: list[str], provider: str, model: str
) -> None:
    provider = provider.replace("/", "") or "p"
    policy = Policy([f"{name}*" for name in allowed], [f"{name}*" for name in blocked])
    if policy.reason(provider):
        assert policy.reason(provider, model)


def test_a_space_does_not_hide_a_model() -> None:
    assert Policy(blocked=["openai/gpt-4o"]).reason("openai", " gpt-4o ")


@pytest.mark.parametrize(
    ("pattern", "provider", "model"),
    [
        ("bedrock/anthropic.*", "bedrock", "converse/anthropic.claude-3"),
        ("bedrock/anthropic.*", "bedrock", "eu-west-1/Anthropic.claude-3"),
        ("ollama/llama3", "ollama", "llama3:latest"),
        ("ollama/llama3:latest", "ollama", "llama3"),
        ("ollama/llama3", "ollama", "registry.ollama.ai/library/llama3:latest"),
    ],
)
def test_no_other_name_of_a_blocked_model_opens_it(pattern: str, provider: str, model: str) -> None:
    assert Policy(blocked=[pattern]).reason(provider, model)


def test_a_blocked_name_shuts_no_model_of_another_name() -> None:
    policy = Policy(blocked=["ollama/llama3", "openai/gpt:latest", "bedrock/anthropic.*"])
    for provider, model in (
        ("ollama", "llama3:8b"),
        ("ollama", "llama3.1"),
        ("openai", "gpt"),
        ("bedrock", "amazon.nova"),
    ):
        assert policy.reason(provider, model) == ""
    assert Policy(blocked=["ollama/*:latest*"]).reason("ollama") == ""
