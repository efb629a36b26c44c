"""What a message costs when many others wait in the same queue.

One agent fills its own queue without taking from it. A turn then takes from the front with 64 credits and
puts a new message at the back inside each ACK, so that the queue stays as long as it was: a message costs
one delivery, one settlement and one publication, all durable.
"""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgpack

from guildbus.launch.bench.bus.load import body_of
from guildbus.launch.bench.bus.thin import CREDIT, PUBLISH, Connection

NAME: Final = "deep"
SIZE_BYTES: Final = 256
CREDITS: Final = 64
UNCONFIRMED: Final = 2048
TOGETHER: Final = 64


def work(address: str, questions: Iterable[str], say: Callable[[dict[str, Any]], None]) -> None:
    """Answer `{"fill": messages}` and `{"turn_s": seconds}`, a line each."""
    agent = Connection(address, NAME, credit=0)
    say({"ready": True})
    for line in questions:
        question = json.loads(line)
        start = time.perf_counter()
        count = _fill(agent, question["fill"]) if "fill" in question else _turn(agent, question["turn_s"])
        say({"count": count, "seconds": time.perf_counter() - start})


def _fill(agent: Connection, messages: int) -> int:
    body = body_of(0, SIZE_BYTES)
    for number in range(messages):
        agent.open += 1
        agent.due(PUBLISH, agent.envelope(NAME, time.time()), body)
        if number % TOGETHER == 0:
            agent.flush()
            while agent.open > UNCONFIRMED:
                agent.receive()
    agent.flush()
    while agent.open:
        agent.receive()
    return messages


def _turn(agent: Connection, seconds: float) -> int:
    body = body_of(0, SIZE_BYTES)
    end = time.perf_counter() + seconds
    held, count = CREDITS, 0
    agent.due(CREDIT, {"amount": CREDITS})
    agent.flush()
    while held or agent.open:
        for delivery, _ in agent.receive():
            count += 1
            again = int(time.perf_counter() < end)
            held -= 1 - again
            successor = msgpack.packb(agent.envelope(NAME, time.time()))
            agent.acknowledge(delivery, msgpack.packb([successor, body]), credit=again)
        agent.flush()
    return count
