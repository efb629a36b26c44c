"""The broker's ROUTER socket: who comes in, how much is read of anyone, and who is shown out.

ZeroMQ asks nobody before it takes a connection, and keeps one open whatever comes through it. So the door
counts connections, reads no more of a message than a frame set has, keeps a record of each connection, and
ends the connection itself of one that goes on being refused or whose key was revoked: libzmq tells for each
message which file descriptor it came through. What is *said* is not its business: that is `broker.py`'s.
Records of callers are `callers.py`, their
connections `connections.py`, the list of keys `guestlist.py`, encryption and the authenticator in `curve.py`.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from guildbus.bus.callers import Caller
from guildbus.bus.connections import Connections, hang_up, peer_uid
from guildbus.bus.curve import USER_ID, Authenticator, is_tcp, secure_server
from guildbus.bus.events import Hello, Peer
from guildbus.bus.guestlist import GuestList
from guildbus.bus.keys import Keyring, check_private
from guildbus.bus.late_log import LateLog, worth_a_line
from guildbus.protocols import wire
from guildbus.protocols.errors import BusError, ConfigError

PARTS: Final = 4
GENERATED_BYTES: Final = 5
_DONTWAIT: Final = int(zmq.DONTWAIT)
_POLLIN: Final = int(zmq.POLLIN)
MANY_PARTS: Final = 64
WORST_BACKLOG_BYTES: Final = 1 << 30
REMEMBERED: Final = 10_000
SETTLED_S: Final = 1.0
FLOODED_S: Final = 10.0
HANDSHAKE_MS: Final = 10_000
WATCHED: Final = (
    zmq.EVENT_ACCEPTED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where the door is, and how narrow. `keys` is a must for TCP and unused otherwise."""

    endpoint: str
    max_bytes: int = wire.DEFAULT_MAX_BYTES
    max_connections: int = 256
    keys: Path | None = None


class Door:
    """Bound when it is made. BusError or ConfigError if it cannot be, or would be open to others."""

    def __init__(self, way: Doorway) -> None:
        self.refused: Counter[str] = Counter()
        self._way = way
        self._callers: dict[Peer, Caller] = {}
        self._connections = Connections(way.max_connections)
        self._gone: list[Peer] = []
        self._log = LateLog("door")
        self._departed: list[Peer] = []
        self._fading: list[Peer] = []
        self._drained_at = time.monotonic()
        self._authenticator: Authenticator | None = None
        keyring = _keyring(way)
        self._guests = None if keyring is None else GuestList(keyring)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        try:
            if keyring is not None and self._guests is not None:
                pair = keyring.server_pair()
                self._authenticator = Authenticator(context, self._guests.holds_now)
                secure_server(self.socket, pair)
            self._bind()
        except BaseException:
            if self._authenticator is not None:
                self._authenticator.close()
            self.socket.close(0)
            raise

    def _bind(self) -> None:
        limit = self._way.max_bytes + wire.MAX_HEADER_BYTES
        options = {
            zmq.ROUTER_MANDATORY: 1,
            zmq.LINGER: 200,
            zmq.MAXMSGSIZE: limit,
            zmq.RCVHWM: max(16, min(1000, WORST_BACKLOG_BYTES // limit)),
            zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
            # Not ZMTP's own heartbeats: with them a peer that fills its queue and goes aborts the process
            # (libzmq issues 3937 and 4364). The kernel finds TCP connections that died in silence.
            zmq.TCP_KEEPALIVE: 1,
            zmq.TCP_KEEPALIVE_IDLE: 30,
            zmq.TCP_KEEPALIVE_INTVL: 10,
            zmq.TCP_KEEPALIVE_CNT: 3,
        }
        for option, value in options.items():
            self.socket.setsockopt(option, value)
        self._monitor: zmq.Socket[bytes] = self.socket.get_monitor_socket(WATCHED)
        try:
            self.socket.bind(self._way.endpoint)
        except zmq.ZMQError as error:
            self.socket.disable_monitor()
            self._monitor.close()
            raise BusError(
                f"cannot listen: {error.strerror}",
                where=self._way.endpoint,
                remedy="is another broker there? `guildbus status`",
            ) from error
        if not is_tcp(self._way.endpoint):
            os.chmod(self._way.endpoint.removeprefix("ipc://"), 0o600)

    def register(self, poller: zmq.Poller) -> None:
        """Wake up when something comes in."""
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        if self._authenticator is not None:
            poller.register(self._authenticator.socket, zmq.POLLIN)

    def close(self) -> None:
        """Shut it for good."""
        self.socket.disable_monitor()
        self._monitor.close()
        self.socket.close()
        if self._authenticator is not None:
            self._authenticator.close()

    # -- messages ----------------------------------------------------------------------------

    def has_more(self) -> bool:
        """Whether a message waits. To find out by zmq.Again would cost ten times as much."""
        if _is_readable(self.socket):
            return True
        self._settle(SETTLED_S)
        return False

    def receive(self) -> tuple[Peer, list[bytes]] | None:
        """The next message, with at most one part too many; None if its sender was shown out.

        Raises zmq.Again when there is none.
        """
        peer = self.socket.recv(_DONTWAIT)
        part = self.socket.recv(_DONTWAIT, copy=False)
        caller = self._callers.get(peer)
        if caller is None or self._guests is not None:
            caller = self._caller(peer, caller, part)
        if not caller.bound:
            caller.bound = self._connections.spoke(caller.fd, peer)
        frames = [part.bytes]
        parts = 1
        while part.more:  # a part knows it; asking the socket costs more than receiving
            part = self.socket.recv(_DONTWAIT, copy=False)
            parts += 1
            if parts <= PARTS + 1:
                frames.append(part.bytes)
        if parts > MANY_PARTS and not caller.shut:
            self.refused["protocol.frame"] += 1
            self._show_out(peer, caller, f"a message of {parts} parts")
        if caller.shut:
            self.refused["connection.shut"] += 1
            return None
        return peer, frames

    def is_shut(self, peer: Peer) -> bool:
        """Whether it was shown out: what is left of its last message is dropped too."""
        caller = self._callers.get(peer)
        return caller is not None and caller.shut

    def check(self, hello: Hello) -> None:
        """Raises NotAllowed if the key of this connection does not open this role under this name."""
        caller = self._callers.get(hello.peer)
        if self._guests is not None and caller is not None:
            denial = self._guests.denial(caller.key, hello.agent, hello.role)
            if denial is not None:
                raise denial

    def offended(self, peer: Peer, code: str) -> None:
        """Count a refusal. One that is too much shows its caller out."""
        self.refused[code] += 1
        caller = self._callers.get(peer)
        if caller is not None and caller.charge(code, time.monotonic()) and not caller.shut:
            self._show_out(peer, caller, f"refused {caller.refusals} times")

    # -- connections -------------------------------------------------------------------------

    def attend(self) -> None:
        """Let in, turn away, and note who left: what the authenticator and the monitor have."""
        if self._authenticator is not None:
            refused = self._authenticator.answer()
            if refused:
                self.refused["connection.key"] += refused
        while _is_readable(self._monitor):
            event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            match event["event"]:
                case zmq.EVENT_ACCEPTED:
                    self._connections.accepted(event["value"])
                case zmq.EVENT_DISCONNECTED:
                    self._left(event["value"])
                case _:
                    self.refused["connection.handshake"] += 1
        for silent in self._connections.surplus():
            self.refused["connection.limit"] += 1
            hang_up(silent)

    def watch_list(self) -> None:
        """Show out whoever is not on the list of keys any more."""
        if self._guests is None or not self._guests.changed():
            return
        for peer, caller in list(self._callers.items()):
            if not self._guests.holds(caller.key) and not caller.shut:
                self._show_out(peer, caller, "its key was revoked")

    def gone(self) -> list[Peer]:
        """Who was shown out since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def _caller(self, peer: Peer, caller: Caller | None, first: zmq.Frame) -> Caller:
        key = _user_id(first) if self._guests is not None else ""
        if caller is not None:
            if caller.key != key and not caller.shut:
                self._show_out(peer, caller, "its key changed")
            return caller
        self.attend()  # the monitor knew of the connection before its first message came
        caller = self._callers[peer] = Caller(_descriptor(first), key)
        if len(self._callers) > REMEMBERED:
            del self._callers[next(iter(self._callers))]  # it is introduced anew if it is still there
        if caller.fd < 0:
            self.refused["connection.handshake"] += 1
            self._show_out(peer, caller, "it does not speak ZMTP 3")
        elif len(peer) != GENERATED_BYTES or peer[0] != 0:
            self.refused["connection.identity"] += 1
            self._show_out(peer, caller, "it chose its own identity")
        elif self._guests is not None and not self._guests.holds(key):
            self._show_out(peer, caller, "its key is not on the list")
        elif self._guests is None and peer_uid(caller.fd) not in (None, 0, os.getuid()):
            self.refused["connection.user"] += 1
            self._show_out(peer, caller, "another user's process")
        return caller

    def _show_out(self, peer: Peer, caller: Caller, why: str) -> None:
        """End the connection. What it has sent already is still read, and dropped."""
        caller.shut = True
        self.refused["connection.shown_out"] += 1
        if worth_a_line(self.refused["connection.shown_out"]):
            self._log.warning("shown_out", why=why, key=caller.key, refusals=caller.refusals)
        self._gone.append(peer)
        self.attend()
        caller.bound = caller.bound or self._connections.spoke(caller.fd, peer)
        if caller.bound and self._connections.belongs(caller.fd, peer):
            hang_up(caller.fd)

    def _left(self, fd: int) -> None:
        peer = self._connections.left(fd)
        if peer is not None:
            self._departed.append(peer)
        self._settle(FLOODED_S)

    def _settle(self, after_s: float) -> None:
        """Forget who is gone, once nothing of theirs can come any more.

        libzmq tells of an end a moment before it hands over the last messages, so it takes an empty socket a
        second later; under a flood the socket is never empty, and ten seconds must do.
        """
        now = time.monotonic()
        if now - self._drained_at < after_s:
            return
        self._drained_at = now
        self._connections.drained()
        for peer in self._fading:
            self._callers.pop(peer, None)
        self._fading, self._departed = self._departed, []


def _keyring(way: Doorway) -> Keyring | None:
    """The keys of a TCP endpoint; None for ipc, whose folder must be closed to others."""
    if not is_tcp(way.endpoint):
        folder = Path(way.endpoint.removeprefix("ipc://")).parent
        try:
            check_private(folder)
        except ConfigError as error:
            raise BusError(
                f"the socket would be open to others: {error.what}", where=error.where, remedy=error.remedy
            ) from error
        return None
    if way.keys is None:
        raise BusError(
            "TCP without keys would let everybody in, on this machine too",
            where=way.endpoint,
            remedy="`guildbus keys new --roster` makes keys; the broker needs --keys FOLDER",
        )
    return Keyring(way.keys)


def _descriptor(frame: zmq.Frame) -> int:
    """Where a message came through; -1 for ZMTP 1 and 2, which know no properties, and no CURVE."""
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return -1


def _is_readable(socket: "zmq.Socket[bytes]") -> bool:
    return bool(int(socket.getsockopt(zmq.EVENTS)) & _POLLIN)


def _user_id(frame: zmq.Frame) -> str:
    try:
        return str(frame.get(USER_ID))
    except zmq.ZMQError:
        return ""
