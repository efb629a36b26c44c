"""What a run tells the gates: used for a draft that arrives, and again for one that a fixer mended.

Read `gate_keeper.py` and `mending.py` next.
"""

import time
from collections.abc import Mapping

from guildbus.agents.gates.context import Formatter, GateContext
from guildbus.agents.golang.syntax import SyntaxFault
from guildbus.agents.golang.toolchain import GoSyntaxError, Toolchain
from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.draft import DraftRequested


class TimedFormatter:
    """gofmt as the gates want it, which also remembers when it ran."""

    def __init__(self, toolchain: Toolchain) -> None:
        self._toolchain = toolchain
        self.spans: list[Span] = []

    def __call__(self, source: str) -> str | SyntaxFault:
        """The formatted source, or the place that is no Go."""
        started_at, start = time.time(), time.monotonic()
        try:
            return self._toolchain.gofmt(source)
        except GoSyntaxError as error:
            return SyntaxFault(error.line, error.column, error.message)
        finally:
            wall_s = time.monotonic() - start
            self.spans.append(Span(kind="toolchain", started_at=started_at, wall_s=wall_s))


def gate_context(
    state: RunState,
    request: DraftRequested,
    stdlib: frozenset[str],
    formatter: Formatter,
    tree: Mapping[str, str] | None = None,
) -> GateContext:
    """What the gates may know of this run. A test file's neighbours include the code under test.

    Neighbours come from `tree` (path -> source) where one is given, else they are the newest that are known.
    """
    task = request.task
    if tree is None:
        others = state.sources(task.folder, tests=False)
        if is_test(task.path):
            others |= state.sources(task.folder, tests=True)
    else:
        others = {
            path: source
            for path, source in tree.items()
            if path.endswith(".go") and folder_of(path) == task.folder and is_test(task.path) >= is_test(path)
        }
    others.pop(task.path, None)
    implementations = [t for t in state.plan.tasks if t.folder == task.folder and not is_test(t.path)]
    return GateContext(
        task=task,
        stdlib=stdlib,
        formatter=formatter,
        module=state.plan.module,
        api=request.api,
        others=others,
        sole_implementation=len(implementations) == 1,
        packages={
            f"{state.plan.module}/{t.folder}".rstrip("/"): t.package
            for t in state.plan.tasks
            if not is_test(t.path)
        },
        allow_imports=request.allow_imports,
        min_cases=request.min_cases,
    )
