"""Who orders the work: publishes through the real client, and notes what was confirmed and when."""

import asyncio
import contextlib
import time
from typing import Final

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity
from guildbus.launch.bench.faults.pieces import SUBJECT, piece
from guildbus.protocols import ids
from guildbus.protocols.errors import BusError

CUSTOMER: Final = "customer"


class Customer:
    """`confirmed` are the ids that the broker promised to keep, with the time (monotonic) of the promise."""

    def __init__(self, endpoint: str, name: str = CUSTOMER) -> None:
        self.confirmed: dict[str, float] = {}
        self._last = 0.0
        self._bus = ZmqBus(endpoint, AgentIdentity(name, name, ids.new_message_id()[-12:]), credit=0)
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def asking(self) -> int:
        """How many publications have no answer yet."""
        return len(self._asking)

    async def open(self) -> None:
        """Join."""
        await self._bus.open()

    async def close(self) -> None:
        """Leave; what was not confirmed until now was not promised."""
        await self._bus.close()
        await asyncio.gather(*self._asking)

    def submit(self, size: int = 256, subject: str = SUBJECT) -> None:
        """Publish one piece in the background; it is noted when it is confirmed."""
        task = asyncio.create_task(self._publish(size, subject))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _publish(self, size: int, subject: str) -> None:
        packet = piece(self._bus.instance, size=size, subject=subject)
        with contextlib.suppress(BusError):  # closed before it was confirmed
            await self._bus.publish(packet)
            self._last = self.confirmed[packet.envelope.id] = time.monotonic()

    async def next_confirmation(self, timeout_s: float) -> float | None:
        """Seconds from now until the broker confirms something; None if it does not."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            if self._last > start:
                return self._last - start
            await asyncio.sleep(0.002)
        return None
