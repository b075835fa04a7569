"""The calls of tools in a streamed answer, numbered and named as our deltas promise it."""

from __future__ import annotations

from uuid import uuid4

from ..messages import ToolCallDelta


class ToolCallReader:
    """Tells the calls of one answer apart, whatever providers make of ``index`` and ``id``.

    OpenAI numbers the pieces of a call and names it once. Others leave the number out, give every
    call the number 0, repeat id and name with each piece, or give no id at all.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []  # of our calls
        self._theirs: dict[int, int] = {}  # from the provider's number to ours

    @property
    def any(self) -> bool:
        """Whether there was a call."""
        return bool(self._ids)

    def piece(self, index: int | None, id: str, name: str, arguments: str) -> ToolCallDelta | None:
        """The delta of one piece; ``None`` when it says nothing.

        Args:
            index: the provider's number of the call, where it gave one.
            id: its id, or ``""``.
            name: the tool's name, or ``""``.
            arguments: what to append to the call's arguments.
        """
        ours = self._find(index, id, name)
        if ours is None:
            if not name:
                return None  # the rest of a call whose beginning never came
            ours = len(self._ids)
            self._ids.append(id or f"call_{uuid4().hex[:24]}")
            if index is not None:
                self._theirs[index] = ours
            return ToolCallDelta(ours, self._ids[ours], name, arguments)
        return ToolCallDelta(ours, arguments=arguments) if arguments else None

    def _find(self, index: int | None, id: str, name: str) -> int | None:
        """The number of the call that a piece belongs to; ``None`` for one that begins."""
        ours = self._theirs.get(index) if index is not None else None
        if ours is not None and (not name or id in ("", self._ids[ours])):
            return ours
        if id in self._ids:
            return self._ids.index(id)
        if name or not self._ids or index is not None:
            return None
        return len(self._ids) - 1
