"""Who orders the work: publishes through the real client, and notes what was confirmed and when."""

import asyncio
import contextlib
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

from guildbus.bus.client import ZmqBus
from guildbus.bus.curve import ClientKeys
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.keys import Keyring, read_pair
from guildbus.launch.bench.faults.pieces import SUBJECT, piece
from guildbus.protocols import ids
from guildbus.protocols.errors import BusError

CUSTOMER: Final = "customer"


def keys_of(ring: str, name: str) -> ClientKeys | None:
    """A client's keys from the folder of them all; None without a folder."""
    if not ring:
        return None
    keyring = Keyring(Path(ring))
    return ClientKeys(read_pair(keyring.path_of(name)), keyring.server_key())


class Customer:
    """`confirmed` are the ids that the broker promised to keep, with the time (monotonic) of the promise."""

    def __init__(self, endpoint: str, name: str = CUSTOMER, keys: ClientKeys | None = None) -> None:
        self.confirmed: dict[str, float] = {}
        self._recent: deque[float] = deque(maxlen=1000)
        identity = AgentIdentity(name, name, ids.new_message_id()[-12:])
        self._bus = ZmqBus(endpoint, identity, credit=0, keys=keys)
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
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def submit(self, size: int = 256, subject: str = SUBJECT) -> None:
        """Publish one piece in the background; it is noted when it is confirmed."""
        task = asyncio.create_task(self._publish(size, subject))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _publish(self, size: int, subject: str) -> None:
        packet = piece(self._bus.instance, size=size, subject=subject)
        with contextlib.suppress(BusError):  # closed before it was confirmed
            await self._bus.publish(packet)
            self.confirmed[packet.envelope.id] = now = time.monotonic()
            self._recent.append(now)

    async def order(self) -> None:
        """Publish one piece, and return when it is confirmed."""
        before = set(self._asking)
        self.submit()
        await asyncio.gather(*(self._asking - before))

    async def answered(self) -> None:
        """Wait until every publication so far is confirmed."""
        await asyncio.gather(*self._asking)

    async def health(self) -> dict[str, Any]:
        """The broker's report. Raises TimeoutError."""
        return await self._bus.health()

    async def heard_since(self, moment: float, timeout_s: float) -> float | None:
        """Seconds from `moment` (monotonic) to the first confirmation after it; None if it does not come."""
        while time.monotonic() - moment < timeout_s:
            later = [at for at in self._recent if at > moment]
            if later:
                return later[0] - moment
            await asyncio.sleep(0.002)
        return None
