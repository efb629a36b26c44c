"""Why a run stopped red, in words for a person: which file, which input, got and want. Pure."""

from guildbus.protocols.messages.draft import DraftRejected
from guildbus.protocols.messages.verification import TestFailure, VerificationFinished

SHOWN = 5


def diagnose_verification(found: VerificationFinished, how: str) -> str:
    """What still stands between this tree and green. `how` says when it was given up."""
    lines = [f"stopped at {found.score.total}/3 {how}:"]
    lines += [f"  {d.file}:{d.line}: {d.message} ({d.tool})" for d in found.diagnostics[:SHOWN]]
    lines += [f"  the spec states {b.call} = {b.want}; got {b.got}" for b in found.broken_examples[:SHOWN]]
    lines += [f"  {failure_line(failure)}" for failure in found.failures[:SHOWN]]
    lines += [f"  the test {name} was asked for and did not run" for name in found.missing_tests[:SHOWN]]
    lines += [f"  no test notices an emptied {name}" for name in found.unnoticed[:SHOWN]]
    if found.failures:
        lines.append(
            "  test and implementation disagree; without more evidence neither was bent to fit the other"
        )
    return "\n".join(lines)


def failure_line(failure: TestFailure) -> str:
    """`file:line: TestX: Call(input): got ..., want ...`, or the test's own output."""
    place = f"{failure.file}:{failure.line}: " if failure.file else ""
    if failure.got or failure.want:
        call = f"{failure.call}: " if failure.call else ""
        return f"{place}{failure.test}: {call}got {failure.got}, want {failure.want}"
    return f"{place}{failure.test}: {failure.output.strip()[:300]}"


def diagnose_rejection(rejected: DraftRejected, tries: int) -> str:
    """Why no candidate of a file passed the gates."""
    reasons = dict.fromkeys(
        f"{verdict.gate}: {verdict.reason}"
        for candidate in rejected.refused
        for verdict in candidate.verdicts
        if verdict.outcome == "rejected"
    )
    lines = [f"no draft of {rejected.task.path} passed the gates in {tries} tries:"]
    lines += [f"  {reason}" for reason in list(reasons)[:SHOWN]]
    return "\n".join(lines)
