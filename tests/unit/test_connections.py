"""Connections and mistakes are counted: who has spoken goes last, and no ghost is hung up on."""

from hypothesis import given
from hypothesis import strategies as st

from guildbus.bus.callers import COSTS, Caller
from guildbus.bus.connections import Connections


def test_over_the_limit_goes_who_has_been_silent_longest() -> None:
    found = Connections(3)

    def come(fd: int) -> list[int]:
        found.accepted(fd)
        return found.surplus()

    assert [come(fd) for fd in (1, 2, 3)] == [[], [], []]
    found.spoke(1, b"one")
    assert come(4) == [2]
    assert come(5) == [3]
    found.spoke(4, b"four")
    found.spoke(5, b"five")
    assert come(6) == [6]
    assert found.left(1) == b"one"
    assert come(7) == []


def test_a_number_that_is_used_again_is_another_connection() -> None:
    found = Connections(3)
    found.accepted(9)
    found.spoke(9, b"first")
    assert found.belongs(9, b"first")
    assert found.left(9) == b"first"
    assert not found.belongs(9, b"first")
    found.accepted(9)
    found.spoke(9, b"second")
    assert not found.belongs(9, b"first")
    assert found.left(9) == b"second"
    assert found.left(9) is None


def test_what_a_former_connection_left_behind_is_not_the_new_ones() -> None:
    found = Connections(3)
    found.accepted(9)
    assert found.left(9) is None
    found.accepted(9)
    found.accepted(8)
    assert not found.spoke(9, b"ghost")
    assert not found.belongs(9, b"ghost")
    found.drained()
    assert not found.spoke(9, b"ghost")
    found.drained()
    found.accepted(7)
    found.accepted(6)
    assert found.surplus() == [8], "a number that may have spoken is not silent"
    assert found.spoke(9, b"second")
    assert not found.spoke(9, b"ghost")
    assert found.belongs(9, b"second")
    assert not found.spoke(5, b"never accepted")


class TestPatience:
    def test_a_hundred_mistakes_at_once_are_too_much(self) -> None:
        caller = Caller(1, "")
        assert [caller.charge("protocol.frame", 5.0) for _ in range(100)] == [False] * 99 + [True]

    def test_a_mistake_a_second_is_borne_for_ever(self) -> None:
        caller = Caller(1, "")
        assert not any(caller.charge("protocol.not_allowed", float(at)) for at in range(10_000))

    def test_what_the_honest_get_in_numbers_costs_little_and_a_full_queue_nothing(self) -> None:
        caller = Caller(1, "")
        assert not any(caller.charge("protocol.no_session", 0.0) for _ in range(1999))
        assert not any(caller.charge("protocol.queue_full", 0.0) for _ in range(10_000))
        assert caller.charge("protocol.stale_attempt", 0.0)

    @given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(sorted(COSTS)))))
    def test_points_are_never_negative_and_a_clock_that_stands_still_forgives_nothing(
        self, moves: list[tuple[float, str]]
    ) -> None:
        caller = Caller(1, "")
        for now, code in moves:
            caller.charge(code, now)
            assert caller.points >= COSTS[code]
        before = caller.points
        caller.charge("protocol.frame", caller.charged_at)
        assert caller.points == before + COSTS["protocol.frame"]


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["come", "speak", "go"]), st.integers(0, 8))))
def test_the_limit_is_kept_and_nobody_who_spoke_is_cut_for_a_newcomer(
    limit: int, moves: list[tuple[str, int]]
) -> None:
    found = Connections(limit)
    there: set[int] = set()
    spoken: set[int] = set()
    for move, fd in moves:
        if move == "come" and fd not in there:
            there.add(fd)
            found.accepted(fd)
            cut = found.surplus()
            assert len(cut) == max(0, len(there) - limit)
            assert not spoken & set(cut)
            there -= set(cut)
        elif move == "speak" and fd in there:
            assert found.spoke(fd, bytes([fd]))
            assert not found.spoke(fd, b"another")
            spoken.add(fd)
        elif move == "go":
            found.left(fd)
            found.drained()
            found.drained()
            there.discard(fd)
            spoken.discard(fd)
        assert len(there) <= limit
        assert all(found.belongs(fd, bytes([fd])) == (fd in spoken) for fd in there)
