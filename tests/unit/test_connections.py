"""Counting connections: the limit is kept, and who has spoken goes last."""

from hypothesis import given
from hypothesis import strategies as st

from guildbus.bus.connections import Connections


def test_over_the_limit_goes_who_has_been_silent_longest() -> None:
    found = Connections(3)
    assert [found.accepted(fd) for fd in (1, 2, 3)] == [None, None, None]
    found.spoke(1, b"one")
    assert found.accepted(4) == 2
    assert found.accepted(5) == 3
    found.spoke(4, b"four")
    found.spoke(5, b"five")
    assert found.accepted(6) == 6
    assert found.left(1) == b"one"
    assert found.accepted(7) is None


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
            cut = found.accepted(fd)
            assert (cut is None) == (len(there) <= limit)
            if cut is not None:
                assert cut not in spoken
                there.discard(cut)
        elif move == "speak" and fd in there:
            found.spoke(fd, bytes([fd]))
            spoken.add(fd)
        elif move == "go":
            found.left(fd)
            there.discard(fd)
            spoken.discard(fd)
        assert len(there) <= limit
        assert all(found.belongs(fd, bytes([fd])) == (fd in spoken) for fd in there)
