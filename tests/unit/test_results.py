"""What a program gets: the same fields as the JSON of the commands, no more and no fewer, and frozen."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from guildbus.launch.report import Wall, build_report, run_summary
from guildbus.launch.results import BuildReport, RunSummary, TracedMessage
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.finish import FinishJudged, FinishRequested
from guildbus.protocols.messages.verification import Score, Survivor, Teeth
from told import IMPLEMENTATION, NUMKIT, RUN, SUITE, Told, call, finished, log_of, proposed

WALL = Wall(100.0, 110.0)
FOLDER = Path("out/numkit")
TEETH = Teeth(
    score=0.5,
    total=2,
    killed=1,
    survived=1,
    wall_s=1.5,
    survivors=(Survivor(file="numkit.go", line=3, function="GCD", operator="return", diff="-a\n+b\n"),),
)


def log(**more: object) -> RunLog:
    run = Told.of(NUMKIT)
    return log_of(*run.messages, proposed(run.state.requests[0], call()), finished(**more))  # type: ignore[arg-type]


def polished() -> RunLog:
    """A run with a finisher whose edit was judged, and one that was not answered."""
    run = Told.of(NUMKIT).accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE).verify()
    reached = run.state.verifications[-1]
    asked = FinishRequested(role="go-doc", spec=NUMKIT, plan=run.state.plan, reached=reached, until=1.0)
    edit = asked.propose({"numkit.go": IMPLEMENTATION}, note="One comment.", calls=[call()])
    judged = FinishJudged(role="go-doc", kept=True, found=reached.model_copy(update={"teeth": TEETH}))
    silent = asked.model_copy(update={"role": "go-bench"})
    return log_of(*run.messages, asked, edit, judged, silent, finished())


def undeclared(model: BaseModel) -> list[str]:
    """Fields that a report has and its class does not, at any depth."""
    found = list(model.model_extra or ())
    for value in dict(model).values():
        for one in value if isinstance(value, tuple) else (value,):
            found += undeclared(one) if isinstance(one, BaseModel) else []
    return found


@pytest.mark.parametrize(
    "told",
    [
        log(),
        log(teeth=TEETH),
        log(status="red:stalled", diagnosis="why", score=Score(), files=()),
        polished(),
    ],
)
def test_a_report_dumps_as_the_very_object_that_the_command_prints(told: RunLog) -> None:
    said = build_report(told, WALL)
    report = BuildReport.model_validate({**said, "folder": FOLDER})
    assert report.model_dump(mode="json") == said
    assert list(report.model_dump(mode="json")) == list(said)
    assert undeclared(report) == [], "declare them in results.py"
    assert report.folder == FOLDER


def test_what_a_class_does_not_know_yet_is_kept() -> None:
    said = build_report(log(), WALL) | {"reviews": 3}
    assert BuildReport.model_validate({**said, "folder": FOLDER}).model_dump(mode="json") == said


def test_parts_have_types() -> None:
    report = BuildReport.model_validate({**build_report(log(teeth=TEETH), WALL), "folder": FOLDER})
    assert report.score.total == 3
    assert report.teeth == TEETH
    assert report.files[0].author == "go-dev"
    first, second = BuildReport.model_validate({**build_report(polished(), WALL), "folder": FOLDER}).finishers
    assert (first.kept, first.after is None, second.kept, second.after) == (True, False, False, None)
    with pytest.raises(ValidationError, match="frozen"):
        report.score.total = 2  # type: ignore[misc]


def test_a_summary_dumps_as_the_command_prints_it() -> None:
    said = run_summary(log())
    summary = RunSummary.model_validate(said)
    assert summary.model_dump(mode="json") == said
    assert undeclared(summary) == [], "declare them in results.py"


def test_a_message_of_a_trace() -> None:
    line = log().lines[-1]
    message = TracedMessage.of(line)
    assert (message.seq, message.body, message.at) == (line.seq, line.message, line.at)
    assert message.envelope.subject == RUN
