"""Whom a build waits for when its run has ended: open notices, and open messages that came of one."""

from dataclasses import replace

from guildbus.bus.notices import NOTICE
from guildbus.bus.records import ANNOUNCED, OPEN, SETTLED
from guildbus.bus.tail import Stored
from guildbus.launch.bystanders import still_hearing
from routing_desk import packet


def stored(seq: int, state: int, name: str, to: str | None, cause: str | None, kind: str = "x.v1") -> Stored:
    one = packet(name, to, type=kind, causationid=cause)
    return Stored(seq, state, replace(one, envelope=replace(one.envelope, seq=seq)))


def test_open_notices_and_what_came_of_settled_ones_are_waited_for() -> None:
    run = [
        stored(1, SETTLED, "request", "planner", None),
        stored(2, OPEN, "n", "ear", "request", NOTICE),
        stored(3, SETTLED, "o", "eye", "request", NOTICE),
        stored(4, OPEN, "question", "sage", "o"),
        stored(5, SETTLED, "asked", "other", "o"),
        stored(6, OPEN, "asked on", "third", "asked"),
    ]
    assert still_hearing(run) == ["ear", "sage", "third"]


def test_nothing_else_of_a_run_is_waited_for() -> None:
    run = [
        stored(1, OPEN, "request", "planner", None),
        stored(2, SETTLED, "n", "ear", "request", NOTICE),
        stored(3, ANNOUNCED, "said", None, "n"),
    ]
    assert still_hearing(run) == []
