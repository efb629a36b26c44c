"""The files of each round: what changed, and what gates and toolchain said of which line. Pure.

A *judgement* is one verification of a whole tree, with the drafts that were refused on the way to it. Its
files are compared with the same files of the judgement before; a note stands at the line that it is about.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.draft import DraftAccepted, DraftRejected, GatedCandidate
from guildbus.protocols.messages.verification import VerificationFinished, VerifiedFile

Notes = Mapping[int, Sequence[Mapping[str, str]]]
"""What is said of lines: `{kind, text}` by line number from 1; 0 is the file as a whole."""


def files_view(log: RunLog) -> dict[str, Any]:
    """`{judgements}` in order. The last has no score where drafts were refused and nothing judged since."""
    judgements: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    gated: dict[tuple[str, str, int, int], GatedCandidate] = {}
    before: dict[str, str] = {}
    for line in log.lines:
        match line.message:
            case DraftAccepted() as draft:
                for one in (*draft.accepted, *draft.refused):
                    gated[draft.task.path, draft.author, draft.round, one.index] = one
                refused += [_refusal(draft, one, line.seq) for one in draft.refused]
            case DraftRejected() as draft:
                refused += [_refusal(draft, one, line.seq) for one in draft.refused]
            case VerificationFinished() as found:
                files = []
                for file in found.files:
                    candidate = gated.get((file.path, file.author, file.round, file.index))
                    files.append(_file(file, before.get(file.path), candidate, found))
                before = {file.path: file.content for file in found.files}
                judgements.append(_judgement(line, found, len(judgements), files, refused))
                refused = []
    if refused:
        judgements.append({"number": len(judgements), "score": None, "files": [], "refused": refused})
    return {"judgements": judgements}


def diff_rows(before: str | None, after: str, notes: Notes) -> list[dict[str, Any]]:
    """A file line by line: `{tag, old, new, text, notes}`; tag is ' ', '+' or '-'.

    Without a `before` nothing is marked as new. Notes at lines that the file has not are left to the caller.
    """
    new = after.splitlines()
    if before is None:
        return [_row(" ", None, number, text, notes) for number, text in enumerate(new, 1)]
    old = before.splitlines()
    rows: list[dict[str, Any]] = []
    for kind, a, a_end, b, b_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            rows += [_row(" ", a + n + 1, b + n + 1, new[b + n], notes) for n in range(b_end - b)]
            continue
        rows += [_row("-", number + 1, None, old[number], {}) for number in range(a, a_end)]
        rows += [_row("+", None, number + 1, new[number], notes) for number in range(b, b_end)]
    return rows


def _row(tag: str, old: int | None, new: int | None, text: str, notes: Notes) -> dict[str, Any]:
    found = list(notes.get(new, ())) if new is not None else []
    return {"tag": tag, "old": old, "new": new, "text": text, "notes": found}


def _file(
    file: VerifiedFile, before: str | None, candidate: GatedCandidate | None, found: VerificationFinished
) -> dict[str, Any]:
    notes = notes_of(file.path, candidate, found)
    last = len(file.content.splitlines())
    astray = [note for line, some in notes.items() if not 1 <= line <= last for note in some]
    return {
        "path": file.path,
        "author": file.author,
        "round": file.round,
        "candidate": file.index,
        "sha256": file.sha256,
        "cases": file.cases,
        "state": "new" if before is None else "same" if before == file.content else "changed",
        "rows": diff_rows(before, file.content, notes),
        "notes": astray,
        "gates": _verdicts(candidate) if candidate is not None else [],
    }


def notes_of(
    path: str, candidate: GatedCandidate | None, found: VerificationFinished
) -> dict[int, list[dict[str, str]]]:
    """What gates, toolchain and fixers said of one file, by line."""
    notes: dict[int, list[dict[str, str]]] = defaultdict(list)
    for one in found.diagnostics:
        if _names(one.file, path):
            notes[one.line].append({"kind": one.tool, "text": one.message})
    for failed in found.failures:
        if _names(failed.file, path):
            told = (
                f"{failed.call} = {failed.got}; want {failed.want}" if failed.call else failed.output.strip()
            )
            notes[failed.line].append({"kind": "test", "text": f"{failed.test}: {told}"})
    for fix in found.fixes:
        if fix.path == path:
            notes[fix.line].append({"kind": "fix", "text": f"{fix.fixer}: {fix.reason}"})
    for verdict in candidate.verdicts if candidate is not None else ():
        if verdict.outcome != "passed":
            notes[verdict.line].append({"kind": "gate", "text": f"{verdict.gate}: {verdict.reason}"})
    return notes


def _names(file: str, path: str) -> bool:
    """Whether a place in the toolchain's output is this file; `go test` leaves its folder out."""
    return bool(file) and (file == path or path.endswith(f"/{file}"))


def _verdicts(candidate: GatedCandidate) -> list[dict[str, Any]]:
    return [verdict.model_dump() for verdict in candidate.verdicts]


def _refusal(draft: DraftAccepted | DraftRejected, one: GatedCandidate, seq: int) -> dict[str, Any]:
    notes: dict[int, list[dict[str, str]]] = defaultdict(list)
    for verdict in one.verdicts:
        if verdict.outcome == "rejected":
            notes[verdict.line].append({"kind": "gate", "text": f"{verdict.gate}: {verdict.reason}"})
    return {
        "seq": seq,
        "path": draft.task.path,
        "author": draft.author,
        "round": draft.round,
        "candidate": one.index,
        "gates": _verdicts(one),
        "rows": diff_rows(None, one.content, notes),
        "notes": [note for line, some in notes.items() if line < 1 for note in some],
    }


def _judgement(
    line: Line,
    found: VerificationFinished,
    number: int,
    files: list[dict[str, Any]],
    refused: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "number": number,
        "seq": line.seq,
        "at": line.at,
        "round": found.round,
        "stage": found.stage,
        "score": found.score.model_dump() | {"total": found.score.total},
        "green": found.green,
        "rolled_back": found.rolled_back,
        "tried": found.tried,
        "tests": [found.tests_passed, found.tests_total],
        "findings": list(_findings(found)),
        "files": files,
        "refused": refused,
    }


def _findings(found: VerificationFinished) -> Iterable[dict[str, str]]:
    """What is about no line of a file."""
    for name in found.missing_tests:
        yield {"kind": "test", "text": f"{name} was asked for and did not run"}
    for name in found.unnoticed:
        yield {"kind": "test", "text": f"{name} can be emptied without any test failing"}
    for one in found.broken_examples:
        yield {"kind": "spec", "text": f"the spec states {one.call} = {one.want}; got {one.got}"}
    for failed in found.failures:
        if not failed.file:
            yield {"kind": "test", "text": f"{failed.test}: {failed.output.strip()}"}
    for complaint in found.diagnostics:
        if not complaint.file:
            yield {"kind": complaint.tool, "text": complaint.message}
