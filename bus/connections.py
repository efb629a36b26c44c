"""The connections behind a ZeroMQ socket, by file descriptor: how many, who has spoken, and how one is ended.

libzmq has no call that ends one connection of a ROUTER. But its monitor tells the descriptor of each that is
accepted or gone, and each message the one that it came through, so they can be counted, and shut from here.
`door.py` is the user of this.
"""

import contextlib
import os
import socket as stdlib_socket
import struct
import sys
from typing import Final

from guildbus.bus.events import Peer

SOMEBODY: Final[Peer] = b""
"""It has spoken, or one that had its number before has."""


class Connections:
    """What the monitor has told. A descriptor's number is used again after its connection has gone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[int, Peer | None] = {}
        self._haunted: set[int] = set()
        self._fading: set[int] = set()

    def accepted(self, fd: int) -> None:
        """A connection came."""
        self._open[fd] = None

    def surplus(self) -> list[int]:
        """Who must go, being too many: who is longest without a word, or the newest if all have spoken."""
        found = []
        while len(self._open) > self._limit:
            silent = (fd for fd, peer in self._open.items() if peer is None)
            fd = next(silent, next(reversed(self._open)))
            del self._open[fd]
            found.append(fd)
        return found

    def spoke(self, fd: int, peer: Peer) -> bool:
        """A message came through this descriptor; False if that may have been a former connection's."""
        if fd not in self._open or self._open[fd] not in (None, SOMEBODY, peer):
            return False
        haunted = fd in self._haunted or fd in self._fading
        self._open[fd] = SOMEBODY if haunted else peer
        return not haunted

    def left(self, fd: int) -> Peer | None:
        """A connection is gone; whose it was, if it ever spoke. It may have left messages behind."""
        peer = self._open.pop(fd, None) or None
        if peer is None:
            self._haunted.add(fd)
        return peer

    def drained(self) -> None:
        """All that was left behind at the last call is read by now."""
        self._fading, self._haunted = self._haunted, set()

    def belongs(self, fd: int, peer: Peer) -> bool:
        """Whether this number is still this peer's connection."""
        return self._open.get(fd) == peer


def peer_uid(fd: int) -> int | None:
    """The user at the other end of a local socket; None where the system does not tell, or it is gone."""
    if sys.platform != "linux":
        return None
    try:
        with stdlib_socket.socket(fileno=os.dup(fd)) as found:
            credentials = found.getsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_PEERCRED, 12)
    except OSError:
        return None
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def hang_up(fd: int) -> None:
    """End a connection that libzmq has open: both directions are shut, and libzmq cleans up behind it.

    The number may have been used again by now. Shutting needs a socket, so that a file is safe, and a client
    that is hit by mistake connects again.
    """
    with contextlib.suppress(OSError), stdlib_socket.socket(fileno=os.dup(fd)) as found:
        found.shutdown(stdlib_socket.SHUT_RDWR)
