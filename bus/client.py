"""The ZeroMQ client: an asyncio face on a line (`line.py`) to the broker, and a thread that keeps it alive.

The event loop sends and receives itself. The thread only looks in now and then, so that
heartbeats go out while a handler computes: a busy agent is alive, and its lease, not its heartbeat, says
whether it makes progress.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from guildbus.bus.curve import ClientKeys, require_keys
from guildbus.bus.interface import AgentIdentity, Delivery, Inbox, next_delivery
from guildbus.bus.line import Line
from guildbus.bus.session import (
    ClientSession,
    Confirmed,
    Delivered,
    Denied,
    Fenced,
    Health,
    Reconnect,
    Request,
    Welcomed,
    Withdrawn,
    plain,
    request_of,
)
from guildbus.bus.tail import JournalReader
from guildbus.protocols import wire
from guildbus.protocols.errors import BusError, GuildbusError
from guildbus.protocols.wire import Frame, Kind, Packet

LONGEST_REST_S: Final = 0.5


class ZmqBus:
    """A `Bus` over one DEALER socket. `journal` is where histories are read; None has none."""

    def __init__(
        self,
        endpoint: str,
        identity: AgentIdentity,
        *,
        journal: Path | None = None,
        credit: int = 1,
        open_timeout_s: float = 15.0,
        max_bytes: int = wire.DEFAULT_MAX_BYTES,
        keys: ClientKeys | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._identity = identity
        self._journal = journal
        self._reader: JournalReader | None = None
        self._open_timeout_s = open_timeout_s
        self._session = ClientSession(identity, credit)
        self._max_bytes = max_bytes
        self._inbox: Inbox = asyncio.Queue()
        self._waiting: dict[Request, asyncio.Future[None]] = {}
        self._health: list[asyncio.Future[dict[str, Any]]] = []
        self._line: Line | None = None
        self._watched = -1
        self._pumping = False
        self._closing = threading.Event()
        self._over: GuildbusError | None = None

    @property
    def instance(self) -> str:
        """`name/incarnation`: the `source` of what this client publishes."""
        return self._identity.instance

    async def open(self) -> None:
        """Say HELLO and wait for WELCOME.

        Raises BusError after `open_timeout_s` without an answer, NotAllowed if the broker refuses this name
        or role. On TCP a key that is not on the broker's list gets no answer at all.
        """
        require_keys(self._endpoint, self._keys)
        self._loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[None] = self._loop.create_future()
        self._line = Line(self._endpoint, self._session, self._keys, self._max_bytes)
        self._watch(self._line)
        name = f"bus-{self._identity.name}"
        self._thread = threading.Thread(target=self._beat, args=(self._line,), name=name, daemon=True)
        self._thread.start()
        self._pump()
        try:
            async with asyncio.timeout(self._open_timeout_s):
                await asyncio.shield(self._welcome)
        except TimeoutError:
            await self.close()
            raise BusError(
                f"no broker answered within {self._open_timeout_s:.0f} s",
                where=self._endpoint,
                remedy="`guildbus status` shows what runs",
            ) from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Say BYE and end the thread."""
        if self._line is None:
            return
        line, self._line = self._line, None
        self._closing.set()
        await asyncio.to_thread(self._thread.join, 5)
        self._loop.remove_reader(self._watched)
        line.post(Frame(Kind.BYE, {}))
        line.close()
        self._fail(BusError("closed", where=self._identity.name))
        if self._reader is not None:
            self._reader.close()

    async def publish(self, packet: Packet) -> None:
        """Return when the broker has the message durably."""
        await self._confirm(wire.publication(packet, self._max_bytes))

    async def receive(self) -> Delivery:
        """The next message for this agent. Raises BusError once closed, Replaced for an old incarnation."""
        return await next_delivery(self._inbox)

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Settle and publish, in one transaction."""
        envelope = delivery.packet.envelope
        header = {"id": envelope.id, "attempt": envelope.attempt, "credit": 1}
        await self._confirm(Frame(Kind.ACK, header, wire.pack_emits(emits, self._max_bytes)))

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Give the attempt back."""
        envelope = delivery.packet.envelope
        header = {
            "id": envelope.id,
            "attempt": envelope.attempt,
            "code": plain(code, 200) or "agent.error",
            "reason": plain(reason, 1000) or "no reason given",
            "delay_ms": int(delay_s * 1000),
            "fatal": fatal,
            "credit": 1,
        }
        await self._confirm(Frame(Kind.NACK, header))

    async def renew(self, delivery: Delivery) -> None:
        """Extend the lease; a lost RENEW is made up for by the next."""
        envelope = delivery.packet.envelope
        header = {"id": envelope.id, "attempt": envelope.attempt}
        if self._line is not None and self._over is None:
            self._say(self._line.post, Frame(Kind.RENEW, header))

    async def history(self, subject: str, upto_seq: int, types: Sequence[str] = ()) -> list[Packet]:
        """The run's messages so far, read from the journal file."""
        if self._journal is None:
            raise BusError("this client knows no journal", where=self._identity.name)
        if self._reader is None:
            self._reader = JournalReader(self._journal)
        return [stored.packet for stored in self._reader.history(subject, upto_seq, types)]

    def set_activity(self, text: str) -> None:
        """Travels with the next heartbeat."""
        self._session.activity = plain(text, 200)

    async def health(self, timeout_s: float = 5.0) -> dict[str, Any]:
        """Ask the broker how it and its agents are. Raises TimeoutError."""
        if self._line is None:
            raise BusError("not open", where=self._identity.name)
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._health.append(answer)
        self._say(self._line.post, Frame(Kind.HEARTBEAT, {"health": True}))
        async with asyncio.timeout(timeout_s):
            return await answer

    # -- between whoever asks and the line ---------------------------------------------------

    async def _confirm(self, frame: Frame) -> None:
        line = self._line
        if self._over is not None:
            raise self._over
        if line is None:
            raise BusError("not open", where=self._identity.name)
        request = request_of(frame)
        confirmed: asyncio.Future[None] = self._loop.create_future()
        self._waiting[request] = confirmed
        self._say(line.submit, frame)
        try:
            await confirmed
        finally:
            self._waiting.pop(request, None)

    def _fail(self, error: GuildbusError) -> None:
        """It is over. Nobody who waits shall wait for ever."""
        self._over = error
        for confirmed in self._waiting.values():
            _resolve(confirmed, error)
        _resolve(self._welcome, error)
        if not self._welcome.cancelled():
            self._welcome.exception()  # whoever opened may have left already: it counts as heard
        self._inbox.put_nowait(error)

    def _hear(self) -> None:
        """In the event loop: hand the news to whoever waits for them."""
        line = self._line
        if line is None:
            return
        for step in line.news():
            match step:
                case Delivered(delivery):
                    self._inbox.put_nowait(delivery)
                case Withdrawn(delivery, error):
                    delivery.withdrawal.happen(error)
                case Confirmed(request):
                    _resolve(self._waiting.get(request), None)
                case Denied(request, error):
                    _resolve(self._waiting.get(request), error)
                case Fenced(error):
                    self._fail(error)
                case Welcomed():
                    _resolve(self._welcome, None)
                case Reconnect():
                    self._watch(line)
                case Health(report):
                    while self._health:
                        answer = self._health.pop()
                        if not answer.done():
                            answer.set_result(report)

    def _say(self, say: Callable[[Frame], None], frame: Frame) -> None:
        """What is said in one turn of the event loop leaves together, at its end."""
        say(frame)
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """In the event loop: something is to be sent, or something came."""
        self._pumping = False
        if self._line is None:
            return
        try:
            self._line.pump()
        except Exception as error:  # noqa: BLE001  (the outermost frame here: whoever waits must hear of it)
            self._fail(_broken(error, self._identity.name))
        self._hear()

    def _watch(self, line: Line) -> None:
        """Watch the descriptor that the line has now, and no other."""
        if self._watched >= 0:
            self._loop.remove_reader(self._watched)
        self._watched = line.descriptor
        self._loop.add_reader(self._watched, self._pump)
        line.drop_worn_out()

    def _beat(self, line: Line) -> None:
        """The beating thread."""
        while not self._closing.wait(min(LONGEST_REST_S, line.rest_s())):
            try:
                if line.pump():
                    self._loop.call_soon_threadsafe(self._hear)
            except Exception as error:  # noqa: BLE001  (the thread's outermost frame, as above)
                with contextlib.suppress(RuntimeError):  # the event loop may be gone
                    self._loop.call_soon_threadsafe(self._fail, _broken(error, self._identity.name))
                return


def _broken(error: Exception, name: str) -> BusError:
    return BusError(f"the bus client broke: {error!r}", where=name)


def _resolve(future: asyncio.Future[None] | None, error: Exception | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
