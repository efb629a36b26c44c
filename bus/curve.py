"""CURVE on both ends: TCP is encrypted, and only keys on the list come in.

A CURVE socket without an authenticator lets every key in, so the broker's is made before its socket is bound,
and `ZAP_ENFORCE_DOMAIN` refuses everybody should it ever be missing. It answers in the broker's own loop: no
thread, and a key that is taken off the list is refused from the next request on. Its answer names the key as
the connection's user id, which `door.py` reads off every message. Protocol: ZeroMQ RFC 27 (ZAP).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils import z85

from guildbus.bus.keys import KeyPair
from guildbus.protocols.errors import BusError

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
DOMAIN: Final = b"guildbus"
USER_ID: Final = "User-Id"


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs on TCP: its own pair, and the broker's public key, by which it knows the broker."""

    pair: KeyPair
    server_key: str


def is_tcp(endpoint: str) -> bool:
    """Whether an endpoint is reached over the network. BusError for one that is neither that nor ipc."""
    if endpoint.startswith("tcp://"):
        return True
    if endpoint.startswith("ipc:///"):
        return False
    raise BusError(
        "not an endpoint of the bus", where=endpoint, remedy="ipc:///absolute/path, or tcp://host:port"
    )


def require_keys(endpoint: str, keys: ClientKeys | None) -> None:
    """BusError for TCP without keys, and for what is no endpoint."""
    if is_tcp(endpoint) and keys is None:
        raise BusError(
            "TCP needs keys, on this machine too",
            where=endpoint,
            remedy="`guildbus keys new`, then client_key and server_key under [bus]",
        )


def secure_client(socket: "zmq.Socket[bytes]", endpoint: str, keys: ClientKeys | None) -> None:
    """Prepare a DEALER for `connect`. BusError as `require_keys`."""
    require_keys(endpoint, keys)
    if keys is not None and is_tcp(endpoint):
        socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server_key.encode())
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.pair.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.pair.secret.encode())


def secure_server(socket: "zmq.Socket[bytes]", pair: KeyPair) -> None:
    """Prepare a ROUTER for `bind`. Its `Authenticator` must be there already."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret.encode())
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


class Authenticator:
    """Answers libzmq's question for each new connection. `knows` says whether a public key is on the list."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", knows: Callable[[str], bool]) -> None:
        self._knows = knows
        self.socket = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        try:
            self.socket.bind(ZAP_ENDPOINT)
        except zmq.ZMQError as error:
            self.socket.close(0)
            raise BusError(
                f"no place for the authenticator: {error.strerror}",
                where=ZAP_ENDPOINT,
                remedy="one broker a process",
            ) from error

    def answer(self) -> int:
        """Answer all that is asked now; how many were turned away."""
        refused = 0
        while True:
            try:
                asked = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return refused
            key = _key_of(asked)
            let_in = key is not None and self._knows(key)
            refused += not let_in
            request = asked[1] if len(asked) > 1 else b""
            verdict = (b"200", b"OK", key.encode()) if key and let_in else (b"400", b"not on the list", b"")
            self.socket.send_multipart([b"1.0", request, *verdict, b""], zmq.NOBLOCK)

    def close(self) -> None:
        """Nobody comes in any more."""
        self.socket.close(0)


def _key_of(asked: list[bytes]) -> str | None:
    """The client's public key in a ZAP request for our domain; None if this is none."""
    if len(asked) != 7:
        return None
    version, _, domain, _, _, mechanism, credentials = asked
    if (version, domain, mechanism) != (b"1.0", DOMAIN, b"CURVE") or len(credentials) != 32:
        return None
    return z85.encode(credentials).decode()
