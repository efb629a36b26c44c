"""The token budget: counted from history, shared out by who asks, never overspent by drafts side by side."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.budget import (
    LEAST_ANSWER_TOKENS,
    least_cost,
    prompt_tokens,
    reference_within,
    shared,
    shared_beside,
    tokens_left,
    within,
)
from guildbus.agents.ladder import after_red, after_rejection
from guildbus.agents.oracle.reference_prompt import reference_prompt
from guildbus.agents.planner import references
from guildbus.agents.prompting import Prompt, prompt_for
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftAccepted, DraftRejected, DraftRequested
from guildbus.protocols.messages.oracle import ReferenceProposed, ReferenceRequested
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, failure

IMPL, TEST = "numkit.go", "numkit_test.go"


def prompt(size: int, max_tokens: int = 500) -> Prompt:
    return Prompt("s", "x" * size, (), 0.1, 1, max_tokens, ())


def spending(run: Told, tokens: int) -> Told:
    """The newest answer of a gate cost this much."""
    answer = run.messages[-1]
    assert isinstance(answer, DraftAccepted | DraftRejected)
    run.messages[-1] = answer.model_copy(update={"tokens": tokens})
    return run


def test_a_begun_reply_is_counted_with_the_prompt() -> None:
    assert prompt_tokens(replace(prompt(30), begun="y" * 300)) == prompt_tokens(prompt(330))


def test_without_a_limit_nothing_is_bounded() -> None:
    run = Told.of(NUMKIT)
    assert tokens_left(run.state) is None
    requests = run.state.requests
    assert shared(run.state, requests) == requests
    assert within([prompt(9), prompt(9)], None) == [prompt(9), prompt(9)]


def test_what_is_left_is_the_limit_less_what_is_spent_and_what_is_promised() -> None:
    run = Told.of(NUMKIT, max_tokens=10_000)
    shares = shared(run.state, run.state.requests)
    assert shares is not None
    assert [request.max_tokens for request in shares] == [5000, 5000]
    run.messages[-2:] = shares
    assert tokens_left(run.state) == 0
    spending(run.accept(IMPL, IMPLEMENTATION), 1200)
    assert (run.state.tokens, tokens_left(run.state)) == (1200, 10_000 - 1200 - 5000)
    spending(run.reject(TEST), 300)
    assert (run.state.tokens, tokens_left(run.state)) == (1500, 8500)


def test_a_share_that_buys_no_answer_is_not_given() -> None:
    requests = Told.of(NUMKIT).state.requests
    least = max(least_cost(request) for request in requests)
    enough, short = Told.of(NUMKIT, max_tokens=2 * least), Told.of(NUMKIT, max_tokens=2 * least - 2)
    assert shared(enough.state, []) == []
    for run, given_out in ((enough, True), (short, False)):
        run.messages[-2:] = []
        assert (shared(run.state, requests) is not None) is given_out


def staged(max_tokens: int | None) -> list[tuple[str, int | None]] | None:
    """What the first stage of an examined build asks for: who, and with what share."""
    state = Told.of(NUMKIT, examine=True, max_tokens=max_tokens).state
    drafts, state.requests = state.requests, []
    asked = shared_beside(state, drafts, references(state, 0))
    if asked is None:
        return None
    assert all(isinstance(one, DraftRequested | ReferenceRequested) for one in asked)
    return [(str(one.recipient), getattr(one, "max_tokens", None)) for one in asked]


def test_references_have_a_share_of_their_own_beside_the_drafts() -> None:
    assert staged(30_000) == [("reference", 10_000), ("go-dev", 10_000), ("go-test", 10_000)]
    assert staged(None) == [("reference", None), ("go-dev", None), ("go-test", None)]


def test_references_are_left_out_where_the_drafts_need_all_that_is_left() -> None:
    drafts = Told.of(NUMKIT).state.requests
    least = max(least_cost(request) for request in drafts)
    assert staged(3 * least) == [("reference", least), ("go-dev", least), ("go-test", least)]
    assert staged(3 * least - 1) == [(one, (3 * least - 1) // 2) for one in ("go-dev", "go-test")]
    assert staged(2 * least - 1) is None


def test_references_that_are_being_written_may_still_spend_their_share() -> None:
    run = Told.of(NUMKIT, examine=True, max_tokens=30_000)
    drafts, run.messages[-2:] = run.state.requests, []
    asked = shared_beside(run.state, drafts, references(run.state, 0))
    assert asked is not None
    assert tokens_left(run.add(*asked).state) == 0
    request = asked[0]
    assert isinstance(request, ReferenceRequested)
    run.add(ReferenceProposed(request=request, programs=(), calls=(call(prompt_tokens=1960),)))
    assert (run.state.tokens, tokens_left(run.state)) == (2000, 8000)
    spending(run.reject(IMPL), 500)
    assert tokens_left(run.state) == 17_500
    more = request.model_copy(update={"first": 2, "max_tokens": 17_000})
    assert tokens_left(run.add(more).state) == 500


def test_a_reference_is_asked_for_only_where_an_answer_can_be_paid() -> None:
    (request,) = references(Told.of(NUMKIT, examine=True).state, 0)
    least = prompt_tokens(reference_prompt(request, 0)) + LEAST_ANSWER_TOKENS
    assert reference_within(request, None) == request
    assert reference_within(request, least) == request.model_copy(update={"max_tokens": least})
    assert reference_within(request, least - 1) is None


def test_a_repair_that_cannot_be_paid_stops_the_run_and_says_spent_and_limit() -> None:
    run = Told.of(NUMKIT, max_tokens=2000)
    spending(run.accept(IMPL, IMPLEMENTATION), 900)
    spending(run.accept(TEST, SUITE), 1034)
    run.verify(failures=(failure(),))
    (stopped,) = after_red(run.state, run.record, run.found)
    assert isinstance(stopped, BuildStopped)
    assert stopped.reason == "tokens"
    assert "1,934 of 2,000 tokens" in stopped.diagnosis
    assert "GCD(0, 5)" in stopped.diagnosis
    run = Told.of(NUMKIT, max_tokens=1000).accept(TEST, SUITE)
    spending(run.reject(IMPL), 999)
    rejected = run.state.rejected[-1]
    (stopped,) = after_rejection(run.state, run.record, rejected)
    assert isinstance(stopped, BuildStopped)
    assert stopped.reason == "tokens"
    assert "999 of 1,000 tokens" in stopped.diagnosis


def test_a_repair_gets_all_that_is_left() -> None:
    run = Told.of(NUMKIT, max_tokens=20_000)
    spending(run.accept(IMPL, IMPLEMENTATION), 2000)
    spending(run.accept(TEST, SUITE), 1000)
    run.verify(failures=(failure(),))
    (asked,) = after_red(run.state, run.record, run.found)
    assert not isinstance(asked, BuildStopped)
    assert asked.max_tokens == 17_000
    assert prompt_for(asked, 0) == prompt_for(asked.model_copy(update={"max_tokens": None}), 0)


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 3000)), min_size=1, max_size=8),
    st.integers(0, 20_000),
)
def test_the_calls_of_a_draft_stay_within_its_share(sizes: list[tuple[int, int]], share: int) -> None:
    prompts = [prompt(size, longest) for size, longest in sizes]
    kept = within(prompts, share)
    assert 1 <= len(kept) <= len(prompts)
    assert all(one.max_tokens <= asked.max_tokens for one, asked in zip(kept, prompts, strict=False))
    assert [one.user for one in kept] == [asked.user for asked in prompts[: len(kept)]]
    if prompt_tokens(prompts[0]) + LEAST_ANSWER_TOKENS <= share:
        assert sum(prompt_tokens(one) + one.max_tokens for one in kept) <= share
    if len(kept) < len(prompts):
        more = prompts[: len(kept) + 1]
        assert share // len(more) - max(map(prompt_tokens, more)) < LEAST_ANSWER_TOKENS
