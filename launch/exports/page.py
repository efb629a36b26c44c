"""A run as one HTML file that can be mailed: no scripts, nothing from outside, all text escaped. Pure.

The Content-Security-Policy in its head says the same to the browser: whatever a model wrote, nothing is
loaded and nothing runs. Parts: `swimlane.py`, `rounds.py`, `style.py`; escaping: `markup.py`.
"""

from collections.abc import Iterator
from typing import Final

from guildbus import __version__
from guildbus.launch import about
from guildbus.launch.exports.markup import Markup, element, join, table
from guildbus.launch.exports.rounds import code, evidence, rounds, score_text
from guildbus.launch.exports.style import STYLE
from guildbus.launch.exports.swimlane import swimlane
from guildbus.launch.exports.timeline import timeline_of
from guildbus.launch.report import end_of
from guildbus.launch.run_log import RunLog
from guildbus.launch.tracing import contexts, tree_rows
from guildbus.protocols.messages.build import BuildFinished, BuildRequested

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


def render(log: RunLog) -> str:
    """The page."""
    requested = next(iter(log.of(BuildRequested)), None)
    finished = end_of(log)
    title = f"{requested.spec.name if requested else 'run'} · {log.run}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", element("main", element("h1", title), _sections(log, requested, finished)))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def _sections(
    log: RunLog, requested: BuildRequested | None, finished: BuildFinished | None
) -> Iterator[Markup]:
    yield _verdict(log, finished)
    if finished is not None and finished.diagnosis:
        yield _section("Diagnosis", element("pre", finished.diagnosis))
    if requested is not None:
        yield element(
            "details",
            element("summary", "The spec"),
            element("p", requested.spec.description),
            table(("file", "purpose"), ((file.path, file.purpose) for file in requested.spec.files)),
        )
    yield _section(
        "Agents and messages",
        element("div", swimlane(timeline_of(log)), class_="drawing"),
        element("p", LEGEND, class_="dim"),
    )
    yield _section("Rounds", *rounds(log))
    if proof := evidence(log):
        yield _section("Evidence", proof)
    if finished is not None:
        yield _section(
            "Files",
            (
                element("details", element("summary", f"{file.path}, by {file.author}"), code(file.content))
                for file in finished.files
            ),
        )
    rows = (element("span", f"{row.text}\n", class_=row.look or None) for row in tree_rows(log))
    yield _section("Every message under the one that it answers", element("pre", rows, class_="tree"))
    held = "\n".join(contexts(log))
    if held:
        yield _section(
            "What each model call was given", element("details", element("summary", "Manifests"), code(held))
        )
    yield element("footer", f"guildbus {__version__}, run {log.run}, {len(log.lines)} messages")


def _verdict(log: RunLog, finished: BuildFinished | None) -> Markup:
    calls = [call for line in log.lines for call in about.calls_of(line.message)]
    spans = [span for line in log.lines for span in about.spans_of(line.message)]
    timeline = timeline_of(log)
    look = "" if finished is None else "good" if finished.green else "bad"
    facts = {
        "status": finished.status if finished else "not finished",
        "score": score_text(finished.score) if finished else "",
        "rounds": str(finished.rounds) if finished else "",
        "began": log.lines[0].envelope.time if log.lines else "",
        "took": f"{timeline.ended_at - timeline.started_at:.1f} s",
        "model": f"{len(calls)} calls, {sum(call.wall_s for call in calls):.1f} s,"
        f" {sum(call.prompt_tokens for call in calls)} tokens in,"
        f" {sum(call.completion_tokens for call in calls)} out",
        "toolchain": f"{sum(span.wall_s for span in spans):.1f} s",
        "messages": str(len(log.lines)),
    }
    return element(
        "dl",
        (
            join(element("dt", name), element("dd", said, class_=look if name == "status" else None))
            for name, said in facts.items()
            if said
        ),
        class_="facts",
    )


def _section(title: str, *content: Markup | Iterator[Markup]) -> Markup:
    return element("section", element("h2", title), *content)


LEGEND: Final = (
    "Bars: a message being handled; the thin ones below are model calls and toolchain runs. Arrows: messages,"
    " from where they were sent to where they were taken; dots are announcements. Point at one to read it."
)
