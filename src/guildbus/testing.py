"""For authors of agents: the conformance kit, and an in-memory bus to try an agent on. A pytest plugin too.

    from guildbus.testing import conformance
    from security_review.agent import SecurityReview

    test_conformance = conformance(SecurityReview)

docs/conformance.md says what is checked. Read `guildbus.launch.conformance` next.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.agent import Agent
from guildbus.launch.conformance.findings import Finding, Report, Result
from guildbus.launch.conformance.finishing import finish_request
from guildbus.launch.conformance.histories import History, read_history
from guildbus.launch.conformance.kit import CHECKS, check
from guildbus.launch.conformance.making_up import make_up
from guildbus.launch.conformance.playing import play
from guildbus.launch.conformance.subject import USUAL, Subject, Tolerances, registry_of, scripted, subject_of

__all__ = [
    "CHECKS",
    "Finding",
    "History",
    "Report",
    "Result",
    "Subject",
    "Tolerances",
    "check",
    "conformance",
    "finish_request",
    "make_up",
    "play",
    "read_history",
    "subject_of",
]


def conformance(
    agent_class: type[Agent],
    *,
    histories: Iterable[History | Path] = (),
    schema: Path | None = None,
    effects: Callable[[], object] | None = None,
    tolerances: Tolerances = USUAL,
    replies: Callable[[str], str] = scripted,
) -> Any:
    """A test function with a case for each check. Arguments as of `subject_of`; histories may be files.

    A check that this agent gives nothing to try is skipped, and says why.
    """
    recorded = [
        one if isinstance(one, History) else read_history(one, registry_of(agent_class)) for one in histories
    ]
    subject = subject_of(
        agent_class,
        histories=recorded,
        schema=schema,
        effects=effects,
        tolerances=tolerances,
        replies=replies,
    )

    @pytest.mark.parametrize("name", CHECKS)
    def test_conformance(name: str) -> None:
        [result] = check(subject, only={name}).results
        if result.status == "untried":
            pytest.skip(result.why)
        if result.status == "failed":
            pytest.fail("\n".join(map(str, result.findings)), pytrace=False)

    return test_conformance


@pytest.fixture(name="play")
def _play() -> Callable[..., Any]:
    """`guildbus.testing.play`, for tests that would rather ask for it than import it."""
    return play
