"""What counts as a difference between a recorded message and a replayed one, and what is left out."""

import pytest

from guildbus.launch.replay.comparing import first_difference, incidental_fields
from guildbus.launch.replay.recorded import positions, turns_of
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.draft import DraftProposed, ModelCall
from guildbus.protocols.messages.verification import Teeth
from guildbus.protocols.registry import standard_registry
from told import NUMKIT, Told, call, proposed

LEFT_OUT = """\
build.finished.v1: spans
build.finished.v1: teeth (in part)
build.finished.v1: teeth.timed_out
build.finished.v1: teeth.wall_s
draft.accepted.v1: spans
draft.proposed.v1: calls[].cached
draft.proposed.v1: calls[].passed_over
draft.proposed.v1: calls[].role (in part)
draft.proposed.v1: calls[].started_at
draft.proposed.v1: calls[].wall_s
draft.rejected.v1: spans
finish.judged.v1: found.spans
finish.judged.v1: found.teeth (in part)
finish.judged.v1: found.teeth.timed_out
finish.judged.v1: found.teeth.wall_s
finish.judged.v1: spans
finish.proposed.v1: calls[].cached
finish.proposed.v1: calls[].passed_over
finish.proposed.v1: calls[].role (in part)
finish.proposed.v1: calls[].started_at
finish.proposed.v1: calls[].wall_s
finish.proposed.v1: files (in part)
finish.proposed.v1: note
finish.proposed.v1: spans
finish.requested.v1: closes_at
finish.requested.v1: reached.spans
finish.requested.v1: reached.teeth (in part)
finish.requested.v1: reached.teeth.timed_out
finish.requested.v1: reached.teeth.wall_s
finish.requested.v1: until
oracle.answered.v1: spans
reference.proposed.v1: calls[].cached
reference.proposed.v1: calls[].passed_over
reference.proposed.v1: calls[].role (in part)
reference.proposed.v1: calls[].started_at
reference.proposed.v1: calls[].wall_s
verification.finished.v1: spans
verification.finished.v1: teeth (in part)
verification.finished.v1: teeth.timed_out
verification.finished.v1: teeth.wall_s
witnesses.established.v1: spans
"""


def test_the_list_of_fields_that_are_left_out_is_this_one() -> None:
    """A field that joins it is a decision: docs/replay.md has the list too."""
    assert "".join(f"{one}\n" for one in incidental_fields(standard_registry().bodies.values())) == LEFT_OUT


def told_by(*calls: ModelCall) -> DraftProposed:
    """What go-dev answers to its first request."""
    return proposed(Told.of(NUMKIT).state.requests[0], *calls)


def test_times_and_where_an_answer_came_from_are_no_difference() -> None:
    assert first_difference(told_by(call(1.0, 2.0)), told_by(call(99.0, 0.0, cached=True))) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seed": 2}, "calls[0].seed"),
        ({"completion_tokens": 3}, "calls[0].completion_tokens"),
        ({"key": "11"}, "calls[0].key"),
        ({"finish_reason": "length"}, "calls[0].finish_reason"),
    ],
)
def test_everything_else_is_one_and_is_named(change: dict[str, object], field: str) -> None:
    found = first_difference(told_by(call()), told_by(call(**change)))
    assert found is not None
    assert (found.field, found.got) == (field, next(iter(change.values())))


def test_one_more_or_one_less_is_a_difference_at_its_place() -> None:
    found = first_difference(told_by(call()), told_by(call(), call()))
    assert found is not None
    assert (found.field, found.want) == ("calls[1]", "(absent)")
    plan = Told.of(NUMKIT).state.plan
    fewer = plan.model_copy(update={"api": {}})
    changed = first_difference(plan, fewer)
    assert changed is not None
    assert changed.field == "api['']"


def test_teeth_that_their_time_cut_short_are_not_compared_and_whole_ones_are() -> None:
    told = Told.of(NUMKIT)
    green = told.accept("numkit.go", "x").accept("numkit_test.go", "y").verify().found
    whole, less = Teeth(score=1.0, killed=5, total=5), Teeth(score=0.8, killed=4, survived=1, total=5)
    cut = Teeth(score=1.0, killed=2, total=5, skipped=3)

    def differ(want: Teeth | None, got: Teeth | None) -> bool:
        pair = [green.model_copy(update={"teeth": teeth, "spans": ()}) for teeth in (want, got)]
        pair[1] = pair[1].model_copy(update={"spans": (Span(kind="t", started_at=1, wall_s=1),)})
        return first_difference(*pair) is not None

    assert not differ(whole, whole.model_copy(update={"timed_out": 1, "wall_s": 9.0}))
    assert differ(whole, less)
    assert differ(whole, None)
    assert not differ(cut, whole)
    assert not differ(whole, cut)


def test_answers_are_told_apart_by_type_file_and_round_and_not_by_their_order() -> None:
    requests = Told.of(NUMKIT).state.requests
    places = positions(requests)
    assert dict(zip(places, requests, strict=True)) == dict(
        zip(positions(requests[::-1]), requests[::-1], strict=True)
    )
    assert len(set(positions([requests[0], requests[0]]))) == 2


def test_a_run_without_attempts_was_handled_by_nobody() -> None:
    assert turns_of(RunLog("r", ())) == []
