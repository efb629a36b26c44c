"""One queue a role (or agent): messages wait by priority, then age; consumers take turns.

A queue may be longer than memory: only its front is kept here (`_here`), and what comes at `beyond` or after
it is in the journal alone, until the routing fetches the next page. Each operation costs O(log n) in what is
here. Pure data, no clock: a message that must wait longer is not ready until its timer says so.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Place = tuple[int, int]
"""(-priority, seq): where a message stands in its queue. The smallest goes first."""


@dataclass(slots=True)
class RoleQueue:
    """`backlog` counts all unsettled messages addressed here; `ready` and `leased` are parts of it.

    `paged` of the ready ones are not in memory. `claimed`: an agent took from here in this broker's life;
    `is_role`: one did so by its role, so that another may follow.
    """

    name: str
    backlog: int = 0
    ready: int = 0
    leased: int = 0
    paged: int = 0
    claimed: bool = False
    is_role: bool = False
    beyond: Place | None = None
    unclaimed_due: float | None = None
    _here: list[Place] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=dict)
    _line: list[tuple[int, str]] = field(default_factory=list)
    _lined: set[str] = field(default_factory=set)
    _turn: int = 0

    # -- messages --------------------------------------------------------------------------

    def holds(self, place: Place) -> bool:
        """Whether a ready message of this place belongs into memory."""
        return self.beyond is None or place < self.beyond

    def push(self, place: Place) -> int:
        """Keep a ready message in memory; how many places are kept, also of messages that are gone."""
        heapq.heappush(self._here, place)
        return len(self._here)

    def pop(self) -> int | None:
        """The seq of the first place in memory; None if there is none. The message may be gone."""
        return heapq.heappop(self._here)[1] if self._here else None

    def cut(self, keep: int, alive: Callable[[int], bool]) -> list[int]:
        """Keep the first `keep` messages that are alive; the seqs of the others, which are `beyond` now."""
        self._here = sorted(place for place in self._here if alive(place[1]))
        out = self._here[keep:]
        if out:
            del self._here[keep:]
            self.beyond = out[0]
        return [seq for _, seq in out]

    # -- consumers -------------------------------------------------------------------------

    @property
    def deserted(self) -> bool:
        """Nobody takes from here and nothing waits here."""
        return not self._turns and not self.backlog

    def join(self, agent: str, *, as_role: bool) -> None:
        """An agent takes from this queue from now on. It is offered nothing before it has credit."""
        self.claimed = True
        self.is_role = self.is_role or as_role
        if agent not in self._turns:
            self._turns[agent] = self._next_turn()

    def leave(self, agent: str) -> None:
        """An agent no longer takes from this queue."""
        self._turns.pop(agent, None)
        if agent in self._lined:
            self._lined.discard(agent)
            self._line = [entry for entry in self._line if entry[1] != agent]
            heapq.heapify(self._line)

    def offer(self, agent: str) -> None:
        """A consumer has credit: it stands in line, where its turn is."""
        if agent in self._turns and agent not in self._lined:
            self._lined.add(agent)
            heapq.heappush(self._line, (self._turns[agent], agent))

    def taker(self, has_credit: Callable[[str], bool]) -> str | None:
        """Who is first in line and has credit. Whoever has none steps out, and keeps its turn."""
        while self._line:
            agent = self._line[0][1]
            if has_credit(agent):
                return agent
            heapq.heappop(self._line)
            self._lined.discard(agent)
        return None

    def took(self, agent: str) -> None:
        """The first in line got a message: it goes to the end."""
        self._turns[agent] = self._next_turn()
        heapq.heapreplace(self._line, (self._turns[agent], agent))

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn
