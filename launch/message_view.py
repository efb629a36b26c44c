"""One message, opened: envelope, cause and answers, attempts, and its body with source code as code. Pure.

`guildbus trace --message ID` prints it. `Passage` is a stretch of lines in one language, so that a terminal
can colour code; `plain` gives the same as text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from guildbus.launch import about
from guildbus.launch.handling import Handling, handlings_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.launch.tracing import summary

INLINE_CHARS: Final = 160
_CODE: Final = {"diff": "diff", "content": "", "previous": "", "source": "", "mended": "", "reference": ""}
"""What holds code, and in which language: that of its file, if none is said."""
_LANGUAGES: Final = {".go": "go", ".py": "python", ".md": "markdown", ".mod": "go"}


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines that belong together. `language` is '' for plain text; code is indented by `indent` columns."""

    text: str
    language: str = ""
    indent: int = 0


def message_view(log: RunLog, seq: int) -> Iterator[Passage]:
    """All there is to say of one message of a run. KeyError if the run has no such message."""
    line = next((line for line in log.lines if line.seq == seq), None)
    if line is None:
        raise KeyError(seq)
    yield Passage("\n".join(_envelope(log, line)))
    if attempts := handlings_of(log).get(seq):
        yield Passage("\n".join(["attempts:", *(f"  {_attempt(one, line.at)}" for one in attempts)]))
    if about.calls_of(line.message):
        yield Passage("\n".join(["model calls:", *_calls(line)]))
    yield Passage("body:")
    body = line.message.model_dump(mode="json", exclude={"calls"})
    yield from outline(body, 2, code_language(about.files_of(line.message)))


def plain(passages: Iterator[Passage]) -> Iterator[str]:
    """The same as lines of text; code stands behind a bar."""
    for passage in passages:
        for text in passage.text.split("\n"):
            yield f"{' ' * passage.indent}│ {text}" if passage.language else text


def outline(value: Any, indent: int, language: str, key: str = "") -> Iterator[Passage]:
    """A body as an outline, a line a value; text of several lines stands as it is, not what is empty."""
    lead = " " * indent + (f"{key}: " if key else "")
    if value in (None, "", [], {}):
        return
    match value:
        case Mapping():
            if key:
                yield Passage(lead.rstrip())
            inside = (
                code_language([str(value[name]) for name in ("path", "file") if name in value]) or language
            )
            inside = str(value.get("language", "")) or inside
            for name, one in value.items():
                yield from outline(one, indent + 2 * bool(key), inside, str(name))
        case str() if "\n" in value:
            yield Passage(f"{lead}({value.count(chr(10)) + 1} lines)")
            yield Passage(value.rstrip("\n"), _CODE.get(key, "text") or language or "text", indent + 2)
        case Sequence() if not isinstance(value, str):
            if all(not isinstance(one, Mapping | list) for one in value):
                short = ", ".join(map(str, value))
                if len(short) <= INLINE_CHARS and "\n" not in short:
                    yield Passage(f"{lead}{short}")
                    return
            yield Passage(lead.rstrip() or " " * indent + "-")
            for number, one in enumerate(value):
                yield from outline(one, indent + 2, language, f"[{number}]")
        case _:
            yield Passage(f"{lead}{value}")


def code_language(paths: Sequence[str]) -> str:
    """The language of these files, by the ending of the first; '' if it is not known."""
    return next((name for path in paths[:1] for end, name in _LANGUAGES.items() if path.endswith(end)), "")


def _envelope(log: RunLog, line: Line) -> Iterator[str]:
    envelope = line.envelope
    by_id = {one.envelope.id: one for one in log.lines}
    yield f"#{line.seq}  {envelope.type}  {summary(line.message)}"
    yield f"id         {envelope.id}"
    yield f"run        {envelope.subject}"
    yield f"from       {envelope.source}"
    yield f"to         {envelope.to or 'all (an announcement)'}"
    published = datetime.fromtimestamp(line.at).astimezone().isoformat(" ", "milliseconds")
    yield f"published  {published}, {line.at - log.lines[0].at:.2f} s into the run"
    if envelope.deadline:
        yield f"deadline   {envelope.deadline}"
    yield f"trace      {envelope.traceparent or 'none'}"
    yield f"size       {line.size_bytes} bytes, {envelope.hops} hops, priority {envelope.priority}"
    cause = by_id.get(envelope.causationid or "")
    if cause is not None:
        yield f"cause      {_named(cause)}"
    elif envelope.causationid:
        yield f"cause      {envelope.causationid} (not in this run)"
    for answer in (one for one in log.lines if one.envelope.causationid == envelope.id):
        yield f"led to     {_named(answer)}"


def _named(line: Line) -> str:
    who = f"{about.agent_name(line.envelope.source)} -> {line.envelope.to or 'all'}"
    return f"#{line.seq} {about.short_type(line.envelope.type)}  {who}  {summary(line.message)}"


def _attempt(one: Handling, published_at: float) -> str:
    who = one.agent or "nobody"
    if one.began_at is not None:
        who += f", given to it after {max(0.0, one.began_at - published_at):.2f} s"
    if not one.event:
        return f"{one.attempt}  {who}, goes on"
    took = f" after {one.took_s:.2f} s" if one.took_s is not None else ""
    return f"{one.attempt}  {who}, {one.event}{took}" + (f": {one.code}: {one.reason}" if one.code else "")


def _calls(line: Line) -> Iterator[str]:
    for number, call in enumerate(about.calls_of(line.message)):
        cost = f"{call.prompt_tokens} + {call.completion_tokens} tokens in {call.wall_s:.2f} s"
        stored = ", from the store" if call.cached else ""
        yield (
            f"  {number}  {call.model}, seed {call.seed}, temperature {call.temperature:g}, {cost},"
            f" {call.finish_reason}{stored}"
        )
        yield from (f"       passed over {told}" for told in call.passed_over)
        for part in call.manifest:
            yield f"       {part.kind:<12} {part.size_chars:>6} chars  {part.sha256[:12]}  {part.name}"
