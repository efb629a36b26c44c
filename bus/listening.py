"""The broker's ear: what comes in, one frame set at a time, and the answer to what cannot be understood.

`broker.py` decides what an event comes to; the bytes are read by `protocols/wire.py` and `reading.py`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from guildbus.bus import reading
from guildbus.bus.door import Door
from guildbus.bus.events import Hello, Peer, PeerEvent
from guildbus.bus.late_log import LateLog, worth_a_line
from guildbus.bus.letters import refusal_header
from guildbus.bus.outbox import Outbox
from guildbus.protocols import wire
from guildbus.protocols.errors import GuildbusError, ProtocolError
from guildbus.protocols.wire import Kind

TURN_FRAMES: Final = 512


class Listener:
    """Hears through the door, and refuses through the outbox."""

    def __init__(self, door: Door, outbox: Outbox, max_bytes: int) -> None:
        self._door = door
        self._outbox = outbox
        self._max_bytes = max_bytes
        self._unheard: deque[tuple[Peer, list[bytes]]] = deque()
        self._log = LateLog("broker")

    @property
    def waiting(self) -> bool:
        """Whether there is something that came in and was not heard yet."""
        return bool(self._unheard)

    def received(self) -> Iterator[tuple[Peer, list[bytes]]]:
        """The frame sets that are ready, but no more than make a turn; each one of a BATCH by itself.

        Whoever stops listening in the middle of a BATCH hears the rest of it next time.
        """
        self._door.attend()
        count = 0
        while True:
            while self._unheard:
                peer, frames = self._unheard.popleft()
                if not self._door.is_shut(peer):
                    yield peer, frames
            if count >= TURN_FRAMES or not self._door.has_more():
                return
            received = self._door.receive()
            count += 1
            if received is None:
                continue
            peer, frames = received
            try:
                frame_sets = wire.unpack_batch(frames, self._max_bytes)
            except ProtocolError as error:
                self.refuse(peer, frames, error)
                continue
            count += len(frame_sets)
            self._unheard.extend((peer, frame_set) for frame_set in frame_sets)

    def event(self, peer: Peer, frames: list[bytes], knows: Callable[[str], bool]) -> PeerEvent:
        """What a frame set means. Raises ProtocolError; `knows`: whether an id was stored before."""
        event = reading.event_of(peer, wire.parse(frames, self._max_bytes), knows)
        if isinstance(event, Hello):
            self._door.check(event)
        return event

    def refuse(self, peer: Peer, frames: list[bytes], error: GuildbusError) -> None:
        """Count it, and answer with an ERROR that names the request."""
        self._door.offended(peer, error.code)
        if worth_a_line(self._door.refused[error.code]):
            self._log.warning("frame_refused", code=error.code, what=error.what, where=error.where)
        header = refusal_header(error, reading.refused_subject(frames))
        self._outbox.add(peer, wire.build(Kind.ERROR, header))
