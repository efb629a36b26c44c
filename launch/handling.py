"""What became of each message: every attempt at it, by whom, from when to when. Pure.

The journal tells of attempts as events (`guildbus.bus.tail.Attempt`); here they are stretches of time. Trees,
swimlanes and exports are drawn from them. Read `tracing.py` next.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from guildbus.launch.run_log import RunLog


@dataclass(frozen=True, slots=True)
class Handling:
    """One attempt at one message. Times are seconds since the epoch.

    `began_at` is None if it died while nobody had it; `ended_at` is None, and `event` '', while it goes on.
    Otherwise `event` is settled, failed, dead or cancelled, and `code` and `reason` say why.
    """

    seq: int
    attempt: int
    agent: str
    began_at: float | None
    ended_at: float | None = None
    event: str = ""
    code: str = ""
    reason: str = ""

    @property
    def took_s(self) -> float | None:
        """How long it took; None while it goes on, or if nobody had it."""
        if self.began_at is None or self.ended_at is None:
            return None
        return max(0.0, self.ended_at - self.began_at)


def handlings_of(log: RunLog) -> dict[int, list[Handling]]:
    """The attempts at each message, by its `seq`, in order. Who was never delivered is not in it."""
    open_since: dict[tuple[int, int], Handling] = {}
    found: dict[int, list[Handling]] = defaultdict(list)
    for one in log.attempts:
        key = (one.seq, one.attempt)
        if one.event == "delivered":
            open_since[key] = Handling(one.seq, one.attempt, one.agent, one.at)
            found[one.seq].append(open_since[key])
            continue
        begun = open_since.pop(key, None)
        ended = replace(
            begun or Handling(one.seq, one.attempt, one.agent, None),
            ended_at=one.at,
            event=one.event,
            code=one.code,
            reason=one.reason,
        )
        if begun is None:
            found[one.seq].append(ended)
        else:
            found[one.seq][found[one.seq].index(begun)] = ended
    return dict(found)


def settling(handlings: list[Handling]) -> Handling | None:
    """The attempt that settled a message; None if none did."""
    return next((one for one in reversed(handlings) if one.event == "settled"), None)
