"""What the witnesses say together: on which cases they agree, by how much, and where nothing is known. Pure.

A witness is a program written from the spec alone. Its outcomes on the cases are counted like votes: a case
is settled when one outcome leads every other by two (two witnesses that agree, or three against one). Where
code and test, which were written apart, agree against the witnesses it takes a lead of three, since two
programs of one model do misread a sentence alike at times. Who gives an outcome that depends on the language
it was computed in is not heard on that function at all: where its signs come from the language, the cases on
which both languages agree are right by accident only. A witness that breaks a value which the spec states is
heard no more, and on a function one that was outvoted there: what is left of its cases is counted again
without it. If there are not two left who were never outvoted, what is settled of the function was pieced
together from programs that are wrong somewhere, and counts for nothing. Stated values themselves are settled
without any vote. The implementation on trial and its tests are never witnesses. Next: `disputes.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from guildbus.agents.oracle.values import Json, agree, breaks_off, canonical

LEAST_WHOLE = 2
"""Witnesses of a function that were never outvoted on it."""
MOST = 0.9
"""The share of what is settled of a function on which such a witness must have given something."""
LEAD = 2
LEAD_IN_DOUBT = 3


@dataclass(frozen=True)
class Testimony:
    """One witness: what it is called, its language, and its outcome for each case, in order."""

    __test__ = False

    name: str
    language: str
    outcomes: tuple[Json, ...]

    def then(self, other: "Testimony") -> "Testimony":
        """What the same witness says of these cases, and of those behind them."""
        return Testimony(self.name, self.language, self.outcomes + other.outcomes)


@dataclass(frozen=True)
class Settled:
    """One case that is settled. `votes` agree, `against` do not; `stated`: the spec itself says it."""

    case: Json
    outcome: Json
    votes: tuple[str, ...]
    against: int = 0
    stated: bool = False


@dataclass(frozen=True)
class Dismissed:
    """A witness that is not heard, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Hearing:
    """The whole: what is settled, on which cases they disagree or say nothing, and who was dismissed.

    `voices` are, for each case that is split, the witnesses that give some value and no panic.
    """

    settled: tuple[Settled, ...]
    split: tuple[Json, ...]
    unheard: tuple[Json, ...]
    dismissed: tuple[Dismissed, ...] = ()
    voices: tuple[tuple[str, ...], ...] = ()


def hear(
    cases: Sequence[Json],
    testimonies: Iterable[Testimony],
    stated: Mapping[str, Json] | None = None,
    doubted: Collection[str] = (),
) -> Hearing:
    """Count the votes. `stated` is canonical case -> outcome, from the spec, for some of the cases.

    `doubted` are the subjects on which code and test agree with each other against witnesses.
    """
    stated = stated or {}
    heard, dismissed = [], []
    for testimony in testimonies:
        fault = _broken(cases, testimony, stated)
        if fault:
            dismissed.append(Dismissed(testimony.name, fault))
        else:
            heard.append(testimony)
    mute = {t.name: _silent(cases, t) for t in heard}
    settled: dict[int, Settled] = {
        index: Settled(case, known, ("the spec",), stated=True)
        for index, case in enumerate(cases)
        if (known := stated.get(canonical(case))) is not None
    }

    def asked(case: Json) -> list[Testimony]:
        return [t for t in heard if subject_of(case) not in mute[t.name]]

    while True:
        fresh: dict[int, Settled] = {}
        for index, case in enumerate(cases):
            votes = [(t.name, t.outcomes[index]) for t in asked(case)] if index not in settled else []
            lead = LEAD_IN_DOUBT if subject_of(case) in doubted else LEAD
            if (found := _vote(case, votes, lead)) is not None:
                fresh[index] = found
        if not fresh:
            break
        settled |= fresh
        for index, one in fresh.items():
            for t in asked(one.case):
                if is_vote(t.outcomes[index]) and not agree(one.outcome, t.outcomes[index]):
                    mute[t.name].add(subject_of(one.case))
    pieced = {
        subject
        for subject in {subject_of(one.case) for one in settled.values() if not one.stated}
        if sum(_gives_most(t, subject, settled) for t in heard if subject not in mute[t.name]) < LEAST_WHOLE
    }
    settled = {n: one for n, one in settled.items() if one.stated or subject_of(one.case) not in pieced}
    split: list[Json] = []
    voices: list[tuple[str, ...]] = []
    unheard: list[Json] = []
    for index, case in enumerate(cases):
        if index in settled:
            continue
        asked_of = heard if subject_of(case) in pieced else asked(case)
        spoken = [t for t in asked_of if is_vote(t.outcomes[index])]
        if spoken:
            split.append(case)
            voices.append(tuple(t.name for t in spoken if not breaks_off(t.outcomes[index])))
        else:
            unheard.append(case)
    return Hearing(
        tuple(settled[index] for index in sorted(settled)),
        tuple(split),
        tuple(unheard),
        tuple(dismissed),
        tuple(voices),
    )


def _gives_most(testimony: Testimony, subject: str, settled: Mapping[int, Settled]) -> bool:
    """Whether a witness votes on most of what is settled of a subject."""
    own = [index for index, one in settled.items() if subject_of(one.case) == subject and not one.stated]
    return sum(is_vote(testimony.outcomes[index]) for index in own) >= MOST * len(own)


def is_vote(outcome: Json) -> bool:
    """Whether an outcome says anything: a value, and one that does not depend on the language."""
    return "none" not in outcome and not outcome.get("divergent")


def signed_subjects(cases: Sequence[Json], testimonies: Iterable[Testimony]) -> frozenset[str]:
    """The subjects on which some witness depends on its language: on how it signs a remainder."""
    return frozenset(subject for testimony in testimonies for subject in _silent(cases, testimony))


def subject_of(case: Json) -> str:
    """The function or the type that a case is about."""
    return str(case["call"] if "call" in case else case["type"])


def _silent(cases: Sequence[Json], testimony: Testimony) -> set[str]:
    """The subjects on which a witness is not heard, since its outcomes depend on its language."""
    return {
        subject_of(case)
        for case, outcome in zip(cases, testimony.outcomes, strict=True)
        if outcome.get("divergent")
    }


def _broken(cases: Sequence[Json], testimony: Testimony, stated: Mapping[str, Json]) -> str:
    """The first stated value that a witness does not give; '' if it gives them all.

    Of what it gives no value at all it is not asked: it may have been written for other functions.
    """
    answered = {
        subject_of(case)
        for case, outcome in zip(cases, testimony.outcomes, strict=True)
        if "none" not in outcome
    }
    for case, outcome in zip(cases, testimony.outcomes, strict=True):
        known = stated.get(canonical(case))
        if known is None or subject_of(case) not in answered:
            continue
        if "none" in outcome or not agree(known, outcome):
            return (
                f"it gives {canonical(outcome)} for {canonical(case)}, and the spec says {canonical(known)}"
            )
    if not any(is_vote(outcome) for outcome in testimony.outcomes):
        return "it gives no value for any case"
    return ""


def _vote(case: Json, given: Sequence[tuple[str, Json]], lead: int) -> Settled | None:
    """The outcome that leads by `lead`; None if none does."""
    groups: list[tuple[Json, list[str]]] = []
    for name, outcome in given:
        if not is_vote(outcome):
            continue
        for group, names in groups:
            if agree(group, outcome):
                names.append(name)
                break
        else:
            groups.append((outcome, [name]))
    if not groups:
        return None
    groups.sort(key=lambda group: -len(group[1]))
    best, second = len(groups[0][1]), len(groups[1][1]) if len(groups) > 1 else 0
    if best - second < lead:
        return None
    against = sum(len(names) for _, names in groups[1:])
    return Settled(case, groups[0][0], tuple(groups[0][1]), against)
