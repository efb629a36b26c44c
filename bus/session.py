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
    JournalError,
    NoSession,
    NotAllowed,
    QueueFull,
    Refused,
    Replaced,
    StaleAttempt,
    TooMany,
)
from guildbus.protocols.errors import Withdrawn as WithdrawnError
from guildbus.protocols.values import value
from guildbus.protocols.wire import Frame, Kind, Packet

BUSY_RETRY_S: Final = 0.5
SILENT_BEATS: Final = 4
_UNWELCOME: Final = {kind.code: kind for kind in (NotAllowed, TooMany)}
_DENIALS: Final = {kind.code: kind for kind in (StaleAttempt, NotAllowed)}

Request = tuple[str, int]
"""What a PUBLISH, ACK or NACK is about: the message's id, and the attempt (0 for a PUBLISH)."""
NO_REQUEST: Final[Request] = ("", 0)


@value
class Transmit:
    """Send these frames' content."""

    frame: Frame


@value
class Delivered:
    """A message for the agent."""

    delivery: Delivery


@value
class Withdrawn:
    """A delivery in hand is this agent's no more; it still has to be answered, for its credit."""

    delivery: Delivery
    error: GuildbusError


@value
class Confirmed:
    """The broker has it, durably: what was published, or the ack or nack of this attempt."""

    request: Request


@value
class Denied:
    """The broker does not take it."""

    request: Request
    error: GuildbusError


@value
class Welcomed:
    """The conversation stands (again)."""

    broker: str


@value
class Health:
    """What the broker says of itself and its agents."""

    report: dict[str, Any]


@value
class Reconnect:
    """Nothing was heard for too long: use a fresh socket."""


@value
class Fenced:
    """A newer incarnation took over, or this peer may not be who it says it is: this conversation is over."""

    error: GuildbusError


Step = Transmit | Delivered | Withdrawn | Confirmed | Denied | Welcomed | Health | Reconnect | Fenced


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
    batches: bool = False
    fenced: bool = False
    _unconfirmed: dict[Request, Frame] = field(default_factory=dict)
    _retry_at: dict[Request, float] = field(default_factory=dict)
    _in_hand: dict[Request, Delivery] = field(default_factory=dict)
    _heard: float = 0.0
    _spoke: float = 0.0

    def connect(self, now: float) -> list[Step]:
        """Say HELLO on a fresh connection: what is in hand, and credit for the rest."""
        self.welcomed = self.batches = False
        self._heard = self._spoke = now
        return [Transmit(self._hello())]

    def _hello(self) -> Frame:
        header = {
            "agent": self.identity.name,
            "role": self.identity.role,
            "incarnation": self.identity.incarnation,
            "credit": max(0, self.credit - len(self._in_hand)),
            "holding": [list(request) for request in self._in_hand],
            "batch": True,
            "patient": True,
        }
        return Frame(Kind.HELLO, header)

    def submit(self, frame: Frame) -> list[Step]:
        """Send a PUBLISH, ACK or NACK, and keep it until the broker confirms it."""
        self._unconfirmed[request_of(frame)] = frame
        return [Transmit(frame)] if self.welcomed else []

    def post(self, frame: Frame) -> list[Step]:
        """Send a frame that needs no confirmation, if the conversation stands."""
        return [Transmit(frame)] if self.welcomed else []

    def tick(self, now: float) -> list[Step]:
        """Heartbeats, retries, and the suspicion that the broker is gone."""
        if self.fenced:
            return []
        if now - self._heard > SILENT_BEATS * self.heartbeat_s:
            return [Reconnect(), *self.connect(now)]
        steps = self._retries(now)
        if now - self._spoke >= self.heartbeat_s:
            self._spoke = now
            beat = Frame(Kind.HEARTBEAT, {"activity": self.activity}) if self.welcomed else self._hello()
            steps.append(Transmit(beat))
        return steps

    def rest_s(self, now: float) -> float:
        """How long `tick` has nothing to do, unless something comes in between; not positive if it has."""
        if self.fenced:
            return SILENT_BEATS * self.heartbeat_s
        silent = self._heard + SILENT_BEATS * self.heartbeat_s
        retries = self._retry_at.values() if self.welcomed else ()
        return min(self._spoke + self.heartbeat_s, silent, *retries) - now

    def _retries(self, now: float) -> list[Step]:
        if not self.welcomed:
            return []
        ripe = [request for request, due in self._retry_at.items() if due <= now]
        for request in ripe:
            del self._retry_at[request]
        return [Transmit(self._unconfirmed[request]) for request in ripe if request in self._unconfirmed]

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
                request = request_of(frame)
                return [Confirmed(request)] if self._settle(request) else []
            case Kind.HEARTBEAT:
                report = header.get("health")
                return [Health(report)] if isinstance(report, dict) else []
            case Kind.ERROR:
                return self._on_error(frame, now)
            case kind:
                raise FrameError(f"{kind.name} is not the broker's to send", where="frame 1")

    def _on_welcome(self, header: dict[str, Any]) -> list[Step]:
        self.heartbeat_s = _number(header, "heartbeat_s", self.heartbeat_s)
        self.lease_s = _number(header, "lease_s", self.lease_s)
        self.max_attempts = int(_number(header, "max_attempts", self.max_attempts))
        self.welcomed = True
        self.batches = header.get("batch") is True
        self._retry_at.clear()
        resend = [Transmit(frame) for frame in self._unconfirmed.values()]
        return [Welcomed(str(header.get("broker", ""))), *resend]

    def _on_deliver(self, packet: Packet) -> list[Step]:
        request = (packet.envelope.id, packet.envelope.attempt)
        if request in self._in_hand:
            return []
        delivery = self._in_hand[request] = Delivery(packet, self.lease_s, self.max_attempts)
        return [Delivered(delivery)]

    def _on_error(self, frame: Frame, now: float) -> list[Step]:
        header = frame.header
        code = header.get("code")
        if code == NoSession.code:
            return self.connect(now) if self.welcomed else []
        what, where, remedy = (str(header.get(name, "")) for name in ("what", "where", "remedy"))
        if code == Replaced.code:
            self.fenced, self.welcomed = True, False
            return [Fenced(Replaced(what, where=where, remedy=remedy))]
        request = request_of(frame)
        unwelcome = _UNWELCOME.get(str(code))
        if unwelcome is not None and request == NO_REQUEST:
            self.fenced, self.welcomed = True, False
            return [Fenced(unwelcome(what, where=where, remedy=remedy))]
        if code in (QueueFull.code, JournalError.code) and request in self._unconfirmed:
            self._retry_at[request] = now + BUSY_RETRY_S
            return []
        if code == WithdrawnError.code or (code == StaleAttempt.code and request not in self._unconfirmed):
            return self._on_withdrawn(request, WithdrawnError(what, where=where, remedy=remedy))
        if not self._settle(request):
            return []
        kind = _DENIALS.get(str(code), Refused)
        return [Denied(request, kind(what, where=where, remedy=remedy))]

    def _on_withdrawn(self, request: Request, error: GuildbusError) -> list[Step]:
        """By name, or by the answer to a RENEW. What has its answer on the way will hear of that instead."""
        delivery = self._in_hand.get(request)
        if delivery is None or request in self._unconfirmed:
            return []
        return [Withdrawn(delivery, error)]

    def _settle(self, request: Request) -> bool:
        """What was sent is answered. A delivery stays in hand until its ack or nack is."""
        if self._unconfirmed.pop(request, None) is None:
            return False
        self._in_hand.pop(request, None)
        return True


def request_of(frame: Frame) -> Request:
    """What a frame of either side is about; ('', 0) if about no message. Raises FrameError."""
    message_id, attempt = frame.header.get("id", ""), frame.header.get("attempt", 0)
    if type(message_id) is not str or type(attempt) is not int:
        raise FrameError("not a message id and an attempt", where=frame.kind.name)
    return message_id, attempt


def plain(text: str, limit: int) -> str:
    """Text that can travel: file names and program output may hold lone surrogates, and UTF-8 may not."""
    return text[:limit].encode("utf-8", "replace").decode()


def _number(header: dict[str, Any], name: str, default: float) -> float:
    value = header.get(name, default)
    if type(value) not in (int, float) or not 0 < value < 1e9:
        raise FrameError("not a positive number", where=f"WELCOME.{name}")
    return float(value)
