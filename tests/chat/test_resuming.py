"""Replies that break off: the text so far stays, and they go on as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_chatide.chat import ActionParser, Chat, Chats
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.state import ChatState, Usage
from jupyter_chatide.errors import ConflictError, InvalidRequestError, NotFoundError
from jupyter_chatide.gateway.errors import PolicyError
from jupyter_chatide.gateway.policy import Policy
from tests.fakes.provider import HOLD, FakeProvider, Reasoning
from tests.fakes.script import event as sent

from .conftest import MODEL, ask, of, until

REPLY = """\
Two files, 🐧 and a page:

- The *module*:

  ```python path=tools.py
  def double(x):
      return 2 * x
  ```

```csv path=data/points.csv
x,y
1,2
```
and an example:
```python norun
double(21)
```

# notes.md
````markdown
```sh
ls
```
````
Done.
"""


def outcome(chat: Chat | ChatState) -> list[object]:
    """What a chat's last reply and its actions have come to."""
    state = chat if isinstance(chat, ChatState) else chat.state
    (reply,) = state.turns[-1].standing
    return [
        reply.raw,
        reply.reason,
        [
            (action.kind, action.path, action.language, action.content, action.complete)
            for action in reply.actions
        ],
    ]


def done(chat: Chat) -> list[str]:
    """The paths of the files that were written, in order."""
    return [
        chat.state.actions[event.action].path
        for event in of(chat.read(), ev.ActionFinished)
        if event.status == "done"
    ]


async def resume(chat: Chat, how: str = "continue", model: str = "") -> list[ev.AnyEvent]:
    before = chat.log.last
    await chat.resume_turn(chat.state.turns[-1].id, how, model)  # type: ignore[arg-type]
    await chat.wait_idle()
    return chat.read(before)


async def reopened(chats: Chats, chat: Chat) -> Chat:
    await chat.aclose()
    return await chats.get(chat.id)


def fail(provider: FakeProvider, *parts: str) -> None:
    """Script a reply whose connection ends in the middle."""
    provider.reply(*parts, finish=None, usage=None, done=False)


@pytest.fixture
def whole(chats: Chats, provider: FakeProvider, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Chat:
    """A chat with the whole reply streamed at once."""
    chat = chats.create()
    provider.reply(REPLY)
    jp_asyncio_loop.run_until_complete(ask(chat))
    return chat


def test_the_whole_reply_does_what_it_says(whole: Chat) -> None:
    assert done(whole) == ["tools.py", "data/points.csv", "notes.md"]
    assert outcome(whole)[0] == REPLY
    assert (whole.workspace_path / "tools.py").read_text() == "def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize("reopening", [False, True], ids=["at once", "after a restart"])
@pytest.mark.parametrize("how", ["failed", "length"])
def test_a_reply_cut_anywhere_goes_on_as_the_whole_reply_at_once(
    whole: Chat,
    chats: Chats,
    provider: FakeProvider,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
    reopening: bool,
    how: str,
) -> None:
    async def check(cut: int) -> None:
        chat = chats.create()
        if how == "failed":
            fail(provider, REPLY[:cut])
        else:  # and the two times that it goes on by itself bring nothing but one character
            provider.reply(REPLY[: cut - 1], finish="length")
            provider.reply(REPLY[cut - 1 : cut], finish="length")
            provider.reply(finish="length")
        await ask(chat)
        turn = chat.state.turns[0]
        assert turn.status == ("failed" if how == "failed" else "finished")
        assert turn.replies[0].raw == REPLY[:cut]
        if reopening:
            chat = await reopened(chats, chat)
        provider.reply(REPLY[cut:])
        await resume(chat)
        assert outcome(chat) == outcome(whole), cut
        assert done(chat) == done(whole), cut
        again = ChatState()
        for event in chat.read():
            again.apply(event)
        assert outcome(again) == outcome(whole)
        await chats.delete(chat.id)

    for cut in range(2, len(REPLY), 5 if reopening or how == "length" else 2):
        jp_asyncio_loop.run_until_complete(check(cut))


def _prefixes(chat: Chat) -> Iterator[tuple[bytes, int]]:
    """The chat's log, cut behind each event of its reply."""
    lines = chat.log.path.read_bytes().splitlines(keepends=True)
    for count, line in enumerate(lines[:-1], 1):
        if b'"reply_started"' in b"".join(lines[:count]):
            yield b"".join(lines[:count]), len(line)


def test_a_reply_of_a_server_that_died_goes_on_from_any_event(
    whole: Chat,
    chats: Chats,
    provider: FakeProvider,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
    tmp_path: Path,
) -> None:
    async def check(log: bytes) -> None:
        chat = chats.create()
        await chat.aclose()
        chat.log.path.write_bytes(log)
        chat = await chats.get(chat.id)
        assert chat.state.turns[0].status == "interrupted"
        (reply,) = chat.state.turns[0].replies
        if reply.reason == "interrupted":
            provider.reply(REPLY[len(reply.raw) :])
        await resume(chat)
        assert outcome(chat) == outcome(whole)
        assert done(chat) == done(whole)
        assert chat.state.turns[0].status == "finished"
        await chats.delete(chat.id)

    count = 0
    for log, _ in _prefixes(whole):
        jp_asyncio_loop.run_until_complete(check(log))
        count += 1
    assert count > 10


async def test_a_reply_that_failed_goes_on_and_no_cell_runs_twice(
    chat: Chat, provider: FakeProvider
) -> None:
    count = "```python\nn = globals().get('n', 0) + 1\nprint('n is', n)\n```\n"
    fail(provider, count, "Then:\n```python\nprint('sec")
    await ask(chat)
    assert [run.status for run in chat.state.runs.values()] == ["ok"]
    provider.reply("ond')\n```\n" + count)
    events = await resume(chat)
    assert [type(event).__name__ for event in events[:2]] == ["TurnResumed", "ReplyContinued"]
    assert [run.printed for run in chat.state.runs.values()] == ["n is 1\n", "second\n", "n is 2\n"]
    assert of(events, ev.TurnFinished)[0].status == "finished"
    assert len(chat.state.replies) == 1


async def test_the_model_is_told_where_to_go_on(chat: Chat, provider: FakeProvider) -> None:
    provider.reply("Before.")
    await ask(chat, "First")
    written = "```txt path=a.txt\nhi\n```\nAnd now a long sentence that was to go on for quite a bi"
    fail(provider, written)
    await ask(chat, "Second")
    provider.reply("t longer.")
    await resume(chat)
    messages = provider.chats[-1].json["messages"]
    roles = [message["role"] for message in messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[-2]["content"] == written
    assert json.dumps(written[-60:]) in messages[-1]["content"]
    assert "code block" not in messages[-1]["content"]
    assert chat.state.replies["r2"].raw == written + "t longer."

    fail(provider, "```python norun\nx = ")
    await ask(chat, "Third")
    provider.reply("1\n```\n")
    await resume(chat)
    told = provider.chats[-1].json["messages"][-1]["content"]
    assert "inside the code block ```python norun, which is open" in told


async def test_a_continuation_that_fails_loses_and_doubles_nothing(
    chat: Chat, provider: FakeProvider
) -> None:
    parts = ["```txt path=a.txt\nfirst\n``", "`\nThen\n\n```txt path=b", ".txt\nb\n", "```\nEnd"]
    fail(provider, parts[0])
    await ask(chat)
    for number, part in enumerate(parts[1:-1], 2):
        provider.refuse(401, {"message": "bad key", "code": "invalid_api_key"})
        await resume(chat)
        assert chat.state.turns[0].replies[0].raw == "".join(parts[: number - 1])
        fail(provider, part)
        await resume(chat)
        assert chat.state.turns[0].replies[0].raw == "".join(parts[:number])
    provider.reply(parts[-1])
    await resume(chat)
    assert outcome(chat)[0] == "".join(parts)
    assert done(chat) == ["a.txt", "b.txt"]


async def test_a_reply_whose_own_continuation_fails_keeps_its_text(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("One\n```txt path=a.txt\nx", finish="length")
    provider.refuse(401, {"message": "bad key", "code": "invalid_api_key"})
    await ask(chat)
    assert chat.state.turns[0].status == "failed"
    provider.reply("\n```\n")
    await resume(chat)
    assert outcome(chat)[0] == "One\n```txt path=a.txt\nx\n```\n"
    assert done(chat) == ["a.txt"]


async def test_an_error_before_the_reply_broke_off_is_mended_after_it(
    chat: Chat, provider: FakeProvider
) -> None:
    fail(provider, "```txt path=../out.txt\nx\n```\n```txt path=b.txt\nb\n```\nSome m")
    events = await ask(chat)
    assert [event.status for event in of(events, ev.ActionFinished)] == ["failed", "skipped"]
    assert not of(events, ev.RepairStarted)
    provider.reply("ore.")
    provider.reply("```txt path=out.txt\nx\n```\n")
    events = await resume(chat)
    assert len(of(events, ev.RepairStarted)) == 1
    assert done(chat) == ["out.txt"]
    assert [reply.attempt for reply in chat.state.replies.values()] == [0, 1]


async def test_what_stop_kept_from_being_done_is_done_on_continue(
    chat: Chat, provider: FakeProvider
) -> None:
    slow = "```python\nimport time\nprint('slow')\ntime.sleep(globals().get('pause', 600))\n```\n"
    provider.reply("```python\nprint('first')\n```\n", slow, "```txt path=c.txt\nc\n```\nAnd", HOLD)
    await chat.start_turn("Go", model=MODEL)
    while "x2" not in chat.state.runs or not chat.state.runs["x2"].printed:
        await until(chat, ev.RunOutput, chat.log.last)
    await chat.stop()
    assert [run.status for run in chat.state.runs.values()] == ["ok", "interrupted"]
    assert done(chat) == []
    workspace = await chat.workspace()
    await workspace.run("pause = 0")
    provider.reply(" so on.")
    await resume(chat)
    assert [run.action for run in chat.state.runs.values()] == ["a1", "a2", "a2"]
    assert [run.status for run in chat.state.runs.values()] == ["ok", "interrupted", "ok"]
    assert done(chat) == ["c.txt"]
    assert chat.state.replies["r1"].raw.endswith("And so on.")


async def test_a_turn_stopped_behind_its_reply_carries_out_the_rest(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply(
        "```python\nimport time\nprint('in')\ntime.sleep(globals().get('pause', 600))\n```\n",
        "```txt path=c.txt\nc\n```\n",
    )
    await chat.start_turn("Go", model=MODEL)
    await until(chat, ev.RunOutput)
    while not chat.state.replies["r1"].finished:
        await until(chat, ev.ReplyFinished)
    await chat.stop()
    await (await chat.workspace()).run("pause = 0")
    events = await resume(chat)
    assert len(provider.chats) == 1
    assert not of(events, ev.ReplyContinued)
    assert done(chat) == ["c.txt"]
    assert chat.state.turns[0].status == "finished"


async def test_retry_gives_the_reply_up_and_the_model_is_not_told_of_it(
    chat: Chat, provider: FakeProvider
) -> None:
    fail(provider, "```txt path=a.txt\nhi\n```\nHalf an ans")
    await ask(chat, "Greet")
    provider.reply("Whole.")
    events = await resume(chat, "retry")
    (started,) = of(events, ev.ReplyStarted)
    assert (started.reply, started.retries, started.attempt) == ("r2", "r1", 0)
    first, second = (request.json["messages"] for request in provider.chats)
    assert first == second
    assert [reply.raw for reply in chat.state.turns[0].standing] == ["Whole."]
    assert done(chat) == ["a.txt"]
    provider.reply("Yes.")
    await ask(chat, "Sure?")
    contents = [message["content"] for message in provider.chats[-1].json["messages"]]
    assert contents[1:] == ["Greet", "Whole.", "Sure?"]


async def test_a_repair_that_failed_can_be_tried_again(chat: Chat, provider: FakeProvider) -> None:
    provider.reply("```txt path=../a.txt\nx\n```\n")
    fail(provider, "It was the pa")
    await ask(chat)
    assert chat.state.turns[0].status == "failed"
    provider.reply("```txt path=a.txt\nx\n```\n")
    events = await resume(chat, "retry")
    assert of(events, ev.ReplyStarted)[0].attempt == 1
    sent, again = (request.json["messages"] for request in provider.chats[1:])
    assert sent == again
    assert done(chat) == ["a.txt"]


async def test_without_any_text_to_continue_is_to_retry(chat: Chat, provider: FakeProvider) -> None:
    provider.refuse(401, {"message": "bad key", "code": "invalid_api_key"})
    await ask(chat)
    provider.reply("Here.")
    events = await resume(chat, "continue")
    assert of(events, ev.ReplyStarted)[0].retries == "r1"
    assert chat.state.turns[0].standing[0].raw == "Here."
    assert chat.state.turns[0].usage == Usage(7, 11, 0, chat.state.replies["r2"].usage.cost)


async def test_another_model_can_go_on(chat: Chat, provider: FakeProvider) -> None:
    fail(provider, "Half")
    await ask(chat)
    provider.reply(" and half.")
    events = await resume(chat, model="openai-compatible/other")
    assert provider.chats[-1].json["model"] == "other"
    assert of(events, ev.ReplyContinued)[0].model == "openai-compatible/other"
    assert of(events, ev.ReplyFinished)[0].model == "openai-compatible/other"
    assert chat.info().model == "openai-compatible/other"


async def test_a_reply_is_not_given_up_for_a_model_that_may_not_be_asked(
    chat: Chat, provider: FakeProvider
) -> None:
    fail(provider, "Half")
    await ask(chat)
    chat.gateway.policy = Policy(blocked=["openai-compatible/other"])
    with pytest.raises(PolicyError):
        await chat.resume_turn("t1", "retry", "openai-compatible/other")
    assert chat.info().model == MODEL
    provider.reply(" and half.")
    await resume(chat, "continue")
    assert chat.state.turns[0].standing[0].raw == "Half and half."


async def test_only_the_last_turn_goes_on_and_only_if_it_is_not_whole(
    chat: Chat, provider: FakeProvider
) -> None:
    with pytest.raises(NotFoundError):
        await chat.resume_turn("t1", "continue")
    fail(provider, "Half")
    await ask(chat)
    provider.reply("Whole.")
    await ask(chat)
    for how in ("continue", "retry"):
        with pytest.raises(ConflictError, match="Only the last turn"):
            await chat.resume_turn("t1", how)  # type: ignore[arg-type]
        with pytest.raises(ConflictError, match="came to its end"):
            await chat.resume_turn("t2", how)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match=r"^model: "):
        await chat.resume_turn("t2", "continue", "nameless")
    with pytest.raises(InvalidRequestError, match=r"^how: "):
        await chat.resume_turn("t2", "undo")  # type: ignore[arg-type]
    provider.reply("Wait", HOLD)
    await chat.start_turn("Go", model=MODEL)
    with pytest.raises(ConflictError, match="still answering"):
        await chat.resume_turn("t3", "continue")
    await chat.stop()
    assert not of(chat.read(), ev.TurnResumed)


async def test_a_reply_of_which_the_log_lost_a_part_is_only_written_anew(
    chats: Chats, chat: Chat, provider: FakeProvider
) -> None:
    fail(provider, "Here:\n```txt path=a.txt\nhi\n```\nand th")
    await ask(chat)
    await chat.aclose()
    lines = chat.log.path.read_bytes().splitlines(keepends=True)
    (lost,) = (at for at, line in enumerate(lines) if b'"action_closed"' in line)
    lines[lost] = b"\x00" * 10 + b"\n"
    chat.log.path.write_bytes(b"".join(lines))
    chat = await chats.get(chat.id)
    with pytest.raises(ConflictError, match="could not be read"):
        await chat.resume_turn("t1", "continue")
    provider.reply("Whole.")
    await resume(chat, "retry")
    assert chat.state.turns[0].standing[0].raw == "Whole."


async def test_a_reply_at_the_length_limit_goes_on_by_itself_inside_its_fence(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("Look:\n\n```python\nfor n in ran", finish="length", usage=(10, 5))
    provider.reply(
        "```python\nfor n in range(3):\n    print(n)\n``", finish="length", usage=(20, 6)
    )
    provider.reply("`\nThat was it.", usage=(30, 7))
    events = await ask(chat)
    assert chat.state.replies["r1"].raw == (
        "Look:\n\n```python\nfor n in range(3):\n    print(n)\n```\nThat was it."
    )
    assert chat.state.runs["x1"].printed == "0\n1\n2\n"
    told = [
        (event.reason, event.attempt, event.limit, event.action)
        for event in of(events, ev.ReplyContinued)
    ]
    assert told == [("length", 1, 2, "a1"), ("length", 2, 2, "a1")]
    assert not of(events, ev.Notice)
    (finished,) = of(events, ev.ReplyFinished)
    assert (finished.reason, finished.input_tokens, finished.output_tokens) == ("stop", 60, 18)


async def test_one_unknown_number_of_tokens_makes_the_sum_unknown(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("One", finish="length", usage=(10, 5))
    provider.reply(" two", usage=None)
    (finished,) = of(await ask(chat), ev.ReplyFinished)
    assert (finished.input_tokens, finished.output_tokens, finished.cost) == (None, None, None)


async def test_the_model_that_was_asked_goes_on_however_it_calls_itself(
    chat: Chat, provider: FakeProvider
) -> None:
    cut = {"index": 0, "delta": {}, "finish_reason": "length"}
    provider.reply("Half", sent({"model": "fake-model-2026-11-22", "choices": [cut]}), finish=None)
    provider.reply(" and half.")
    events = await ask(chat)
    assert chat.state.replies["r1"].raw == "Half and half."
    assert [request.json["model"] for request in provider.chats] == ["fake-model"] * 2
    assert of(events, ev.ReplyContinued)[0].model == MODEL


async def test_a_model_that_reasons_to_its_limit_is_not_asked_to_go_on(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply(Reasoning("Hm, hm"), finish="length")
    end = of(await ask(chat), ev.TurnFinished)[0]
    assert end.error and "length limit before it wrote" in end.error.message
    assert len(provider.chats) == 1


async def test_a_continuation_that_brings_nothing_is_the_last(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("So far", finish="length")
    provider.reply(finish="length")
    events = await ask(chat)
    assert len(provider.chats) == 2
    assert [event.code for event in of(events, ev.Notice)] == ["reply-length"]


async def test_reasoning_before_a_continuation_stands_apart(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply(Reasoning("First."), "One", finish="length")
    provider.reply(Reasoning("Sec"), Reasoning("ond."), " two.")
    events = await ask(chat)
    reasoning = "".join(event.text for event in of(events, ev.ReplyReasoning))
    assert reasoning == "First.\n\nSecond."
    assert chat.state.replies["r1"].raw == "One two."


async def test_a_closing_line_that_has_not_ended_applies_nothing_yet(
    chat: Chat, provider: FakeProvider
) -> None:
    fail(provider, "```txt path=a.txt\nhi\n```")
    await ask(chat)
    assert done(chat) == []
    provider.reply("js\nmore\n```\n")
    await resume(chat)
    assert (chat.workspace_path / "a.txt").read_text() == "hi\n```js\nmore\n"


@pytest.mark.parametrize("text", ["", "a", "```", "```python\n", "```python\nx\n``", "~~~\nx"])
def test_a_parser_that_breaks_off_gives_all_it_was_fed(text: str) -> None:
    parser = ActionParser()
    events = parser.feed(text) + parser.break_off()
    assert "".join(event.raw for event in events) == text


async def test_a_reply_that_a_content_filter_cut_can_go_on_with_another_model(
    chat: Chat, provider: FakeProvider
) -> None:
    provider.reply("Half", finish="content_filter")
    events = await ask(chat)
    assert [event.code for event in of(events, ev.Notice)] == ["reply-content-filter"]
    provider.reply(" and half.")
    await resume(chat, model="openai-compatible/other")
    assert outcome(chat)[0] == "Half and half."
