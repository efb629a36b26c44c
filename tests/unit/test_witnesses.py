"""Counting witnesses: a lead of two settles, the spec's own values need none, and order does not matter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.oracle.values import Json, agree, canonical
from guildbus.agents.oracle.witnesses import LEAD, Hearing, Testimony, hear, is_vote, signed_subjects

CASE: Json = {"call": "F", "args": [1]}
OTHER: Json = {"call": "F", "args": [2]}


def gives(value: Json) -> Json:
    return {"values": [value]}


def called(*outcomes: Json) -> list[Testimony]:
    """Witnesses with one outcome each."""
    return [Testimony(f"python-{n}", "python", (outcome,)) for n, outcome in enumerate(outcomes)]


def heard(*outcomes: Json) -> Hearing:
    return hear([CASE], called(*outcomes))


@pytest.mark.parametrize(
    ("given_", "votes", "against"),
    [
        ("aa", 2, 0),
        ("aaa", 3, 0),
        ("aaab", 3, 1),
        ("baaa", 3, 1),
        ("aabaa", 4, 1),
        ("aaaabbc", 4, 3),
    ],
)
def test_a_lead_of_two_settles(given_: str, votes: int, against: int) -> None:
    [one] = heard(*map(gives, given_)).settled
    assert one.outcome == gives("a")
    assert (len(one.votes), one.against, one.stated) == (votes, against, False)


@pytest.mark.parametrize("given_", ["a", "ab", "aab", "aabb", "aaabb", "abc"])
def test_less_than_a_lead_of_two_is_split(given_: str) -> None:
    found = heard(*map(gives, given_))
    assert (found.settled, found.split, found.unheard) == ((), (CASE,), ())


@pytest.mark.parametrize(
    ("given_", "settled"), [("aa", False), ("aaa", True), ("aaab", False), ("aaaab", True), ("aaaabc", True)]
)
def test_in_doubt_it_takes_a_lead_of_three(given_: str, settled: bool) -> None:
    witnesses = called(*map(gives, given_))
    assert bool(hear([CASE], witnesses, doubted={"F"}).settled) == settled
    assert hear([CASE], witnesses, doubted={"G"}) == hear([CASE], witnesses)


def test_who_leads_by_two_only_silences_nobody_in_doubt() -> None:
    """Two of four read a sentence alike and wrongly; a third errs in its own way on the first case."""
    outcomes = [("x", "x"), ("x", "x"), ("x", "y"), ("y", "y")]
    witnesses = [
        Testimony(f"python-{n}", "python", tuple(map(gives, given_))) for n, given_ in enumerate(outcomes)
    ]
    assert [one.case for one in hear([CASE, OTHER], witnesses).settled] == [CASE]
    assert hear([CASE, OTHER], witnesses, doubted={"F"}).settled == ()


def test_what_programs_that_are_all_wrong_somewhere_piece_together_counts_for_nothing() -> None:
    cases = [{"call": "F", "args": [n]} for n in range(4)] + [{"call": "G", "args": [0]}]
    told = ["xaaas", "axaas", "aaxas", "aaaxs"]
    witnesses = [
        Testimony(f"python-{n}", "python", tuple(gives(char) for char in given_))
        for n, given_ in enumerate(told)
    ]
    found = hear(cases, witnesses)
    assert [one.case for one in found.settled] == [cases[-1]], "G stands by itself"
    assert found.split == tuple(cases[:-1])
    right = [Testimony(f"go-{n}", "go", tuple(gives(char) for char in "aaaas")) for n in range(2)]
    assert len(hear(cases, [*witnesses, right[0]]).settled) == 1, "who agrees with it all is one of a kind"
    assert len(hear(cases, [*witnesses, *right]).settled) == len(cases)


def test_one_witness_alone_settles_nothing() -> None:
    assert LEAD == 2
    assert heard(gives(1)).settled == ()


def test_whose_outcomes_depend_on_the_language_s_signs_are_told_apart_by_subject() -> None:
    cases = [{"call": "F", "args": [1]}, {"call": "G", "args": [1]}]
    signed = Testimony("a", "python", ({"values": [-1], "divergent": True}, gives(1)))
    plain = Testimony("b", "python", (gives(1), gives(1)))
    assert signed_subjects(cases, [plain, signed]) == {"F"}
    assert signed_subjects(cases, [plain]) == frozenset()


def test_no_value_and_a_divergent_one_are_no_votes() -> None:
    divergent = {"values": [1], "divergent": True}
    assert is_vote(gives(1))
    assert not is_vote(divergent)
    assert not is_vote({"none": "it failed"})
    assert heard(gives(1), divergent, divergent, {"none": "why"}).split == (CASE,)
    [one] = heard(gives(1), gives(1), divergent).settled
    assert one.votes == ("python-0", "python-1")


def test_who_depends_on_the_language_is_not_heard_on_that_function_at_all() -> None:
    """GCD that loses its absolute value: where the signs differ, Python's `%` hides it."""
    both, mixed, elsewhere = ({"call": name, "args": [n]} for name, n in (("GCD", 1), ("GCD", 2), ("LCM", 1)))
    lost = [
        Testimony(n, "python", (gives(-4), {"values": [4], "divergent": True}, gives(7))) for n in ("a", "b")
    ]
    found = hear([both, mixed, elsewhere], lost)
    assert (found.unheard, found.split) == ((both, mixed), ())
    assert [s.case for s in found.settled] == [elsewhere]
    kept = [Testimony(n, "python", (gives(4), gives(4), gives(7))) for n in ("c", "d")]
    found = hear([both, mixed, elsewhere], [*lost, *kept])
    assert [s.outcome for s in found.settled] == [gives(4), gives(4), gives(7)]
    assert [len(s.votes) for s in found.settled] == [2, 2, 4]


def test_who_was_outvoted_on_a_function_is_not_heard_on_the_rest_of_it() -> None:
    cases: list[Json] = [{"call": "F", "args": [n]} for n in (1, 2)] + [{"call": "G", "args": [1]}]
    names = ("a", "b", "c", "d")
    rows = zip((4, 4, 4, 9), (5, 5, 6, 6), (7, 7, 8, 8), strict=True)
    given_ = [Testimony(n, "python", tuple(map(gives, row))) for n, row in zip(names, rows, strict=True)]
    found = hear(cases, given_)
    assert [one.outcome for one in found.settled] == [gives(4)], "five and six have two votes each"
    rows = zip((4, 4, 4, 4, 9), (5, 5, 5, 6, 6), (7, 7, 8, 8, 8), strict=True)
    given_ = [
        Testimony(n, "python", tuple(map(gives, row))) for n, row in zip((*names, "e"), rows, strict=True)
    ]
    found = hear(cases, given_)
    assert [one.outcome for one in found.settled] == [gives(4), gives(5)], "without e it is three to one"
    assert found.split == (cases[2],), "on G nobody was outvoted"


def test_witnesses_of_no_value_at_all_are_dismissed() -> None:
    found = heard({"none": "SyntaxError"}, gives(1), gives(1))
    assert [(d.name, d.reason) for d in found.dismissed] == [("python-0", "it gives no value for any case")]
    assert found.settled[0].votes == ("python-1", "python-2")


def test_a_witness_that_breaks_a_stated_value_is_not_heard_on_anything() -> None:
    stated = {canonical(CASE): gives(5)}
    wrong = Testimony("python-0", "python", (gives(4), gives(9)))
    right = [Testimony(f"python-{n}", "python", (gives(5), gives(7))) for n in (1, 2)]
    also_wrong = Testimony("python-3", "python", (gives(4), gives(9)))
    found = hear([CASE, OTHER], [wrong, also_wrong, *right], stated)
    assert [d.name for d in found.dismissed] == ["python-0", "python-3"]
    assert "the spec says" in found.dismissed[0].reason
    assert [(s.case, s.outcome, s.stated) for s in found.settled] == [
        (CASE, gives(5), True),
        (OTHER, gives(7), False),
    ]
    assert found.settled[1].votes == ("python-1", "python-2")
    assert found.settled[1].against == 0


def test_a_witness_without_a_value_for_a_stated_case_is_dismissed() -> None:
    found = hear([CASE], called({"none": "too slow"}), {canonical(CASE): gives(5)})
    assert [d.name for d in found.dismissed] == ["python-0"]


def test_what_the_spec_states_is_settled_without_any_witness_and_against_all_of_them() -> None:
    stated = {canonical(CASE): gives(5)}
    for witnesses in ([], called(gives(4), gives(4), gives(4))):
        [one] = hear([CASE], witnesses, stated).settled
        assert (one.outcome, one.votes, one.stated) == (gives(5), ("the spec",), True)


def test_floats_and_nameless_errors_vote_together() -> None:
    [one] = heard(gives(0.1 + 0.2), gives(0.3)).settled
    assert len(one.votes) == 2
    [one] = heard({"values": [{"error": ""}]}, {"values": [{"error": "ErrX"}]}).settled
    assert len(one.votes) == 2


outcomes = st.sampled_from(
    [gives(n) for n in range(3)]
    + [{"none": "why"}, {"values": [0], "divergent": True}, {"values": [{"error": "ErrA"}]}, {"panic": True}]
)
benches = st.integers(1, 3).flatmap(
    lambda cases: st.lists(st.tuples(*[outcomes] * cases), min_size=0, max_size=7)
)


def bench_of(rows: list[tuple[Json, ...]]) -> tuple[list[Json], list[Testimony]]:
    cases = [{"call": "F", "args": [n]} for n in range(len(rows[0]) if rows else 2)]
    return cases, [Testimony(f"w{n}", "python", row) for n, row in enumerate(rows)]


def known(found: Hearing) -> dict[str, Json]:
    return {canonical(one.case): one.outcome for one in found.settled}


@settings(deadline=None)
@given(rows=benches, data=st.data(), state=st.booleans())
def test_the_order_of_the_witnesses_settles_nothing_else(
    rows: list[tuple[Json, ...]], data: st.DataObject, state: bool
) -> None:
    cases, witnesses = bench_of(rows)
    stated = {canonical(cases[0]): gives(0)} if state else {}
    shuffled = data.draw(st.permutations(witnesses))
    one, two = hear(cases, witnesses, stated), hear(cases, shuffled, stated)
    assert known(one) == known(two)
    assert (one.split, one.unheard) == (two.split, two.unheard)
    assert set(one.dismissed) == set(two.dismissed)
    assert {(canonical(s.case), frozenset(s.votes), s.against) for s in one.settled} == {
        (canonical(s.case), frozenset(s.votes), s.against) for s in two.settled
    }


@settings(deadline=None)
@given(rows=benches)
def test_every_case_is_settled_split_or_unheard(rows: list[tuple[Json, ...]]) -> None:
    cases, witnesses = bench_of(rows)
    found = hear(cases, witnesses)
    assert len(found.settled) + len(found.split) + len(found.unheard) == len(cases)


@settings(deadline=None)
@given(rows=benches)
def test_a_witness_more_that_agrees_never_unsettles(rows: list[tuple[Json, ...]]) -> None:
    cases, witnesses = bench_of(rows)
    before = hear(cases, witnesses)
    settled = known(before)
    agreeing = tuple(settled.get(canonical(case), {"none": "no idea"}) for case in cases)
    after = known(hear(cases, [*witnesses, Testimony("one-more", "go", agreeing)]))
    for text, outcome in settled.items():
        assert agree(after[text], outcome)


@settings(deadline=None)
@given(rows=benches)
def test_the_winner_leads_and_its_voters_gave_it(rows: list[tuple[Json, ...]]) -> None:
    cases, witnesses = bench_of(rows)
    by_name = {witness.name: witness for witness in witnesses}
    for one in hear(cases, witnesses).settled:
        index = cases.index(one.case)
        assert len(one.votes) >= LEAD
        for name in one.votes:
            assert agree(by_name[name].outcomes[index], one.outcome)
