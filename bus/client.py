"""The ZeroMQ client: an asyncio face, and an I/O thread of its own behind it.

The thread owns the socket and the session (`session.py`), so that heartbeats go out while a handler
computes: a busy agent is alive, and its lease, not its heartbeat, says whether it makes progress.
Commands go to the thread through a queue and a wake-up socket; steps come back to the event loop.
"""

import asyncio
import queue
import socket as stdlib_socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import zmq

from guildbus.bus.curve import ClientKeys, require_keys, secure_client
from guildbus.bus.interface import AgentIdentity, Delivery, Inbox, next_delivery
from guildbus.bus.session import (
    ClientSession,
    Confirmed,
    Delivered,
    Denied,
    Fenced,
    Health,
    Reconnect,
    Request,
    Step,
    Transmit,
    Welcomed,
    Withdrawn,
    plain,
    request_of,
)
from guildbus.bus.tail import JournalReader
from guildbus.protocols import wire
from guildbus.protocols.errors import BusError, GuildbusError, ProtocolError
from guildbus.protocols.wire import Frame, Kind, Packet

LONGEST_REST_MS: Final = 1000


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
        self._commands: queue.SimpleQueue[Callable[[], list[Step]]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
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
        self._wake_in, self._wake_out = stdlib_socket.socketpair()
        self._wake_in.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"bus-{self._identity.name}", daemon=True)
        self._thread.start()
        try:
            await asyncio.wait_for(asyncio.shield(self._welcome), self._open_timeout_s)
        except TimeoutError:
            await self.close()
            raise BusError(
                f"no broker answered within {self._open_timeout_s:.0f} s",
                where=self._endpoint,
                remedy="`guildbus status` shows what runs",
            ) from None

    async def close(self) -> None:
        """Say BYE and end the thread."""
        if self._thread is None:
            return
        self._command(lambda: self._session.post(Frame(Kind.BYE, {})))
        self._closing.set()
        self._wake()
        await asyncio.to_thread(self._thread.join, 5)
        self._thread = None
        self._fail(BusError("closed", where=self._identity.name))
        self._wake_in.close()
        self._wake_out.close()
        if self._reader is not None:
            self._reader.close()

    async def publish(self, packet: Packet) -> None:
        """Return when the broker has the message durably."""
        wire.check_packet(packet, self._max_bytes)
        await self._confirm(Frame(Kind.PUBLISH, packet.envelope.to_header(), packet.body))

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
        self._command(lambda: self._session.post(Frame(Kind.RENEW, header)))

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
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._health.append(answer)
        self._command(lambda: self._session.post(Frame(Kind.HEARTBEAT, {"health": True})))
        return await asyncio.wait_for(answer, timeout_s)

    # -- between the event loop and the thread -----------------------------------------------

    async def _confirm(self, frame: Frame) -> None:
        if self._over is not None:
            raise self._over
        if self._thread is None:
            raise BusError("not open", where=self._identity.name)
        request = request_of(frame)
        confirmed: asyncio.Future[None] = self._loop.create_future()
        self._waiting[request] = confirmed
        self._command(lambda: self._session.submit(frame))
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

    def _command(self, command: Callable[[], list[Step]]) -> None:
        self._commands.put(command)
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except (BlockingIOError, OSError):
            # A full pipe is already a wake-up; a closed one has nobody left to wake.
            return

    def _tell(self, steps: Sequence[Step]) -> None:
        """In the event loop: hand the steps to whoever waits for them."""
        for step in steps:
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
                case Health(report):
                    while self._health:
                        answer = self._health.pop()
                        if not answer.done():
                            answer.set_result(report)

    # -- the I/O thread ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._converse()
        except Exception as error:  # noqa: BLE001  (the thread's outermost loop: whoever waits must hear of it)
            fatal = BusError(f"the bus client broke: {error!r}", where=self._identity.name)
            self._loop.call_soon_threadsafe(self._fail, fatal)

    def _converse(self) -> None:
        dealer = self._connect()
        poller = zmq.Poller()
        poller.register(self._wake_out, zmq.POLLIN)
        poller.register(dealer, zmq.POLLIN)
        steps = self._session.connect(time.monotonic())
        while True:
            steps += self._ready_steps(dealer)
            steps += self._session.tick(time.monotonic())
            if any(isinstance(step, Reconnect) for step in steps):
                poller.unregister(dealer)
                dealer.close(0)
                dealer = self._connect()
                poller.register(dealer, zmq.POLLIN)
            self._transmit(dealer, [step.frame for step in steps if isinstance(step, Transmit)])
            news = [step for step in steps if not isinstance(step, Transmit | Reconnect)]
            if news and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._tell, news)
            if self._closing.is_set() and self._commands.empty():
                break
            steps = []
            if any(ready is not dealer for ready, _ in poller.poll(self._rest_ms())):
                self._wake_out.recv(4096)
        dealer.close(200)

    def _rest_ms(self) -> int:
        """Until the session has something to do: each wake-up of an agent at rest costs processor time."""
        rest_ms = self._session.rest_s(time.monotonic()) * 1000
        return min(LONGEST_REST_MS, max(0, int(rest_ms) + 1))

    def _connect(self) -> zmq.Socket[bytes]:
        dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 200)
        dealer.setsockopt(zmq.RECONNECT_IVL, 50)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        secure_client(dealer, self._endpoint, self._keys)
        dealer.connect(self._endpoint)
        return dealer

    def _ready_steps(self, dealer: zmq.Socket[bytes]) -> list[Step]:
        steps: list[Step] = []
        while not self._commands.empty():
            steps += self._commands.get()()
        while True:
            try:
                frames = dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return steps
            try:
                for frame_set in wire.unpack_batch(frames):
                    steps += self._session.received(wire.parse(frame_set), time.monotonic())
            except ProtocolError:
                # A broker that talks nonsense is as good as silent: the session reconnects.
                continue

    def _transmit(self, dealer: "zmq.Socket[bytes]", frames: Sequence[Frame]) -> None:
        frame_sets = [wire.build(frame.kind, frame.header, frame.body) for frame in frames]
        if self._session.batches:
            frame_sets = wire.in_batches(frame_sets, min(wire.BATCH_BYTES, self._max_bytes))
        for frame_set in frame_sets:
            try:
                dealer.send_multipart(frame_set, zmq.NOBLOCK)
            except zmq.Again:
                # The pipe is full: what needs confirming stays in the session and is sent again.
                return


def _resolve(future: asyncio.Future[None] | None, error: Exception | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
