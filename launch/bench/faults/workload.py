"""An agent for the bench: the real client, a task that takes a moment, one result a message.

It works as docs/protocol.md asks of any agent, and no better: what it was told of damage and of its own
staleness stands on the board (`board.py`).
"""

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.launch.bench.faults.board import Board, Doing
from guildbus.launch.bench.faults.customer import keys_of
from guildbus.launch.bench.faults.pieces import result_of, undamaged
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols import ids
from guildbus.protocols.errors import BusError, GuildbusError, StaleAttempt


class Worker:
    """One agent process: its client, and its line on the board."""

    def __init__(self, bus: ZmqBus, board: Board, number: int, task_s: float) -> None:
        self._bus = bus
        self._board = board
        self._number = number
        self._task_s = task_s
        # The counts of a former worker in this slot are kept: the slot's sum is what the bench reads.
        self._slot = replace(board.read(number), pid=os.getpid(), doing=Doing.AWAY)

    def show(self, doing: Doing, **counts: int) -> None:
        """Put up what it does now."""
        self._slot = replace(self._slot, doing=doing, **counts)
        self._board.write(self._number, self._slot)

    async def run(self) -> None:
        """Take, work, answer, until the client is over."""
        while True:
            self.show(Doing.WAITING)
            delivery = await self._bus.receive()
            self.show(Doing.WORKING, taken=self._slot.taken + 1)
            await asyncio.sleep(random.uniform(0, 2 * self._task_s))
            self.show(Doing.ANSWERING)
            await self.answer(delivery)

    async def answer(self, delivery: Delivery) -> None:
        """One result for one message. A message that is not as it was made is seen, and has a result too."""
        if not undamaged(delivery.packet.body):
            self.show(Doing.ANSWERING, damaged=self._slot.damaged + 1)
        try:
            await self._bus.ack(delivery, [result_of(delivery.packet, self._bus.instance)])
        except StaleAttempt:
            self.show(Doing.ANSWERING, fenced=self._slot.fenced + 1)
        else:
            self.show(Doing.ANSWERING, handled=self._slot.handled + 1)


def run(
    say: Say,
    *,
    endpoint: str,
    name: str,
    role: str,
    board: str,
    number: int,
    task_s: float,
    credit: int,
    ring: str,
) -> None:
    """The child's target: an agent until it is killed, or until another incarnation has its name."""
    identity = AgentIdentity(name, role, ids.new_message_id()[-12:])
    random.seed(os.getpid())
    asyncio.run(_serve(say, endpoint, identity, Board(Path(board)), number, task_s, credit, ring))


async def _serve(
    say: Say,
    endpoint: str,
    identity: AgentIdentity,
    board: Board,
    number: int,
    task_s: float,
    credit: int,
    ring: str,
) -> None:
    board.write(number, replace(board.read(number), doing=Doing.AWAY))
    while True:
        bus = ZmqBus(endpoint, identity, credit=credit, keys=keys_of(ring, identity.name))
        try:
            await bus.open()
            break
        except BusError:
            # The broker may be away for longer than a client waits; the bench bounds the whole.
            continue
    say({"ready": identity.instance})
    try:
        await Worker(bus, board, number, task_s).run()
    except GuildbusError as error:
        say({"over": error.code})
        board.write(number, replace(board.read(number), doing=Doing.AWAY))
