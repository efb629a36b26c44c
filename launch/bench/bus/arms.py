"""The table of arms: what is measured beside what, and what each needs to be installed.

An arm's libraries are imported only in the processes that use them.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from guildbus.launch.bench.bus.sides import AsyncAnswerer, AsyncAsker, PlainAnswerer, PlainAsker
from guildbus.protocols.errors import UsageError

ServerKind = Literal["forwarder", "forgetful", "durable", "nats", "jetstream", "autogen"]
ClientKind = Literal["forwarder", "thin", "shipped", "nats", "jetstream", "autogen"]
REMEDY: Final = "pip install 'guildbus[bench]'"


@dataclass(frozen=True, slots=True)
class Arm:
    """`label` is for people. `needs` are the modules and programs without which it cannot run."""

    key: str
    label: str
    server: ServerKind
    clients: ClientKind
    needs: tuple[str, ...] = ()

    @property
    def over_tcp(self) -> bool:
        """The others have no local sockets, or are not used over them."""
        return self.server in ("nats", "jetstream", "autogen")


ARMS: Final = (
    Arm("forwarder", "bare ROUTER forwarder", "forwarder", "forwarder"),
    Arm("thin-forgetful", "guildbus, nothing kept, thin client", "forgetful", "thin"),
    Arm("thin-durable", "guildbus, durable, thin client", "durable", "thin"),
    Arm("forgetful", "guildbus, nothing kept", "forgetful", "shipped"),
    Arm("durable", "guildbus, durable", "durable", "shipped"),
    Arm("nats", "NATS request/reply", "nats", "nats", ("nats", "nats-server")),
    Arm("jetstream", "JetStream, sync always", "jetstream", "jetstream", ("nats", "nats-server")),
    Arm("autogen", "AutoGen gRPC runtime", "autogen", "autogen", ("autogen_core", "autogen_ext", "grpc")),
)


def chosen(keys: Sequence[str]) -> list[Arm]:
    """The arms of these keys; all for none. Raises UsageError."""
    unknown = sorted(set(keys) - {arm.key for arm in ARMS})
    if unknown:
        known = ", ".join(arm.key for arm in ARMS)
        raise UsageError(f"no such arm: {', '.join(unknown)}", where="--arm", remedy=f"one of {known}")
    return [arm for arm in ARMS if not keys or arm.key in keys]


def missing(arm: Arm) -> list[str]:
    """What it needs and this installation has not."""
    return [name for name in arm.needs if not _is_here(name)]


def _is_here(name: str) -> bool:
    if name == "nats-server":
        from guildbus.launch.bench.bus.servers import nats_server

        return nats_server() is not None
    return importlib.util.find_spec(name) is not None


def askers(kind: ClientKind, address: str, agents: int) -> Sequence[PlainAsker] | AsyncAsker:
    """The asking side."""
    match kind:
        case "forwarder":
            from guildbus.launch.bench.bus.forwarder import ForwarderAsker

            return [ForwarderAsker(address, number) for number in range(agents)]
        case "thin":
            from guildbus.launch.bench.bus.thin import ThinAsker

            return [ThinAsker(address, number) for number in range(agents)]
        case "shipped":
            from guildbus.launch.bench.bus.shipped import ShippedAsker

            return ShippedAsker(address, agents)
        case "nats":
            from guildbus.launch.bench.bus.nats import NatsAsker

            return NatsAsker(address, agents)
        case "jetstream":
            from guildbus.launch.bench.bus.jetstream import JetStreamAsker

            return JetStreamAsker(address, agents)
        case "autogen":
            from guildbus.launch.bench.bus.autogen import AutogenAsker

            return AutogenAsker(address, agents)


def answerers(kind: ClientKind, address: str, agents: int) -> Sequence[PlainAnswerer] | AsyncAnswerer:
    """The answering side."""
    match kind:
        case "forwarder":
            from guildbus.launch.bench.bus.forwarder import ForwarderAnswerer

            return [ForwarderAnswerer(address, number) for number in range(agents)]
        case "thin":
            from guildbus.launch.bench.bus.thin import ThinAnswerer

            return [ThinAnswerer(address, number) for number in range(agents)]
        case "shipped":
            from guildbus.launch.bench.bus.shipped import ShippedAnswerer

            return ShippedAnswerer(address, agents)
        case "nats":
            from guildbus.launch.bench.bus.nats import NatsAnswerer

            return NatsAnswerer(address, agents)
        case "jetstream":
            from guildbus.launch.bench.bus.jetstream import JetStreamAnswerer

            return JetStreamAnswerer(address, agents)
        case "autogen":
            from guildbus.launch.bench.bus.autogen import AutogenAnswerer

            return AutogenAnswerer(address, agents)
