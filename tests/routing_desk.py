"""A routing at a desk: tell it events, look at what it does. The clock is a number."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import msgpack

from guildbus.bus.events import (
    Action,
    Deliver,
    Event,
    Hello,
    Publish,
    RecordOutcome,
    Send,
    Store,
    Tick,
)
from guildbus.bus.memory_log import MemoryLog, decide
from guildbus.bus.notices import Subscriptions
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Kind, Packet

LIMITS = Limits(
    lease_s=10, heartbeat_s=1, silent_s=1000, unclaimed_s=5, max_attempts=3, max_hops=5, queue_bound=3
)


def packet(message_id: str, to: str | None = "q", **attributes: Any) -> Packet:
    stated = {"source": "t", "type": "x.v1", "subject": "r", "time": format_time(0.0)} | attributes
    return Packet(Envelope(id=message_id, to=to, **stated), b"\x80")


class Desk:
    """A routing and the time. `out` is what the last event led to."""

    def __init__(
        self, limits: Limits = LIMITS, next_seq: int = 1, subscriptions: Subscriptions | None = None
    ) -> None:
        self.log = MemoryLog()
        self.names = count(1)
        self.subscriptions = subscriptions
        self.routing = Routing(limits, "b", next_seq, new_id=self.new_id, subscriptions=subscriptions)
        self.now = 0.0
        self.out: list[Action] = []

    def new_id(self) -> str:
        return f"broker-{next(self.names)}"

    def tell(self, event: Event) -> list[Action]:
        self.out = decide(self.routing, self.log, event, self.now)
        return self.out

    def restart(self, acked: Sequence[tuple[str, int, str]] = ()) -> None:
        """The broker dies, and another takes up what the log says."""
        limits = self.routing.limits
        last = max(self.log.entries, default=0)
        self.routing = Routing(limits, "b", last + 1, new_id=self.new_id, subscriptions=self.subscriptions)
        self.routing.restore(self.log.recovered(limits.only_run), self.now, acked or self.log.acks)

    def join(self, name: str, role: str = "q", credit: int = 0, incarnation: str = "1", **more: Any) -> bytes:
        peer = f"{name}.{incarnation}".encode()
        self.tell(Hello(peer, name, role, incarnation, credit, **more))
        return peer

    def publish(self, peer: bytes, *packets: Packet) -> None:
        for one in packets:
            self.tell(Publish(peer, one))

    def pass_time(self, seconds: float) -> list[Action]:
        self.now += seconds
        return self.tell(Tick())

    def delivered(self) -> list[tuple[bytes, int, int]]:
        return [(a.peer, a.seq, a.attempt) for a in self.out if isinstance(a, Deliver)]

    def outcomes(self) -> list[tuple[int, int, str, str]]:
        return [(a.seq, a.attempt, a.outcome, a.code) for a in self.out if isinstance(a, RecordOutcome)]

    def stored(self) -> list[Packet]:
        return [a.packet for a in self.out if isinstance(a, Store)]

    def answers(self, kind: Kind) -> list[dict[str, Any]]:
        return [a.header for a in self.out if isinstance(a, Send) and a.kind is kind]

    def codes(self) -> list[str]:
        return [header["code"] for header in self.answers(Kind.ERROR)]

    def backlog(self) -> dict[str, int]:
        report = self.routing.health(self.now)["queues"]
        return {queue["role"]: queue["backlog"] for queue in report if queue["backlog"]}

    def credit(self, name: str) -> int:
        report = {agent["name"]: agent["credit"] for agent in self.routing.health(self.now)["agents"]}
        return int(report[name])


def died(packets: Sequence[Packet]) -> dict[str, Any]:
    (one,) = packets
    assert one.envelope.type == "message.died.v1"
    body: dict[str, Any] = msgpack.unpackb(one.body)
    return body
