"""The demo provider: recorded replies to the prompts that the empty chat offers.

Only the words are recorded. The code in them runs like any model's, and everything after the
reply is the real path. It needs no key and no network.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import msgspec

from .adapter import Target
from .messages import (
    AnyDelta,
    ChatMessage,
    ExamplePrompt,
    FinishDelta,
    LLMRequest,
    ModelInfo,
    TextDelta,
)

MODEL = "demo"
PACE = 0.012  # seconds from one word to the next, about as a quick model writes

_FOLDER = Path(__file__).parent / "examples"


class Example(msgspec.Struct, frozen=True):
    """A prompt with recorded replies.

    Args:
        name: its folder in ``gateway/examples``, which holds the replies as 1.md, 2.md…
        title: a few words for the card on the empty chat.
        prompt: what is sent.
        icon: what the card shows, see ``ExamplePrompt``.
        files: bundled files that the prompt speaks of.
        rounds: how many replies are recorded: the answer, then its repairs.
    """

    name: str
    title: str
    prompt: str
    icon: str
    files: tuple[str, ...] = ()
    rounds: int = 1

    @property
    def replies(self) -> tuple[str, ...]:
        """The recorded replies, in order."""
        paths = (_FOLDER / self.name / f"{number}.md" for number in range(1, self.rounds + 1))
        return tuple(path.read_text(encoding="utf-8") for path in paths)


EXAMPLES = (
    Example(
        "explore",
        "Explore a data set",
        "Load penguins.csv, compare the three species in a table, and plot what tells them apart.",
        "chart",
        ("penguins.csv",),
    ),
    Example(
        "fit",
        "Fit a line",
        "Using penguins.csv, how does body mass depend on flipper length? Fit a line, show its "
        "formula and the fit.",
        "formula",
        ("penguins.csv",),
    ),
    Example(
        "test",
        "Test a hypothesis",
        "Are Chinstrap penguins heavier than Adelie penguins? Test it on penguins.csv with a "
        "permutation test.",
        "table",
        ("penguins.csv",),
    ),
    Example(
        "page",
        "Build a web page",
        "Make an interactive HTML page that explains the normal distribution.",
        "page",
    ),
    Example(
        "mend",
        "Watch it mend a mistake",
        "Compare the body mass of male and female penguins in penguins.csv with a bar chart.",
        "repair",
        ("penguins.csv",),
        rounds=2,
    ),
    Example(
        "walks",
        "Simulate random walks",
        "Simulate a few hundred random walks and show how their spread grows.",
        "chart",
    ),
)

_UNKNOWN = (
    "This is the **demo**: it knows recorded answers to the example prompts only, and no model is "
    "connected yet.\n\nTo ask anything you like, open **Models and keys** in the ChatIDE panel, "
    "paste a key or start a local model such as Ollama, and pick it. Meanwhile, these prompts "
    "work here:\n\n{prompts}\n"
)


def files_for(prompt: str) -> dict[str, Path]:
    """The bundled files that an example prompt speaks of: name in the workspace → source.

    Args:
        prompt: what a person asked, of any model; empty for anything but an example prompt.
    """
    for example in EXAMPLES:
        if _normal(prompt) == _normal(example.prompt):
            return {name: _FOLDER / name for name in example.files}
    return {}


def example_prompts() -> list[ExamplePrompt]:
    """The prompts that the empty chat offers."""
    return [ExamplePrompt(example.title, example.prompt, example.icon) for example in EXAMPLES]


class DemoAdapter:
    """Answers the example prompts with recorded replies (see ``adapter.Adapter``).

    Args:
        pace: seconds from one word to the next.
    """

    def __init__(self, pace: float = PACE) -> None:
        self._pace = pace

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        reply = await asyncio.to_thread(_reply, request.messages)
        for word in re.findall(r"\S*\s*", reply):
            yield TextDelta(word)
            await asyncio.sleep(self._pace)
        yield FinishDelta("stop", f"{target.provider.id}/{request.model}")

    async def models(self, target: Target) -> list[ModelInfo]:
        return [ModelInfo(MODEL, "Recorded examples")]

    async def aclose(self) -> None:
        """Nothing is held open."""


def _reply(messages: Sequence[ChatMessage]) -> str:
    rounds = 0
    for message in reversed(messages):
        if message.role == "assistant":
            rounds += 1
        elif message.role == "user":
            for example in EXAMPLES:
                # What went before (outputs of earlier code) may stand above the prompt.
                if _normal(message.content).endswith(_normal(example.prompt)):
                    if rounds < example.rounds:
                        return example.replies[rounds]
                    return "The demo has no further answer to this recorded.\n"
    prompts = "\n".join(f"- {example.prompt}" for example in EXAMPLES)
    return _UNKNOWN.format(prompts=prompts)


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()
