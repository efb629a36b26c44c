"""The fold: the same messages give the same state, and it tells what is known, asked for and lacking."""

import pytest

from guildbus.agents.run_state import FOLDED, fold
from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.build import BuildPlanned, BuildStopped
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed
from guildbus.protocols.messages.oracle import ReferenceProposed
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, spec_of

IMPL, TEST = "numkit.go", "numkit_test.go"


def test_a_run_without_a_plan_is_refused() -> None:
    run = Told.of(NUMKIT)
    with pytest.raises(InvalidBody, match="no plan"):
        fold(run.messages[:1])
    with pytest.raises(InvalidBody):
        fold([])


def test_a_plan_without_its_request_is_no_run() -> None:
    planned = next(m for m in Told.of(NUMKIT).messages if isinstance(m, BuildPlanned))
    with pytest.raises(InvalidBody):
        fold([planned])


def test_what_is_asked_for_is_outstanding_until_a_gate_answers() -> None:
    run = Told.of(NUMKIT)
    assert run.state.outstanding() == {(IMPL, "go-dev", 0), (TEST, "go-test", 0)}
    run.accept(IMPL, IMPLEMENTATION)
    assert run.state.outstanding() == {(TEST, "go-test", 0)}
    run.reject(TEST)
    assert run.state.outstanding() == frozenset()


def test_a_repair_is_outstanding_although_an_earlier_draft_was_answered() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE).verify()
    run.ask(IMPL)
    assert run.state.outstanding() == {(IMPL, "go-dev", 1)}
    assert run.state.round == 1


def test_lacking_names_the_files_of_the_stage_without_a_candidate() -> None:
    run = Told.of(NUMKIT).reject(IMPL).accept(TEST, SUITE)
    assert run.state.lacking(0) == (IMPL,)
    run.ask(IMPL).accept(IMPL, IMPLEMENTATION)
    assert run.state.lacking(0) == ()


def test_the_pool_keeps_every_accepted_candidate_in_order() -> None:
    run = Told.of(NUMKIT).accept(IMPL, "one", "two").ask(IMPL).accept(IMPL, "three")
    assert [one.content for _, one in run.state.pool(IMPL)] == ["one", "two", "three"]
    assert run.state.pool(TEST) == []


def test_the_best_is_the_newest_verification_and_its_tree() -> None:
    run = Told.of(NUMKIT).accept(IMPL, "old").accept(TEST, SUITE)
    assert run.state.best is None
    assert run.state.tree() == {}
    run.verify().ask(IMPL).accept(IMPL, "new").verify()
    assert run.state.best is run.messages[-1]
    assert run.state.tree()[IMPL].content == "new"


def test_sources_are_what_was_verified_else_the_first_candidate() -> None:
    run = Told.of(NUMKIT).accept(IMPL, "first", "second").accept(TEST, SUITE)
    assert run.state.sources("", tests=False) == {IMPL: "first"}
    assert run.state.sources("", tests=True) == {TEST: SUITE}
    run.ask(IMPL).accept(IMPL, "third").verify()
    assert run.state.sources("", tests=False) == {IMPL: "third"}


def test_sources_keep_to_their_folder() -> None:
    run = Told.of(
        spec_of(
            {"a/a.go": "package a. A() int gives 1.", "b/b.go": "package b. B() int gives 2."}, name="two"
        )
    )
    run.accept("a/a.go", "package a").verify().ask_for_stage(1).accept("b/b.go", "package b")
    assert run.state.stage == 1
    assert run.state.sources("a", tests=False) == {"a/a.go": "package a"}
    assert run.state.sources("", tests=False) == {}


def test_messages_of_other_types_change_nothing() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION)
    stop = BuildStopped(reason="stalled", diagnosis="")
    assert fold([*run.messages, stop]) == run.state
    assert type(stop) not in FOLDED


def test_only_the_folded_types_are_needed() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION).reject(TEST).ask(TEST).accept(TEST, SUITE).verify()
    run.witness("").add(FinishProposed(), FinishJudged(role="go-doc", kept=False))
    assert {type(message) for message in run.messages} > set(FOLDED)
    assert fold([message for message in run.messages if type(message) in FOLDED]) == run.state


def test_what_references_and_finishers_have_cost_is_among_the_tokens_once() -> None:
    run = Told.of(NUMKIT, examine=True)
    (calls,) = run.witness("").state.references
    proposal = FinishProposed(calls=(call(prompt_tokens=300), call(prompt_tokens=500)))
    run.add(proposal, proposal)
    assert run.state.tokens == calls.tokens + proposal.tokens == 140 + 880


def test_references_are_awaited_until_they_are_written() -> None:
    run = Told.of(NUMKIT, examine=True).witness("")
    proposed = next(m for m in run.messages if isinstance(m, ReferenceProposed))
    assert run.state.awaited() == []
    more = proposed.request.model_copy(update={"first": 2})
    assert run.add(more).state.awaited() == [more]
    assert run.add(proposed.model_copy(update={"request": more})).state.awaited() == []


def test_a_requeued_message_counts_once() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE).verify()
    twice = [message for message in run.messages for _ in range(2)]
    assert fold(twice) == run.state
