"""One queue a role (or agent): messages wait by priority, then age; consumers take turns.

Pure data, no clock: a message that must wait longer is not in here until its timer puts it back.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class RoleQueue:
    """`backlog` counts all unsettled messages addressed here: waiting, delayed and leased."""

    name: str
    backlog: int = 0
    claimed: bool = False
    _ready: list[tuple[int, int]] = field(default_factory=list)
    _turns: deque[str] = field(default_factory=deque)

    def push(self, seq: int, priority: int) -> None:
        """Make a message ready."""
        heapq.heappush(self._ready, (-priority, seq))

    def pop(self) -> int:
        """The seq of the next ready message: highest priority, then lowest seq. IndexError if none."""
        return heapq.heappop(self._ready)[1]

    @property
    def ready(self) -> int:
        """How many messages are ready."""
        return len(self._ready)

    def join(self, agent: str) -> None:
        """An agent takes from this queue from now on."""
        self.claimed = True
        if agent not in self._turns:
            self._turns.append(agent)

    def leave(self, agent: str) -> None:
        """An agent no longer takes from this queue."""
        if agent in self._turns:
            self._turns.remove(agent)

    def consumers(self) -> tuple[str, ...]:
        """Who takes from here, next in turn first."""
        return tuple(self._turns)

    def took(self, agent: str) -> None:
        """An agent got a message: it goes to the end of the line."""
        self._turns.remove(agent)
        self._turns.append(agent)
