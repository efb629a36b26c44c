"""The broker's mind, rule by rule: nothing grows for ever, and the same is decided twice."""

from guildbus.bus.events import Ack, Action, Bye, Credit, Nack, Store
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import TooMany
from routing_desk import Desk, packet


def test_names_that_come_once_leave_nothing_behind() -> None:
    desk = Desk(Limits(max_queues=10))
    me = desk.join("a")
    for number in range(50):
        visitor = desk.join(f"cli-{number}", role="operator")
        desk.publish(visitor, packet(f"m{number}", to=f"cli-{number}"))
        desk.tell(Credit(visitor, 1))
        desk.tell(Ack(visitor, f"m{number}", 1))
        desk.tell(Bye(visitor))
    assert [queue["role"] for queue in desk.routing.health(0)["queues"]] == ["a", "q", "operator"]
    desk.tell(Bye(me))
    assert [queue["role"] for queue in desk.routing.health(0)["queues"]] == ["q", "operator"]


def test_there_are_only_so_many_queues() -> None:
    desk = Desk(Limits(max_queues=4))
    me = desk.join("a")
    desk.publish(me, packet("m1", to="x"), packet("m2", to="y"))
    assert desk.codes() == []
    desk.publish(me, packet("m3", to="z"))
    assert desk.codes() == [TooMany.code]
    desk.join("b", role="another")
    assert desk.codes() == [TooMany.code]
    desk.join("b", role="x")
    assert desk.codes() == [TooMany.code]


def test_a_role_that_nobody_has_any_more_makes_room() -> None:
    desk = Desk(Limits(max_queues=2))
    desk.tell(Bye(desk.join("a", role="first")))
    desk.join("b", role="second")
    assert desk.codes() == []


def test_there_are_only_so_many_agents() -> None:
    desk = Desk(Limits(max_agents=2))
    desk.join("a")
    leaver = desk.join("b")
    desk.join("c")
    assert desk.codes() == [TooMany.code]
    desk.join("a", incarnation="2")
    assert desk.codes() == []
    desk.tell(Bye(leaver))
    desk.join("c")
    assert desk.codes() == []


def test_the_health_report_shows_some_of_what_is_in_hand() -> None:
    desk = Desk(Limits())
    me = desk.join("a", credit=50)
    desk.publish(me, *(packet(f"m{n}") for n in range(50)))
    report = desk.routing.health(0)
    assert len(report["agents"][0]["handling"]) == 10
    assert report["queues"][1]["leased"] == 50


def test_no_agent_has_more_in_hand_than_it_may() -> None:
    desk = Desk(Limits(max_credit=3))
    me = desk.join("a", credit=2)
    desk.publish(me, *(packet(f"m{n}") for n in range(10)))
    desk.tell(Credit(me, 100))
    assert len(desk.delivered()) == 1
    desk.tell(Ack(me, "m0", 1, credit=1))
    assert len(desk.delivered()) == 1


def test_timers_of_what_is_done_do_not_pile_up() -> None:
    desk = Desk(Limits())
    me = desk.join("a", credit=1)
    for number in range(5000):
        desk.publish(me, packet(f"m{number}", deadline=format_time(9.0)))
        desk.tell(Ack(me, f"m{number}", 1, credit=1))
    assert len(desk.routing._ledger.timers) < 1100


def test_the_same_events_are_decided_the_same() -> None:
    def told() -> list[Action]:
        desk = Desk(Limits(undertaker="planner"))
        me = desk.join("a", credit=1)
        desk.publish(me, *(packet(f"m{n}") for n in range(6)))
        desk.tell(Nack(me, "m0", 1, "c", "r", fatal=True, credit=3))
        return desk.out

    assert told() == told()
    assert any(isinstance(action, Store) for action in told()), "an obituary, with a name of its own"
