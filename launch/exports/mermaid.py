"""A run as a Mermaid sequence diagram: one arrow a message, a note a verdict. Pure.

Mermaid ends a text at a line break or a semicolon, and reads `#` and `%%` its own way: `_text` writes such
characters as entities. A redelivery is an arrow of the broker's, with a cross if the attempt failed.
"""

from collections.abc import Iterator
from typing import Final

from guildbus.launch import about
from guildbus.launch.handling import handlings_of
from guildbus.launch.run_log import RunLog
from guildbus.launch.tracing import summary

TEXT_CHARS: Final = 100
BROKER: Final = "broker"


def render(log: RunLog) -> str:
    """The diagram's text; a run without messages gives one without arrows."""
    return "".join(f"{line}\n" for line in _lines(log))


def _lines(log: RunLog) -> Iterator[str]:
    yield "sequenceDiagram"
    yield "    autonumber"
    names = dict.fromkeys(
        name
        for line in log.lines
        for name in (about.agent_name(line.envelope.source), line.envelope.to or BROKER)
    )
    ids = {name: f"p{number}" for number, name in enumerate(names)}
    handlings = handlings_of(log)
    if any(len(found) > 1 for found in handlings.values()):
        ids.setdefault(BROKER, f"p{len(ids)}")
    for name, known in ids.items():
        yield f"    participant {known} as {_text(name)}"
    for line in log.lines:
        sender = ids[about.agent_name(line.envelope.source)]
        taker = ids[line.envelope.to or BROKER]
        said = f"{about.short_type(line.envelope.type)}: {summary(line.message)}"
        yield f"    {sender}{'->>' if line.envelope.to else '-)'}{taker}: {_text(said)}"
        verdict = about.verdict_of(line.message)
        if verdict:
            yield f"    Note over {sender}: {'green' if verdict == 'good' else 'red'}"
        for one in handlings.get(line.seq, []):
            if one.event in ("failed", "dead") and BROKER in ids:
                yield f"    {taker}-x{ids[BROKER]}: {_text(f'attempt {one.attempt} {one.event}: {one.code}')}"


def _text(text: str) -> str:
    """Text that Mermaid shows as it is, on one line and not too long."""
    line = " ".join(text.split())
    if len(line) > TEXT_CHARS:
        line = line[: TEXT_CHARS - 1] + "…"
    return "".join(one if one.isalnum() or one in " .,:_-()/…→=+*'!?" else f"#{ord(one)};" for one in line)
