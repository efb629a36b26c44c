"""The report: exactly the keys of the design, sums of what was paid, and overhead that nothing covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.launch.report import Wall, build_report, overhead_s, run_summary
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import BuildRequested
from guildbus.protocols.messages.verification import Score
from told import NUMKIT, Told, call, finished, log_of, proposed, span

KEYS = {
    "run_id",
    "spec",
    "green",
    "status",
    "score",
    "teeth",
    "teeth_why",
    "examined",
    "rounds",
    "wall_s",
    "model",
    "toolchain_s",
    "overhead_s",
    "files",
    "interventions",
    "finishers",
    "diagnosis",
}
WALL = Wall(100.0, 110.0)


def overhead(*stretches: tuple[float, float], wall: Wall = WALL) -> float:
    return overhead_s([span(start, length) for start, length in stretches], wall)


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([], 10.0),
        ([(100, 10)], 0.0),
        ([(102, 3)], 7.0),
        ([(102, 3), (106, 1)], 6.0),
        ([(102, 3), (103, 3)], 6.0),
        ([(102, 6), (103, 1)], 4.0),
        ([(103, 1), (102, 6)], 4.0),
        ([(102, 3), (102, 3)], 7.0),
        ([(90, 12)], 8.0),
        ([(108, 50)], 8.0),
        ([(50, 10), (200, 10)], 10.0),
        ([(0, 1000)], 0.0),
    ],
)
def test_overhead_is_the_wall_less_the_union_of_the_spans(
    stretches: list[tuple[float, float]], expected: float
) -> None:
    assert overhead(*stretches) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(90, 120), st.integers(0, 15)), max_size=8))
def test_overhead_counts_the_seconds_in_which_nothing_else_worked(stretches: list[tuple[int, int]]) -> None:
    """On whole seconds the union can be counted one by one."""
    idle = sum(
        not any(start <= now < start + length for start, length in stretches) for now in range(100, 110)
    )
    assert overhead(*stretches) == pytest.approx(idle)


def told_log(*calls: object, **more: object) -> object:
    run = Told.of(NUMKIT)
    return log_of(
        *run.messages,
        proposed(run.state.requests[0], *calls),  # type: ignore[arg-type]
        finished(**more),  # type: ignore[arg-type]
    )


def test_the_report_has_the_keys_of_the_design_and_no_others() -> None:
    report = build_report(told_log(call()), WALL)  # type: ignore[arg-type]
    assert set(report) == KEYS
    assert set(report["score"]) == {"build", "vet", "test", "total"}
    assert set(report["examined"]) == {"functions", "inputs", "disputes"}
    assert set(report["model"]) == {"calls", "prompt_tokens", "completion_tokens", "wall_s"}
    assert [set(file) for file in report["files"]] == [{"path", "author", "sha256"}]


def test_model_calls_are_added_up() -> None:
    log = told_log(call(101.0, 3.0), call(102.0, 4.0), spans=(span(107.0, 2.0),))
    report = build_report(log, WALL)  # type: ignore[arg-type]
    assert report["model"] == {"calls": 2, "prompt_tokens": 200, "completion_tokens": 80, "wall_s": 7.0}
    assert report["toolchain_s"] == 2.0
    assert report["wall_s"] == 10.0
    assert report["overhead_s"] == 3.0


def test_a_call_from_the_store_was_not_paid_and_took_no_time_of_this_run() -> None:
    report = build_report(told_log(call(99.0, 3.0, cached=True)), WALL)  # type: ignore[arg-type]
    assert report["model"]["calls"] == 0
    assert report["model"]["completion_tokens"] == 0
    assert report["overhead_s"] == 10.0


def test_a_call_that_this_run_paid_before_a_crash_counts_although_it_comes_from_the_store() -> None:
    report = build_report(told_log(call(101.0, 3.0, cached=True)), WALL)  # type: ignore[arg-type]
    assert (report["model"]["calls"], report["model"]["completion_tokens"]) == (1, 40)
    assert report["overhead_s"] == 7.0


def test_the_start_of_a_model_server_is_the_models_time() -> None:
    wall = Wall(100.0, 110.0, (Span(kind="model-start", started_at=100.0, wall_s=4.0),))
    assert build_report(told_log(), wall)["overhead_s"] == 6.0  # type: ignore[arg-type]


def test_compiling_the_standard_library_once_is_the_toolchains_time() -> None:
    warm = Span(kind="toolchain", started_at=100.0, wall_s=3.0)
    start = Span(kind="model-start", started_at=103.0, wall_s=4.0)
    report = build_report(told_log(), Wall(100.0, 110.0, (warm, start)))  # type: ignore[arg-type]
    assert (report["toolchain_s"], report["overhead_s"]) == (3.0, 3.0)


def test_a_red_run_says_why() -> None:
    log = told_log(status="red:stalled", diagnosis="numkit_test.go:9: ...", score=Score(build=True))
    report = build_report(log, WALL)  # type: ignore[arg-type]
    assert (report["green"], report["status"]) == (False, "red:stalled")
    assert report["score"] == {"build": True, "vet": False, "test": False, "total": 1}
    assert report["diagnosis"] == "numkit_test.go:9: ..."


def test_a_run_that_is_not_finished_has_no_report() -> None:
    with pytest.raises(ValueError, match="not finished"):
        build_report(log_of(*Told.of(NUMKIT).messages), WALL)


def test_a_summary_tells_finished_runs_from_others() -> None:
    done = run_summary(told_log(call()))  # type: ignore[arg-type]
    assert (done["spec"], done["green"], done["status"]) == ("numkit", True, "green:unexamined")
    assert (done["score"], done["tokens"], done["wall_s"]) == (3, 40, 5.0)
    assert {"run_id", "spec", "green", "status", "wall_s"} <= set(done)
    run = log_of(*Told.of(NUMKIT).messages)
    assert run_summary(run, running=True)["status"] == "running"
    going_on = run_summary(run)
    assert (going_on["spec"], going_on["green"], going_on["status"]) == ("numkit", False, "interrupted")


def test_a_summary_of_nothing_is_no_crash() -> None:
    assert run_summary(log_of())["status"] == "interrupted"
    assert run_summary(log_of(BuildRequested(spec=NUMKIT)))["wall_s"] == 0.0
