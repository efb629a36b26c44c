"""All checks in order, and a report.

A check makes as many instances as it needs; none sees what another check did. Read `checks.py` next.
"""

import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from guildbus.launch.conformance import checks, hardships
from guildbus.launch.conformance.bench import Answers, Bench
from guildbus.launch.conformance.findings import Finding, Report, Result, Untried
from guildbus.launch.conformance.fresh import fresh_answers
from guildbus.launch.conformance.schema import schema
from guildbus.launch.conformance.stage import run_to_the_end
from guildbus.launch.conformance.subject import Subject

Check = Callable[[Bench], Awaitable[list[Finding]]]

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "acks": hardships.acks,
        "idempotency": checks.idempotency,
        "rebuild": checks.rebuild,
        "deadlines": hardships.deadlines,
        "isolation": checks.isolation,
        "responsiveness": checks.responsiveness,
        "types": checks.types,
        "errors": hardships.errors,
        "determinism": checks.determinism,
        "schema": schema,
    }
)
"""Name -> check. The first line of a check's docstring says what it holds an agent to."""


def check(
    subject: Subject,
    *,
    only: Collection[str] | None = None,
    fresh: Callable[[], Sequence[Answers]] | None = None,
) -> Report:
    """Try a subject; `only` names some of CHECKS. Not to be called in a running event loop.

    `fresh` gives its answers from fresh processes where they have been asked for before, with others'.
    Raises GuildbusError if an instance cannot be made or started.
    """
    with tempfile.TemporaryDirectory(prefix="guildbus-") as folder:
        bench = Bench(subject, Path(folder), fresh or cache(lambda: fresh_answers([subject])[0]))
        results = [_result(name, one, bench) for name, one in CHECKS.items() if only is None or name in only]
    return Report(subject.name, tuple(results))


def _result(name: str, one: Check, bench: Bench) -> Result:
    async def tried() -> list[Finding]:
        return await one(bench)

    try:
        found = run_to_the_end(tried())
    except Untried as reason:
        return Result(name, "untried", why=str(reason))
    return Result(name, "failed" if found else "passed", tuple(found))
