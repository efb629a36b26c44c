"""Runs whose package is green, and what finishers and the planner say then: for tests of both."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from guildbus.agents.context import Context
from guildbus.agents.finishing import read_finishing
from guildbus.agents.planner import Planner
from guildbus.agents.runtime import wrap
from guildbus.protocols.envelope import format_time
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.finish import FinishJudged
from told import NUMKIT, RUN, Told, sha

CODE = "package numkit\n\nfunc GCD(a, b int) int { return a }\n"
BETTER = "package numkit\n\n// GCD returns a.\nfunc GCD(a, b int) int { return a }\n"
CHECK = "func TestGCD(t *testing.T) {\n\tif GCD(2, 4) != 2 {\n\t\tt.Error()\n\t}\n}\n"
SUITE = f'package numkit\n\nimport "testing"\n\n{CHECK}'
TWO = ("go-review", "go-doc")


def green(finishers: Sequence[str] = TWO, **more: Any) -> Told:
    """A run whose last stage is green."""
    run = Told.of(NUMKIT, finishers=tuple(finishers))
    run.accept("numkit.go", CODE).accept("numkit_test.go", SUITE, cases=1)
    return run.verify(score="build vet test", green=True, **more)


async def planner(run: Told, *, now: float = 1000.0, deadline: float | None = None) -> Sequence[Message]:
    """What the planner answers to the newest message of a run."""
    message = run.messages[-1]

    async def read(types: Sequence[str]) -> list[Message]:
        return [m for m in run.messages if not types or m.wire_type() in types]

    until = None if deadline is None else format_time(deadline)
    envelope = replace(wrap(message, source="t/1", subject=RUN, now=0.0).envelope, deadline=until)
    context = Context(envelope, 5, structlog.get_logger(), lambda: now, lambda text: None, read)
    answers = await Planner.handlers[message.wire_type()](Planner(), message, context)
    run.add(*answers)
    return answers


def judged(run: Told, content: str = BETTER, *, kept: bool = True, **more: Any) -> FinishJudged:
    """The verdict on an edit of numkit.go by whoever was asked last."""
    role = read_finishing(run.messages).asked[-1].role
    files = tuple(
        file.model_copy(update={"content": content, "author": role, "sha256": sha(content)})
        if file.path == "numkit.go"
        else file
        for file in run.found.files
    )
    found = run.found.model_copy(update={"files": files} | more)
    return FinishJudged(role=role, kept=kept, reason="" if kept else "go test fails", found=found)
