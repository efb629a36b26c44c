"""The client's side of the conversation with the broker, as pure data: frames and ticks in, steps out.

What was sent and not confirmed is kept, and sent again after a reconnect: a broker that restarts
loses nothing, and drops what it has already. `client.py` is the edge around it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import (
    FrameError,
    GuildbusError,
    NoSession,
    QueueFull,
    Refused,
    StaleAttempt,
)
from guildbus.protocols.wire import Frame, Kind, Packet

BUSY_RETRY_S: Final = 0.5
SILENT_BEATS: Final = 4


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send these frames' content."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message for the agent."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker has it, durably: the message that was published, or the ack or nack of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The broker does not take it."""

    id: str
    error: GuildbusError


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The conversation stands (again)."""

    broker: str


@dataclass(frozen=True, slots=True)
class Health:
    """What the broker says of itself and its agents."""

    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Nothing was heard for too long: use a fresh socket."""


Step = Transmit | Delivered | Confirmed | Denied | Welcomed | Health | Reconnect


@dataclass(slots=True)
class ClientSession:
    """One agent's conversation. All times are seconds on the caller's clock."""

    identity: AgentIdentity
    credit: int
    heartbeat_s: float = 2.0
    lease_s: float = 30.0
    max_attempts: int = 5
    activity: str = ""
    welcomed: bool = False
    _unconfirmed: dict[str, Frame] = field(default_factory=dict)
    _retry_at: dict[str, float] = field(default_factory=dict)
    _in_hand: dict[str, int] = field(default_factory=dict)
    _heard: float = 0.0
    _spoke: float = 0.0

    def connect(self, now: float) -> list[Step]:
        """Say HELLO on a fresh connection: what is in hand, and credit for the rest."""
        self.welcomed = False
        self._heard = self._spoke = now
        return [Transmit(self._hello())]

    def _hello(self) -> Frame:
        header = {
            "agent": self.identity.name,
            "role": self.identity.role,
            "incarnation": self.identity.incarnation,
            "credit": max(0, self.credit - len(self._in_hand)),
            "holding": list(self._in_hand),
        }
        return Frame(Kind.HELLO, header)

    def submit(self, message_id: str, frame: Frame) -> list[Step]:
        """Send a PUBLISH, ACK or NACK, and keep it until the broker confirms it."""
        self._unconfirmed[message_id] = frame
        return [Transmit(frame)] if self.welcomed else []

    def post(self, frame: Frame) -> list[Step]:
        """Send a frame that needs no confirmation, if the conversation stands."""
        return [Transmit(frame)] if self.welcomed else []

    def tick(self, now: float) -> list[Step]:
        """Heartbeats, retries, and the suspicion that the broker is gone."""
        if now - self._heard > SILENT_BEATS * self.heartbeat_s:
            return [Reconnect(), *self.connect(now)]
        steps = self._retries(now)
        if now - self._spoke >= self.heartbeat_s:
            self._spoke = now
            beat = Frame(Kind.HEARTBEAT, {"activity": self.activity}) if self.welcomed else self._hello()
            steps.append(Transmit(beat))
        return steps

    def _retries(self, now: float) -> list[Step]:
        if not self.welcomed:
            return []
        ripe = [message_id for message_id, due in self._retry_at.items() if due <= now]
        steps: list[Step] = []
        for message_id in ripe:
            del self._retry_at[message_id]
            if message_id in self._unconfirmed:
                steps.append(Transmit(self._unconfirmed[message_id]))
        return steps

    def received(self, frame: Frame, now: float) -> list[Step]:
        """What a frame from the broker means."""
        self._heard = now
        header = frame.header
        match frame.kind:
            case Kind.WELCOME:
                return self._on_welcome(header)
            case Kind.DELIVER:
                return self._on_deliver(Packet(Envelope.from_header(header), frame.body))
            case Kind.ACCEPTED:
                return [Confirmed(header["id"])] if self._settle(header.get("id")) else []
            case Kind.HEARTBEAT:
                return [Health(header["health"])] if "health" in header else []
            case Kind.ERROR:
                return self._on_error(header, now)
            case kind:
                raise FrameError(f"{kind.name} is not the broker's to send", where="frame 1")

    def _on_welcome(self, header: dict[str, Any]) -> list[Step]:
        self.welcomed = True
        self.heartbeat_s = float(header.get("heartbeat_s", self.heartbeat_s))
        self.lease_s = float(header.get("lease_s", self.lease_s))
        self.max_attempts = int(header.get("max_attempts", self.max_attempts))
        self._retry_at.clear()
        resend = [Transmit(frame) for frame in self._unconfirmed.values()]
        return [Welcomed(str(header.get("broker", ""))), *resend]

    def _on_deliver(self, packet: Packet) -> list[Step]:
        envelope = packet.envelope
        if self._in_hand.get(envelope.id) == envelope.attempt:
            return []
        self._in_hand[envelope.id] = envelope.attempt
        return [Delivered(Delivery(packet, self.lease_s, self.max_attempts))]

    def _on_error(self, header: dict[str, Any], now: float) -> list[Step]:
        code = header.get("code")
        message_id = header.get("id", "")
        if code == NoSession.code:
            return self.connect(now) if self.welcomed else []
        if code == QueueFull.code and message_id in self._unconfirmed:
            self._retry_at[message_id] = now + BUSY_RETRY_S
            return []
        if not self._settle(message_id):
            return []
        kind = StaleAttempt if code == StaleAttempt.code else Refused
        return [Denied(message_id, kind(str(header.get("what", "")), where=str(header.get("where", ""))))]

    def _settle(self, message_id: object) -> bool:
        """What was sent is answered. A delivery stays in hand until its ack or nack is."""
        if not isinstance(message_id, str) or self._unconfirmed.pop(message_id, None) is None:
            return False
        self._in_hand.pop(message_id, None)
        return True
