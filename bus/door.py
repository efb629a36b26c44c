"""The broker's ROUTER socket: who comes in, how much is read of anyone, and who is shown out.

ZeroMQ asks nobody before it takes a connection, and keeps one open whatever comes through it. So the door
counts connections, reads no more of a message than a frame set has, keeps a record of each connection, and
ends the connection itself of one that goes on being refused or whose key was revoked: libzmq tells for each
message which file descriptor it came through. What is *said* is not its business: that is `broker.py`'s.
Keys are in `keys.py`, encryption and the authenticator in `curve.py`.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from guildbus.bus.connections import Connections, hang_up, peer_uid
from guildbus.bus.curve import USER_ID, Authenticator, is_tcp, secure_server
from guildbus.bus.events import Hello, Peer
from guildbus.bus.keys import AllowedKey, Keyring, check_private
from guildbus.bus.late_log import LateLog
from guildbus.protocols import wire
from guildbus.protocols.errors import BusError, ConfigError, NotAllowed

PARTS: Final = 4
_DONTWAIT: Final = int(zmq.DONTWAIT)
MANY_PARTS: Final = 64
PATIENCE: Final = 100
WORST_BACKLOG_BYTES: Final = 1 << 30
REMEMBERED: Final = 10_000
HANDSHAKE_MS: Final = 10_000
PING_MS: Final = 10_000
WATCHED: Final = (
    zmq.EVENT_ACCEPTED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


@dataclass(slots=True)
class Caller:
    """One connection that has spoken. `key` is '' over ipc, `fd` is -1 once the connection is gone."""

    fd: int
    key: str
    offences: int = 0
    shut: bool = False


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
        self._allowed: dict[str, AllowedKey] = {}
        self._list_read: tuple[int, ...] = ()
        self._list_checked: tuple[int, ...] = ()
        self._authenticator: Authenticator | None = None
        self._keyring = _keyring(way)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        try:
            if self._keyring is not None:
                pair = self._keyring.server_pair()
                for mistake in self._read_list():
                    where = str(self._keyring.allowed_path)
                    raise ConfigError(mistake, where=where, remedy="mend or remove the line")
                self._authenticator = Authenticator(context, self._allowed_now)
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
            zmq.HEARTBEAT_IVL: PING_MS,
            zmq.HEARTBEAT_TIMEOUT: 3 * PING_MS,
        }
        for option, value in options.items():
            self.socket.setsockopt(option, value)
        self._monitor: zmq.Socket[bytes] = self.socket.get_monitor_socket(WATCHED)
        try:
            self.socket.bind(self._way.endpoint)
        except zmq.ZMQError as error:
            self.socket.disable_monitor()
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
        self.socket.close()
        if self._authenticator is not None:
            self._authenticator.close()

    # -- messages ----------------------------------------------------------------------------

    def receive(self) -> tuple[Peer, list[bytes]]:
        """The next message of a caller that is welcome, with at most one part too many. Raises zmq.Again."""
        while True:
            peer = self.socket.recv(_DONTWAIT)
            part = self.socket.recv(_DONTWAIT, copy=False)
            caller = self._callers.get(peer)
            if caller is None or self._keyring is not None:
                caller = self._caller(peer, caller, part)
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
            if not caller.shut:
                return peer, frames
            self.refused["connection.shut"] += 1

    def check(self, hello: Hello) -> None:
        """Raises NotAllowed if the key of this connection does not open this role under this name."""
        caller = self._callers.get(hello.peer)
        if self._keyring is None or caller is None:
            return
        entry = self._allowed.get(caller.key)
        denial = NotAllowed("this key is not on the list", where="HELLO") if entry is None else None
        denial = denial or (entry.denial(hello.agent, hello.role) if entry is not None else None)
        if denial is not None:
            raise denial

    def offended(self, peer: Peer, code: str) -> int:
        """Count a refusal; how many this connection has had. The last one that is borne shows it out."""
        self.refused[code] += 1
        caller = self._callers.get(peer)
        if caller is None or not counts_against(code):
            return 0
        caller.offences += 1
        if caller.offences >= PATIENCE and not caller.shut:
            self._show_out(peer, caller, f"refused {caller.offences} times")
        return caller.offences

    # -- connections -------------------------------------------------------------------------

    def attend(self) -> None:
        """Let in, turn away, and note who left: what the authenticator and the monitor have."""
        if self._authenticator is not None:
            refused = self._authenticator.answer()
            if refused:
                self.refused["connection.key"] += refused
        while True:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            match event["event"]:
                case zmq.EVENT_ACCEPTED:
                    if (silent := self._connections.accepted(event["value"])) is not None:
                        self.refused["connection.limit"] += 1
                        hang_up(silent)
                case zmq.EVENT_DISCONNECTED:
                    self._forget(event["value"])
                case _:
                    self.refused["connection.handshake"] += 1

    def watch_list(self) -> None:
        """Read the list of keys again if it has changed, and show out whoever is on it no more."""
        if self._keyring is None:
            return
        self._refresh()
        if self._list_checked == self._list_read:
            return
        self._list_checked = self._list_read
        for peer, caller in list(self._callers.items()):
            if caller.key not in self._allowed and not caller.shut:
                self._show_out(peer, caller, "its key was revoked")

    def gone(self) -> list[Peer]:
        """Who was shown out since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def _caller(self, peer: Peer, caller: Caller | None, first: zmq.Frame) -> Caller:
        key = _user_id(first) if self._keyring is not None else ""
        if caller is not None:
            if caller.key != key and not caller.shut:
                self._show_out(peer, caller, "its key changed")
            return caller
        try:
            fd = int(first.get(zmq.SRCFD))
        except zmq.ZMQError:  # ZMTP 1 and 2 know no properties, and no CURVE
            caller = self._callers[peer] = Caller(-1, key)
            self.refused["connection.handshake"] += 1
            self._show_out(peer, caller, "it does not speak ZMTP 3")
            return caller
        self.attend()  # the monitor knew of the connection before its first message came
        caller = self._callers[peer] = Caller(fd, key)
        self._connections.spoke(fd, peer)
        if len(self._callers) > REMEMBERED:
            del self._callers[next(iter(self._callers))]
        if self._keyring is not None and key not in self._allowed:
            self._show_out(peer, caller, "its key is not on the list")
        elif self._keyring is None and peer_uid(fd) not in (None, 0, os.getuid()):
            self.refused["connection.user"] += 1
            self._show_out(peer, caller, "another user's process")
        return caller

    def _show_out(self, peer: Peer, caller: Caller, why: str) -> None:
        """End the connection. What it has sent already is still read, and dropped."""
        self._log.warning("shown_out", why=why, key=caller.key, offences=caller.offences)
        caller.shut = True
        self.refused["connection.shown_out"] += 1
        self._gone.append(peer)
        self.attend()
        if self._connections.belongs(caller.fd, peer):
            hang_up(caller.fd)

    def _forget(self, fd: int) -> None:
        peer = self._connections.left(fd)
        caller = self._callers.get(peer) if peer is not None else None
        if caller is not None and peer is not None:
            caller.fd = -1
            if not caller.shut:  # one that was shown out may have left messages behind
                del self._callers[peer]

    def _allowed_now(self, key: str) -> bool:
        self._refresh()
        return key in self._allowed

    def _refresh(self) -> None:
        assert self._keyring is not None
        if self._list_stamp() != self._list_read:
            for mistake in self._read_list():
                self._log.error("list_of_keys_broken", where=str(self._keyring.allowed_path), what=mistake)
            self._log.info("list_of_keys_read", keys=len(self._allowed))

    def _list_stamp(self) -> tuple[int, ...]:
        """Differs when the list does."""
        assert self._keyring is not None
        try:
            found = self._keyring.allowed_path.stat()
        except OSError:
            return (0,)
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)

    def _read_list(self) -> list[str]:
        """Take up the list as it is now; its mistakes. The stamp is taken first: a later change is seen."""
        assert self._keyring is not None
        self._list_read = self._list_stamp()
        self._allowed, mistakes = self._keyring.allowed()
        return mistakes


def counts_against(code: str) -> bool:
    """Whether a refusal is an offence: an honest client is never refused like this, again and again."""
    return code in {"protocol.frame", "protocol.too_large", "protocol.not_allowed", "protocol.refused"}


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


def _user_id(frame: zmq.Frame) -> str:
    try:
        return str(frame.get(USER_ID))
    except zmq.ZMQError:
        return ""
