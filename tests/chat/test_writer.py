"""A reply in the log: any text, broken off anywhere and gone on with, is the text at once."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_chatide.chat import Action, Chat, parse_reply
from jupyter_chatide.chat import events as ev
from jupyter_chatide.chat.state import ActionState, ChatState, fresh_id
from jupyter_chatide.chat.writer import ReplyWriter, is_whole

from .test_actions_properties import cut, texts


async def write(chat: Chat, pieces: list[str]) -> tuple[str, list[ActionState]]:
    """Write a reply that breaks off between the pieces.

    Returns:
        Its id, and the actions that were to be carried out, in order.
    """
    turn_id = fresh_id("t", {turn.id for turn in chat.state.turns})
    reply_id = fresh_id("r", chat.state.replies)
    chat.emit(ev.TurnStarted(turn=turn_id, prompt="Go", model="a/b", mode="ask"))
    chat.emit(ev.ReplyStarted(turn=turn_id, reply=reply_id, model="a/b"))
    reply = chat.state.replies[reply_id]
    performed: list[ActionState] = []

    def closed(action: ActionState) -> None:
        if action.complete:
            performed.append(action)

    for number, piece in enumerate(pieces):
        writer = ReplyWriter(chat, chat.state.turn(turn_id), reply_id, closed)
        if number:
            assert is_whole(reply)
            place = writer.resume(reply)
            writer.now(
                ev.ReplyContinued(
                    reply=reply_id,
                    reason="asked",
                    kept=place.kept,
                    action=place.action,
                    content=place.content,
                )
            )
        for at in range(0, len(piece), 7):
            writer.feed(piece[at : at + 7])
        writer.close(whole=number == len(pieces) - 1)
        assert reply.raw == "".join(pieces[: number + 1])
    return reply_id, performed


def actions(state: ChatState, reply: str) -> list[Action]:
    return [
        Action(action.kind, action.language, action.path, action.content, action.complete)
        for action in state.replies[reply].actions
    ]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts, st.lists(st.integers(0, 10_000), max_size=4))
def test_a_reply_that_breaks_off_anywhere_is_written_as_the_whole_at_once(
    chat: Chat, jp_asyncio_loop: asyncio.AbstractEventLoop, text: str, places: list[int]
) -> None:
    text = text.encode("utf-8", "replace").decode()  # a log holds no half characters
    before = chat.log.last

    # Every other place is behind a mark of a fence, or at a line's beginning.
    async def check() -> None:
        marks = [at for at in range(1, len(text)) if text[at - 1] in "`~\n"]
        ends = [marks[place % len(marks)] if marks and place % 2 else place for place in places]
        reply, performed = await write(chat, cut(text, ends))
        expected = [
            Action(action.kind, action.language, action.path, action.content, action.complete)
            for action in parse_reply(text)
        ]
        assert chat.state.replies[reply].raw == text
        assert actions(chat.state, reply) == expected
        # Each complete one is carried out once, and no other.
        assert [action.id for action in performed] == [
            action.id for action in chat.state.replies[reply].actions if action.complete
        ]
        again = ChatState()
        for event in chat.read(before):
            again.apply(event)
        assert actions(again, reply) == expected
        assert again.replies[reply].raw == text

    jp_asyncio_loop.run_until_complete(check())
