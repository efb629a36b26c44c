"""How attempts were ended by their agents: what is said again is recognised, and confirmed again. Pure."""

from collections import OrderedDict
from typing import Literal

Answer = tuple[int, str, Literal["ack", "nack"]]
"""How a message's attempt was ended by the agent instance that had it."""


class Answers:
    """The latest answers, at most `most` of them, by the message's id."""

    def __init__(self, most: int) -> None:
        self._most = most
        # A plain dict gets slow to tell its first key when thousands were taken out before it.
        self._last: OrderedDict[str, Answer] = OrderedDict()

    def remember(self, message_id: str, answer: Answer) -> None:
        """An attempt was ended. Of one message only the last answer counts."""
        self._last[message_id] = answer
        if len(self._last) > self._most:
            self._last.popitem(last=False)

    def has(self, message_id: str, answer: Answer) -> bool:
        """Whether just this was said before."""
        return self._last.get(message_id) == answer

    def ended(self, message_id: str, attempt: int, instance: str) -> bool:
        """Whether this agent instance ended this attempt, however it did."""
        last = self._last.get(message_id)
        return last is not None and last[:2] == (attempt, instance)
