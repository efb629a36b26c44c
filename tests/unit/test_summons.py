"""Calling for more witnesses: who comes next, what is said to them, and the budget."""

import pytest

from guildbus.agents.budget import LEAST_ANSWER_TOKENS, prompt_tokens
from guildbus.agents.oracle import summons
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.reference_prompt import reference_prompt
from guildbus.protocols.messages.oracle import ReferenceProposed, ReferenceRequested
from testimony import request
from told import NUMKIT, Told, call


def record(*told: object) -> OracleRecord:
    return Told.of(NUMKIT).add(*told).record  # type: ignore[arg-type]


def test_more_witnesses_come_in_python_first_then_in_go_and_then_no_more() -> None:
    told: list[ReferenceRequested] = []
    assert summons.more(record(), "", None) is None, "nobody was ever asked"
    told.append(request(summons.FIRST_SAMPLES))
    drawn: list[tuple[str, int]] = []
    while (following := summons.more(record(*told), "", None)) is not None:
        told.append(following)
        drawn += [(following.language, following.first + n) for n in range(following.count)]
        assert len(told) < 10
    assert len(set(drawn)) == len(drawn), "no sample is drawn twice"
    assert [language for language, _ in drawn] == ["python"] * (summons.MOST_PYTHON - 2) + [
        "go"
    ] * summons.MOST_GO
    assert min(n for language, n in drawn if language == "python") == 2
    assert summons.more(record(*told), "elsewhere", None) is None


def test_in_doubt_two_more_in_python_come_before_those_in_go() -> None:
    told = record(request(summons.MOST_PYTHON))
    sure, in_doubt = summons.more(told, "", None), summons.more(told, "", None, in_doubt=True)
    assert sure is not None
    assert in_doubt is not None
    assert (sure.language, sure.first) == ("go", 0)
    assert (in_doubt.language, in_doubt.first) == ("python", summons.MOST_PYTHON)


@pytest.mark.parametrize("kind", ["signs", "unheeded"])
def test_the_next_programs_hear_what_the_first_forgot(kind: str) -> None:
    told = record(request(summons.FIRST_SAMPLES))
    for about, names, heard in (
        ((), ("GCD", "Box"), ("Box", "GCD")),
        (("GCD",), ("GCD", "Box"), ("GCD",)),
        (("GCD",), (), ()),
    ):
        forgotten = summons.Forgotten(**{kind: frozenset(names)})
        following = summons.more(told, "", None, about, forgotten)
        assert following is not None
        assert getattr(following, kind) == heard


def test_what_was_forgotten_once_is_said_to_all_later_programs() -> None:
    first = request(summons.FIRST_SAMPLES)
    told = record(first, first.model_copy(update={"first": 2, "signs": ("GCD",), "unheeded": ("Box",)}))
    following = summons.more(told, "", None, in_doubt=True)
    assert following is not None
    assert (following.signs, following.unheeded) == (("GCD",), ("Box",))
    other = summons.more(told, "", None, ("GCD",))
    assert other is not None
    assert (other.signs, other.unheeded) == (("GCD",), ())


def test_programs_that_are_not_heard_for_what_they_forgot_do_not_use_up_the_number() -> None:
    told = record(request(summons.MOST_PYTHON))
    more = summons.more(told, "", None, ("GCD",), summons.Forgotten(unheeded=frozenset({"GCD"})))
    other = summons.more(told, "", None, ("GCD",), summons.Forgotten(unheeded=frozenset({"Box"})))
    assert more is not None
    assert other is not None
    assert (more.language, more.first, other.language) == ("python", summons.MOST_PYTHON, "go")
    last = record(request(summons.MOST_PYTHON + summons.MORE_FOR_THE_FORGETFUL))
    then = summons.more(last, "", None, ("GCD",), summons.Forgotten(unheeded=frozenset({"GCD"})))
    assert then is not None
    assert then.language == "go"


@pytest.mark.parametrize("given", [None, 3000])
def test_more_witnesses_spend_no_more_than_what_the_run_has_left(given: int | None) -> None:
    first = request(summons.FIRST_SAMPLES).model_copy(update={"max_tokens": given})
    told = record(first, ReferenceProposed(request=first, programs=(), calls=(call(),)))
    following = summons.more(told, "", 2500)
    assert following is not None
    assert following.max_tokens == 2500
    least = prompt_tokens(reference_prompt(following, following.first)) + LEAST_ANSWER_TOKENS
    assert summons.more(told, "", least) is not None
    assert summons.more(told, "", least - 1) is None
    assert summons.more(told, "", -700) is None
