"""Machines on one network, as Linux network namespaces: each has an address, and a cable that can be pulled.

All hang on one bridge in a namespace of its own. Pulling a cable takes its port off the bridge: frames
vanish without a word, and neither end is told, which is what a partition looks like from inside. Needs root
and iproute2.
"""

import contextlib
import os
import subprocess
import sys
from types import TracebackType

from guildbus.launch.bench.faults.scenario import NotHere
from guildbus.protocols.errors import InfrastructureError

SUBNET = "10.91.0"


class Network:
    """`machines` namespaces, numbered from 1. Use as a context manager; it removes what it made."""

    def __init__(self, machines: int) -> None:
        self._name = f"gb{os.getpid()}"
        self._machines = range(1, machines + 1)

    def __enter__(self) -> "Network":
        self._make_room()
        try:
            self._bridge(self._core)
            for number in self._machines:
                self._plug_in(number)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def namespace(self, number: int) -> str:
        """The name of a machine's namespace."""
        return f"{self._name}-{number}"

    def address(self, number: int) -> str:
        """A machine's address."""
        return f"{SUBNET}.{number}"

    def pull(self, number: int) -> None:
        """Cut a machine off."""
        _ip("-n", self._core, "link", "set", f"p{number}", "nomaster")

    def plug(self, number: int) -> None:
        """Join it again."""
        _ip("-n", self._core, "link", "set", f"p{number}", "master", "br0")

    @property
    def _core(self) -> str:
        return self.namespace(0)

    def _make_room(self) -> None:
        """NotHere if this machine does not let us."""
        if sys.platform != "linux":
            raise NotHere("network namespaces are Linux's")
        if os.geteuid() != 0:
            raise NotHere("network namespaces need root here")
        try:
            _ip("netns", "add", self._core)
        except (OSError, InfrastructureError) as error:
            raise NotHere(f"no network namespaces here: {error}") from error

    def _bridge(self, core: str) -> None:
        try:
            _ip("-n", core, "link", "add", "br0", "type", "bridge")
            _ip("-n", core, "link", "set", "br0", "up")
        except InfrastructureError as error:
            raise NotHere(f"no bridges in network namespaces here: {error}") from error

    def _plug_in(self, number: int) -> None:
        own = self.namespace(number)
        _ip("netns", "add", own)
        pair = ("type", "veth", "peer", "name", "eth0", "netns", own)
        _ip("-n", self._core, "link", "add", f"p{number}", *pair)
        _ip("-n", own, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            _ip("-n", own, "link", "set", link, "up")
        _ip("-n", self._core, "link", "set", f"p{number}", "master", "br0", "up")

    def _remove(self) -> None:
        for number in (*self._machines, 0):
            with contextlib.suppress(InfrastructureError):
                _ip("netns", "del", self.namespace(number))


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        raise InfrastructureError(done.stderr.strip(), where="ip " + " ".join(words))
