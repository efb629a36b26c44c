"""An edit of a green package: what may be proposed, the gates before it, and whether anything falls.

An edit changes files of the plan and no others. Each changed file passes the gates that a draft of it passes.
A test file may grow, and what is there already stays as it is, word for word: so no test and no asserting
case can vanish. Whether the whole tree is as good as before is the verifier's judgement, compared by
`shortfall`. Pure, but for the formatter that the gates are given.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.golang.syntax import declarations, leaves, parse
from guildbus.agents.planning import is_test
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested
from guildbus.protocols.messages.verification import Examination, VerificationFinished, VerifiedFile

ContextFor = Callable[[str, Mapping[str, str]], GateContext]
"""(path, tree) -> what the gates may know of that file."""


@dataclass(frozen=True)
class Edit:
    """The changed files as the gates passed them; `refusal` says why the edit is not judged, '' if it is."""

    files: Mapping[str, GatedCandidate] = field(default_factory=dict)
    refusal: str = ""


def gated_edit(
    request: FinishRequested,
    proposal: FinishProposed,
    current: Mapping[str, VerifiedFile],
    context_for: ContextFor,
) -> Edit:
    """The proposal, gated. `current` are the files of the newest verified tree, by path."""
    if not proposal.files:
        return Edit(refusal="nothing was proposed")
    asked = {file.path: file.content for file in request.reached.files}
    for file in proposal.files:
        if file.path not in current:
            return Edit(refusal=f"{file.path} is no file of the plan: only those may be edited")
        if current[file.path].content != asked.get(file.path):
            return Edit(refusal=f"{file.path} has changed since this was asked for")
    tree = {path: file.content for path, file in current.items()}
    tree |= {file.path: file.content for file in proposal.files}
    gated: dict[str, GatedCandidate] = {}
    for path in sorted((file.path for file in proposal.files), key=is_test):
        context = replace(context_for(path, tree), min_cases=current[path].cases)
        found = run_gates(tree[path], context)
        if not is_accepted(found):
            refused = next(verdict for verdict in found.verdicts if verdict.outcome == "rejected")
            return Edit(refusal=f"{path}: the gate {refused.gate} refuses it: {refused.reason}")
        if is_test(path) and (lost := lost_declarations(current[path].content, found.content)):
            return Edit(refusal=f"{path}: {', '.join(lost)} changed or vanished: a test may only grow")
        tree[path] = found.content
        if found.content != current[path].content:
            gated[path] = found
    return Edit(files=gated) if gated else Edit(refusal="it changes nothing")


def lost_declarations(before: str, after: str) -> list[str]:
    """The top-level names of a file whose code is not in another text of it; comments do not count."""
    kept = {(found.name, leaves(found.node)) for found in declarations(parse(after))}
    found = [
        found.name for found in declarations(parse(before)) if (found.name, leaves(found.node)) not in kept
    ]
    return list(dict.fromkeys(found))


def shortfall(before: VerificationFinished, after: VerificationFinished) -> str:
    """What falls, in one sentence; '' if nothing does. Teeth are for `blunted`: they are measured last."""
    return next(_shortfalls(before, after), "")


def _shortfalls(before: VerificationFinished, after: VerificationFinished) -> Iterator[str]:
    for point in ("build", "vet", "test"):
        if not getattr(after.score, point):
            yield f"go {point} fails{_complaint(after)}"
    for broken in after.broken_examples:
        yield f"{broken.call} = {broken.got}; the spec says {broken.want}"
    for one in after.examined:
        for case in one.counterexamples:
            yield f"{case.call} = {case.got}; it is settled that it is {case.want}"
    if agreed(after.examined) < agreed(before.examined):
        yield f"{agreed(after.examined)} settled cases agree, {agreed(before.examined)} did"
    if cases(after) < cases(before):
        yield f"{cases(after)} asserting cases, there were {cases(before)}"
    if after.missing_tests or after.tests_total < before.tests_total:
        yield f"tests did not run: {', '.join(after.missing_tests) or 'fewer rows than before'}"
    if after.unnoticed:
        yield f"no test notices that {', '.join(after.unnoticed)} does nothing"
    if not after.green:
        yield "it is not green"


def blunted(before: VerificationFinished, after: VerificationFinished) -> str:
    """Whether the suite has lost teeth, in one sentence; '' if it has not, or nobody had measured them."""
    old = before.teeth.score if before.teeth is not None else None
    if old is None:
        return ""
    new = after.teeth.score if after.teeth is not None else None
    if new is None:
        why = after.teeth.why if after.teeth is not None else "nobody measured"
        return f"the teeth are not known any more: {why}"
    return f"the teeth fall from {old:.2f} to {new:.2f}" if new < old else ""


def agreed(examined: tuple[Examination, ...]) -> int:
    """The settled cases that an implementation gives."""
    return sum(one.agreed for one in examined)


def cases(found: VerificationFinished) -> int:
    """The asserting cases of a tree's tests."""
    return sum(file.cases for file in found.files)


def _complaint(found: VerificationFinished) -> str:
    """The first thing that the toolchain says, in short."""
    for failure in found.failures:
        said = f"{failure.call} = {failure.got}; want {failure.want}" if failure.call else failure.output
        return f": {failure.test or failure.package}: {' '.join(said.split())[:200]}"
    for one in found.diagnostics:
        return f": {one.file}:{one.line}: {one.message[:200]}"
    return f": {', '.join(found.missing_tests)} did not run" if found.missing_tests else ""
