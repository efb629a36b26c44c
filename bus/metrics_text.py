"""A health report as Prometheus text (exposition format 0.0.4). Pure.

What the broker knows already is all that is told: nothing is counted for it on a message's way. Read
`metrics_server.py` for how it is asked for; `guildbus.launch.metrics` gives the same text to others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from guildbus.bus.permissions import OPERATOR

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def metrics_text(report: Mapping[str, Any], up_s: float | None = None) -> str:
    """The text for one health report, as the broker gives it. `up_s`: the broker's age in seconds."""
    return "".join(f"{line}\n" for line in _lines(report, up_s))


def _lines(report: Mapping[str, Any], up_s: float | None) -> Iterator[str]:
    # A person's commands come and go under names of their own: each would be a time series for ever.
    agents = [agent for agent in report.get("agents", ()) if agent["role"] != OPERATOR]
    queues = [queue for queue in report.get("queues", ()) if not _is_operators(queue["role"])]
    journal = report.get("journal", {})
    if up_s is not None:
        yield from _family("guildbus_up_seconds", "gauge", "Age of the broker process.", [({}, up_s)])
    for key, text in (
        ("ready", "Messages that wait to be delivered."),
        ("leased", "Messages that an agent works on."),
        ("backlog", "Messages that are not settled, those in the journal alone included."),
    ):
        samples = [({"queue": queue["role"]}, queue[key]) for queue in queues]
        yield from _family(f"guildbus_queue_{key}", "gauge", text, samples)
    for key, text in (
        ("credit", "Messages that the agent can take now."),
        ("silent_s", "Seconds since the agent was last heard."),
    ):
        name = "guildbus_agent_silent_seconds" if key == "silent_s" else f"guildbus_agent_{key}"
        yield from _family(name, "gauge", text, [(_agent(agent), agent[key]) for agent in agents])
    in_hand = [(_agent(agent), len(agent["handling"])) for agent in agents]
    yield from _family("guildbus_agent_in_hand", "gauge", "Messages in the agent's hands.", in_hand)
    yield from _family("guildbus_agents", "gauge", "Agents that are connected.", [({}, len(agents))])
    for key, name, kind, text in (
        ("published", "guildbus_messages_published_total", "counter", "Messages ever stored in the journal."),
        ("dead", "guildbus_dead_letters_total", "counter", "Messages that died since the broker started."),
        (
            "parked",
            "guildbus_messages_parked",
            "gauge",
            "Open messages of runs that this broker leaves alone.",
        ),
    ):
        if key in report:
            yield from _family(name, kind, text, [({}, report[key])])
    refused = [({"code": code}, count) for code, count in sorted(report.get("refused", {}).items())]
    yield from _family("guildbus_refusals_total", "counter", "What the broker refused, by code.", refused)
    writable: list[Sample] = [({}, journal.get("state") in ("ok", "none"))]
    yield from _family("guildbus_journal_writable", "gauge", "Whether the journal takes messages.", writable)
    damaged: list[Sample] = [({}, journal.get("damaged", 0))]
    yield from _family("guildbus_journal_damaged", "gauge", "Damaged records that were found.", damaged)


def _is_operators(queue: str) -> bool:
    return queue == OPERATOR or queue.startswith("cli-")


def _agent(agent: Mapping[str, Any]) -> dict[str, str]:
    return {"agent": agent["name"], "role": agent["role"]}


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """One metric with its samples; nothing if it has none."""
    rows = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
    if rows:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} {kind}"
        yield from rows


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
