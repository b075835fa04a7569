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
    FinishDelta,
    LLMRequest,
    ModelInfo,
    TextDelta,
)

MODEL = "demo"
PACE = 0.012  # seconds from one word to the next, about as a quick model writes
LONGEST = 4.0  # seconds for a whole reply: a long one goes faster

_WORD = re.compile(r"\s*\S+\s*")
_FOLDER = Path(__file__).parent / "examples"


class Example(msgspec.Struct, frozen=True):
    """A prompt with recorded replies.

    Args:
        name: its folder in ``gateway/examples``, which holds the replies as 1.md, 2.md…
        title: a few words for the card on the empty chat.
        prompt: what is sent.
        icon: what the card shows, see ``ExamplePrompt``.
        files: bundled files that the prompt speaks of.
        errors: the errors that the replies run into by design, one after the other, by words of
            their tracebacks. The reply after each of them mends it.
    """

    name: str
    title: str
    prompt: str
    icon: str
    files: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def replies(self) -> tuple[str, ...]:
        """The recorded replies, in order: the answer, then its repairs."""
        numbers = range(1, len(self.errors) + 2)
        return tuple(
            (_FOLDER / self.name / f"{number}.md").read_text(encoding="utf-8") for number in numbers
        )


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
        errors=("KeyError: 'gender'",),
    ),
    Example(
        "walks",
        "Simulate random walks",
        "Simulate a few hundred random walks and show how their spread grows.",
        "chart",
    ),
)

_UNKNOWN = """\
This is the **demo**: no model is connected yet, and it only has recorded answers to these prompts:

{prompts}

To ask anything you like, open **Models and keys** in the ChatIDE panel, paste a key or start a
local model such as Ollama, and pick it.
"""

_UNFORESEEN = """\
The demo has no recorded answer to this error. A model would read the traceback and mend the code:
connect one under **Models and keys** in the ChatIDE panel.
"""

_NOT_INSTALLED = """\
The examples need pandas and matplotlib, and one of them is missing here. Install them into the
environment that JupyterLab runs in, then ask again:

```bash
pip install pandas matplotlib
```
"""


def files_for(prompt: str) -> dict[str, Path]:
    """The bundled files that an example prompt speaks of: name in the workspace → source.

    Args:
        prompt: what a person asked, of any model; empty for anything but an example prompt.
    """
    for example in EXAMPLES:
        if _normal(prompt) == _normal(example.prompt):
            return {name: _FOLDER / name for name in example.files}
    return {}


class DemoAdapter:
    """Answers the example prompts with recorded replies (see ``adapter.Adapter``).

    Args:
        pace: seconds from one word to the next, less where the reply is long.
    """

    def __init__(self, pace: float = PACE) -> None:
        self._pace = pace

    async def stream(self, target: Target, request: LLMRequest) -> AsyncGenerator[AnyDelta, None]:
        """Stream the recorded reply to the request, word by word."""
        words = _WORD.findall(await asyncio.to_thread(_reply, request.messages))
        pause = min(self._pace, LONGEST / len(words))
        for word in words:
            yield TextDelta(word)
            await asyncio.sleep(pause)
        yield FinishDelta("stop", f"{target.provider.id}/{request.model}")

    async def models(self, target: Target) -> list[ModelInfo]:
        """The one model that there is."""
        return [ModelInfo(MODEL, "Recorded examples")]

    async def aclose(self) -> None:
        """Nothing is held open."""


def _reply(messages: Sequence[ChatMessage]) -> str:
    """The recorded reply to the last message: an example prompt, or the error that one ran into."""
    last = messages[-1].text
    example = _example(last)
    if example:
        return example.replies[0]
    replies = 0
    for message in reversed(messages):
        example = _example(message.text) if message.role == "user" else None
        if example:
            if 0 < replies <= len(example.errors) and example.errors[replies - 1] in last:
                return example.replies[replies]
            break
        replies += message.role == "assistant"
    if "ModuleNotFoundError" in last:
        return _NOT_INSTALLED
    if "Traceback (most recent call last)" in last:
        return _UNFORESEEN
    return _UNKNOWN.format(prompts="\n".join(f"- {example.prompt}" for example in EXAMPLES))


def _example(message: str) -> Example | None:
    """The example whose prompt ends ``message``: outputs of earlier code may stand above it."""
    text = _normal(message)
    return next((found for found in EXAMPLES if text.endswith(_normal(found.prompt))), None)


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()
