"""The gates in order, and how they are run.

The table is run again until no gate mends anything more: one fix can make another gate's work
(a removed copy leaves an import unused), and only a text that passes its own gates unchanged is a
result. The last run decides what is refused. Read `guildbus.agents.golang` for what gates stand on.
"""

import hashlib

from guildbus.agents.gates import declarations, imports, package, suites
from guildbus.agents.gates.context import GateContext, GateFunction, Outcome
from guildbus.agents.golang.syntax import parse, syntax_fault
from guildbus.protocols.messages.draft import GatedCandidate, GateVerdict

MAX_RUNS = 8

GATES: tuple[tuple[str, GateFunction], ...] = (
    ("parses", package.parses),
    ("package-clause", package.clause),
    ("directives", package.directives),
    ("no-tests-in-implementation", declarations.no_tests_in_implementation),
    ("no-main", declarations.no_main),
    ("own-qualifier", package.own_qualifier),
    ("no-redeclaration", declarations.no_redeclaration),
    ("tests-present", suites.tests_present),
    ("tests-run", suites.tests_run),
    ("tests-call-package", suites.tests_call_package),
    ("tests-assert", suites.tests_assert),
    ("tests-can-fail", suites.tests_can_fail),
    ("cases-kept", suites.cases_kept),
    ("imports-pruned", imports.imports_pruned),
    ("imports-allowed", imports.imports_allowed),
    ("imports-added", imports.imports_added),
    ("declared-api", declarations.declared_api),
    ("gofmt", package.gofmt),
)


def run_gates(content: str, context: GateContext, index: int = 0) -> GatedCandidate:
    """One candidate through all gates. See `is_accepted`.

    The result's `content` is the mended text also of a refused candidate; lines of refusals are
    lines of that text, lines of fixes those of the text that the fix was made to.
    """
    text = content.replace("\r\n", "\n")
    fixes: dict[str, Outcome] = {}
    for _ in range(MAX_RUNS):
        outcomes, mended = _run_once(text, context)
        for name, outcome in outcomes.items():
            if outcome.outcome == "fixed":
                fixes.setdefault(name, outcome)
        if mended == text:
            break
        text = mended
    else:
        outcomes = {"gofmt": Outcome("rejected", "the fixes of this draft never come to rest")}
    return GatedCandidate(
        index=index,
        content=text,
        sha256=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
        cases=0 if syntax_fault(parse(text)) else suites.count(parse(text), context),
        verdicts=tuple(_verdict(name, outcome, fixes.get(name)) for name, outcome in outcomes.items()),
    )


def is_accepted(candidate: GatedCandidate) -> bool:
    """No gate refused it."""
    return all(verdict.outcome != "rejected" for verdict in candidate.verdicts)


def _run_once(text: str, context: GateContext) -> tuple[dict[str, Outcome], str]:
    """Every gate's answer on the text as the gates before it left it, and the text at the end."""
    outcomes: dict[str, Outcome] = {}
    for name, gate in GATES:
        file = parse(text)
        outcome = gate(file, context)
        if outcome.outcome == "fixed":
            if syntax_fault(parse(outcome.content)) is not None:
                outcome = Outcome("rejected", f"could not be mended: {outcome.reason}", outcome.line)
            else:
                text = outcome.content
        outcomes[name] = outcome
        if name == "parses" and outcome.outcome == "rejected":
            break
    return outcomes, text


def _verdict(name: str, outcome: Outcome, fix: Outcome | None) -> GateVerdict:
    told = fix if fix is not None and outcome.outcome == "passed" else outcome
    return GateVerdict(gate=name, outcome=told.outcome, reason=told.reason, line=told.line)
