"""What each round came to, as HTML: verdict, findings, what the gates refused, what changed. Pure."""

import difflib
from collections.abc import Iterator, Sequence

from guildbus.launch.evidence import interventions
from guildbus.launch.exports.markup import Markup, element, join, table
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.draft import DraftAccepted, DraftRejected, GatedCandidate
from guildbus.protocols.messages.oracle import OracleAnswered, RowVerdict, WitnessesEstablished
from guildbus.protocols.messages.verification import Score, VerificationFinished, VerifiedFile


def rounds(log: RunLog) -> Iterator[Markup]:
    """A section for each verification, and one for each refusal between them, in the order of the run."""
    before: dict[str, str] = {}
    for line in log.lines:
        match line.message:
            case DraftRejected() | DraftAccepted() as drafted if drafted.refused:
                yield _refused(drafted)
            case VerificationFinished() as found:
                yield _verified(found, before)
                before = {file.path: file.content for file in found.files}
            case _:
                continue


def score_text(score: Score) -> str:
    """`2/3: build ok, vet ok, test failed`."""
    parts = {"build": score.build, "vet": score.vet, "test": score.test}
    return f"{score.total}/3: " + ", ".join(
        f"{name} {'ok' if ok else 'failed'}" for name, ok in parts.items()
    )


def code(text: str) -> Markup:
    """Source code as it is."""
    return element("pre", element("code", text))


def _refused(drafted: DraftRejected | DraftAccepted) -> Markup:
    name = f"{drafted.author}, round {drafted.round}, {drafted.task.path}"
    return element(
        "details",
        element("summary", f"The gates refused {len(drafted.refused)} of {name}"),
        (_candidate(one) for one in drafted.refused),
        class_="refused",
    )


def _candidate(one: GatedCandidate) -> Markup:
    said = [v for v in one.verdicts if v.outcome == "rejected"]
    why = table(("gate", "line", "why"), ((v.gate, str(v.line or ""), v.reason) for v in said))
    return join(element("h4", f"candidate {one.index}"), why, code(one.content))


def _verified(found: VerificationFinished, before: dict[str, str]) -> Markup:
    colour = "good" if found.green else "bad"
    return element(
        "section",
        element("h3", f"Round {found.round}, stage {found.stage}: {'green' if found.green else 'red'}"),
        element("p", element("span", score_text(found.score), class_=colour), f". {_counts(found)}"),
        _findings(found),
        (changes(file, before) for file in found.files),
        class_=f"round {colour}",
    )


def _counts(found: VerificationFinished) -> str:
    parts = [f"{found.tried} combinations of candidates tried"]
    if found.tests_total:
        parts.append(f"{found.tests_passed} of {found.tests_total} tests passed")
    if found.rolled_back:
        parts.append("rolled back to the best tree so far")
    if found.missing_tests:
        parts.append(f"tests that did not run: {', '.join(found.missing_tests)}")
    if found.unnoticed:
        parts.append(f"functions that no test misses: {', '.join(found.unnoticed)}")
    if found.teeth is not None and found.teeth.score is not None:
        parts.append(f"teeth {found.teeth.killed} of {found.teeth.killed + found.teeth.survived}")
    return "; ".join(parts) + "."


def _findings(found: VerificationFinished) -> Markup:
    return join(
        table(
            ("tool", "where", "what"),
            ((one.tool, f"{one.file}:{one.line}:{one.column}", one.message) for one in found.diagnostics),
        ),
        table(
            ("test", "where", "call", "got", "want", "output"),
            (
                (one.test, f"{one.file}:{one.line}", one.call, one.got, one.want, code(one.output))
                for one in found.failures
            ),
        ),
        table(
            ("stated value", "got", "want"), ((one.call, one.got, one.want) for one in found.broken_examples)
        ),
        table(
            ("examined", "agreed", "first counterexample"),
            (
                (
                    one.subject,
                    f"{one.agreed} of {one.total}" if one.total else one.why,
                    "; ".join(f"{c.call}: got {c.got}, want {c.want}" for c in one.counterexamples[:1]),
                )
                for one in found.examined
            ),
        ),
        table(
            ("mended by the fixers", "where", "why"),
            ((one.fixer, f"{one.path}:{one.line}", one.reason) for one in found.fixes),
        ),
    )


def changes(file: VerifiedFile, before: dict[str, str]) -> Markup:
    """What a round changed in a file: its diff, or the whole of it when it is new."""
    name = f"{file.path}, by {file.author} in round {file.round}, candidate {file.index}"
    former = before.get(file.path)
    if former is None:
        return element("details", element("summary", f"{name} (new)"), code(file.content))
    if former == file.content:
        return element("p", f"{name}: as before", class_="dim")
    rows = difflib.unified_diff(
        former.splitlines(), file.content.splitlines(), "before", "after", lineterm=""
    )
    return element("details", element("summary", f"{name} (changed)"), diff(list(rows)), open="open")


def diff(rows: Sequence[str]) -> Markup:
    """A unified diff, coloured."""
    looks = {"+": "added", "-": "removed", "@": "place"}
    spans = [element("span", f"{row}\n", class_=looks.get(row[:1])) for row in rows]
    return element("pre", element("code", spans), class_="diff")


def _edit(verdict: RowVerdict) -> str:
    return f"{verdict.before} → {verdict.after}" if verdict.after else ""


def evidence(log: RunLog) -> Markup:
    """What the oracle settled: its witnesses, its verdicts with their votes, and each edit."""
    heard = log.of(WitnessesEstablished)
    return join(
        table(
            ("package", "subject", "settled", "drawn", "split", "unheard", "obstacle"),
            (
                (
                    one.folder or ".",
                    t.subject,
                    *map(str, (len(t.cases), t.drawn, t.split, t.unheard)),
                    t.obstacle,
                )
                for one in heard[-1:]
                for t in one.tables
            ),
        ),
        table(
            ("witness not heard", "why"), ((w.name, w.reason) for one in heard[-1:] for w in one.dismissed)
        ),
        table(
            ("file", "test", "call", "finding", "expected", "settled", "votes", "edit"),
            (
                (answer.path, v.test, v.call, v.finding, v.expected, v.settled, ", ".join(v.votes), _edit(v))
                for answer in log.of(OracleAnswered)
                for v in answer.verdicts
            ),
        ),
        table(
            ("intervention", "file", "call", "before", "after", "witnesses"),
            (
                (
                    one["kind"],
                    one["file"],
                    one["call"],
                    one["before"],
                    one["after"],
                    ", ".join(one["witness"]),
                )
                for one in interventions(log)
            ),
        ),
    )
