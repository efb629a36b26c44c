"""What is remembered of one connection, and how long its mistakes are borne. Pure; the clock is an argument.

Each refusal costs points, and points run out again: a client with a bug that makes a bad frame now and then
is told so for ever, one that sends nothing else is shown out after a hundred. `door.py` does both.
"""

from dataclasses import dataclass
from typing import Final

BORNE_POINTS: Final = 2000.0
FORGIVEN_A_SECOND: Final = 20.0
MISTAKE_POINTS: Final = 20.0
COSTS: Final = {
    "protocol.frame": MISTAKE_POINTS,
    "protocol.too_large": MISTAKE_POINTS,
    "protocol.not_allowed": MISTAKE_POINTS,
    "protocol.refused": MISTAKE_POINTS,
    # What an honest client gets in numbers too: after a restart of the broker, or of itself.
    "protocol.no_session": 1.0,
    "protocol.stale_attempt": 1.0,
    "protocol.replaced": 1.0,
}
"""Whatever is not here costs nothing: a full queue is not its publisher's fault."""


@dataclass(slots=True)
class Caller:
    """One connection that has spoken. `key` is '' over ipc.

    `fd` is what its first message said; `bound` says that it was seen to be this connection's, and no former
    one's. `shut`: it was shown out, and what still comes of it is dropped.
    """

    fd: int
    key: str
    bound: bool = False
    shut: bool = False
    refusals: int = 0
    points: float = 0.0
    charged_at: float = 0.0

    def charge(self, code: str, now: float) -> bool:
        """Count a refusal at `now` (seconds, monotonic); whether that is more than is borne."""
        cost = COSTS.get(code, 0.0)
        if cost == 0.0:
            return False
        self.refusals += 1
        forgiven = max(0.0, now - self.charged_at) * FORGIVEN_A_SECOND
        self.points = max(0.0, self.points - forgiven) + cost
        self.charged_at = now
        return self.points >= BORNE_POINTS
