"""What a turn has to say: deliveries first, and confirmations of patient peers a moment later."""

import zmq

from guildbus.bus.outbox import PATIENCE_S, Outbox
from guildbus.protocols import wire
from guildbus.protocols.wire import Kind

NOW = 1000.0


class Wire:
    """Stands for the ROUTER socket, and keeps what was sent: (peer, kind)."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []

    def send(self, part: bytes, flags: int) -> None:
        self._parts.append(part)
        if not flags & zmq.SNDMORE:
            self.sent.append((self._parts[0], self._parts[2]))
            self._parts = []

    def since(self) -> list[tuple[bytes, bytes]]:
        """What was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


def outbox_over(socket: Wire, patient: frozenset[bytes]) -> Outbox:
    return Outbox(socket, lambda _: True, lambda peer: peer in patient, 1 << 20)


def confirm(outbox: Outbox, peer: bytes) -> None:
    outbox.add(peer, wire.build(Kind.ACCEPTED, {"id": "m", "attempt": 0}), confirmation=True)


def deliver(outbox: Outbox, peer: bytes) -> None:
    outbox.add(peer, wire.build(Kind.DELIVER, {"id": "m"}), delivery=True)


ACCEPTED, DELIVER, ERROR, BATCH = (bytes([k]) for k in (Kind.ACCEPTED, Kind.DELIVER, Kind.ERROR, Kind.BATCH))


def test_who_waits_for_a_delivery_is_served_first_and_who_is_impatient_at_once() -> None:
    socket = Wire()
    outbox = outbox_over(socket, frozenset())
    confirm(outbox, b"a")
    outbox.add(b"b", wire.build(Kind.ERROR, {"code": "x"}))
    deliver(outbox, b"c")
    assert outbox.send(NOW) == []
    assert socket.since() == [(b"c", DELIVER), (b"b", ERROR), (b"a", ACCEPTED)]
    assert outbox.due is None


def test_confirmations_for_a_patient_peer_wait_and_travel_with_what_follows() -> None:
    socket = Wire()
    outbox = outbox_over(socket, frozenset({b"a"}))
    confirm(outbox, b"a")
    outbox.send(NOW)
    confirm(outbox, b"a")
    outbox.send(NOW + PATIENCE_S / 2)
    assert socket.since() == []
    assert outbox.due == NOW + PATIENCE_S
    deliver(outbox, b"a")
    outbox.send(NOW + PATIENCE_S / 2)
    assert socket.since() == [(b"a", BATCH)]
    assert outbox.due is None


def test_each_waits_from_its_first_confirmation_on_and_the_longest_goes_first() -> None:
    socket = Wire()
    outbox = outbox_over(socket, frozenset({b"a", b"b", b"c"}))
    for after, peer in enumerate((b"a", b"b", b"c")):
        confirm(outbox, peer)
        outbox.send(NOW + after * PATIENCE_S / 4)
    assert socket.since() == []
    outbox.send(NOW + 1.3 * PATIENCE_S)
    assert socket.since() == [(b"a", ACCEPTED), (b"b", ACCEPTED)]
    outbox.send(NOW + 2 * PATIENCE_S)
    assert socket.since() == [(b"c", ACCEPTED)]


def test_nothing_is_held_longer_because_a_clock_jumped_back() -> None:
    socket = Wire()
    outbox = outbox_over(socket, frozenset({b"a", b"b"}))
    confirm(outbox, b"a")
    outbox.send(NOW)
    confirm(outbox, b"b")
    outbox.send(NOW - 60)
    assert socket.since() == [(b"a", ACCEPTED)]
    outbox.send(NOW - 60 + PATIENCE_S)
    assert socket.since() == [(b"b", ACCEPTED)]
