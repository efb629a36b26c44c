"""docs/protocol.md is the authority, so each of its tables and numbers is held against the code."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from guildbus.bus import broker, letters, outbox, reading, session
from guildbus.bus.events import Heartbeat, Hello
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols import envelope, errors, wire
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import Kind

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
SAID = " ".join(PAGE.split())
NEVER_SENT = {"protocol.invalid", "protocol.unknown_type", "protocol.invalid_body", "protocol.unanswered"}
LIMITS = Limits()
PRIORITY = Envelope(id="i", source="s", type="t.v1", subject="r", time="t").priority
HELLO = Hello(b"p", "a", "role", "1", 0, frozenset())


def section(title: str) -> str:
    """The text of a section, from its heading to the next of its depth."""
    depth = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.MULTILINE)
    assert depth is not None, title
    rest = PAGE[depth.end() :]
    end = re.search(rf"^#{{2,{len(depth[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without headings."""
    found = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in found]
    rules = [at for at, row in enumerate(cells) if set("".join(row)) <= set("-| ")]
    return [row for at, row in enumerate(cells) if at not in rules and at + 1 not in rules]


def named(text: str) -> set[str]:
    """All that stands in backticks."""
    return set(re.findall(r"`([^`]+)`", text))


def kinds_of(root: type[errors.GuildbusError]) -> Iterator[type[errors.GuildbusError]]:
    yield root
    for child in root.__subclasses__():
        yield from kinds_of(child)


def test_every_error_code_that_travels_is_in_the_table() -> None:
    said = {code for row in rows(section("7. Errors")) for code in named(row[0])}
    travelling = {kind.code for kind in kinds_of(errors.ProtocolError)} - NEVER_SENT
    travelling.add(errors.JournalError.code)
    assert said == travelling
    assert NEVER_SENT - {"protocol.invalid"} <= named(section("7. Errors"))


def test_every_code_of_the_broker_that_a_message_may_die_of_is_in_the_table() -> None:
    said = {code for row in rows(section("6.7 Dead letters")) for code in named(row[0])}
    sources = Path(broker.__file__).parent.glob("*.py")
    codes = {code for path in sources for code in re.findall(r'"(bus\.\w+)"', path.read_text("utf-8"))}
    assert said == codes - {"bus.cancelled"}  # that is not dead: nobody mourns it


def test_the_kinds() -> None:
    said = {
        (int(row[0], 16), row[1]) for row in rows(section("3. Kinds")) if re.fullmatch("[0-9a-f]{2}", row[0])
    }
    assert said == {(kind.value, kind.name) for kind in Kind}


def test_the_envelope() -> None:
    table = rows(section("4. Envelope"))
    said = {name for row in table for name in named(row[0])}
    assert said == {field.name for field in fields(Envelope)} | {"specversion"}
    required = {name for row in table if row[2] == "yes" for name in named(row[0])}
    assert required == envelope._REQUIRED | {"specversion"}


def test_the_types() -> None:
    bodies = standard_registry().bodies
    said = {next(iter(named(row[0]))): row[1] for row in rows(section("5. Bodies"))}
    assert said.keys() == bodies.keys()


def test_the_terms() -> None:
    (_presence, welcome, *_rest) = Routing(LIMITS, "b").apply(HELLO, 0.0)
    assert isinstance(welcome, letters.Send)
    welcomes = section("3. Kinds").split("**WELCOME**")[1].split("**PUBLISH**")[0]
    assert {name for row in rows(welcomes) for name in named(row[0])} == welcome.header.keys()


def test_the_health_report() -> None:
    routing = Routing(LIMITS, "b")
    routing.apply(HELLO, 0.0)
    (answer,) = routing.apply(Heartbeat(b"p", "", True), 0.0)
    assert isinstance(answer, letters.Send)
    said = section("6.6 Health")
    report = answer.header["health"]
    for part in (report, report["agents"][0], report["queues"][0]):
        assert all(re.search(rf"\b{name}\b", said) for name in part), part


@pytest.mark.parametrize(
    "sentence",
    [
        f"one map with text keys, at most {wire.MAX_HEADER_BYTES:,} bytes",
        f"| header, also one inside an ACK | {wire.MAX_HEADER_BYTES:,} bytes packed |",
        f"`max_bytes`: {wire.DEFAULT_MAX_BYTES >> 20} MiB by default",
        f"| a frame over `max_bytes` + {wire.MAX_HEADER_BYTES:,} |",
        f"| short text | {envelope.MAX_TEXT:,} characters |",
        f'"Short text" means 1 to {envelope.MAX_TEXT:,} characters',
        f"ACCEPTED may be held back for {outbox.PATIENCE_S * 1000:.0f} ms",
        f"A BATCH holds at most {wire.MAX_BATCH:,} frame sets",
        f"| header of a DELIVER | {wire.MAX_DELIVERY_BYTES} more",
        f"| `credit` | 0 to {reading.MAX_CREDIT:,} | default 0",
        f"| credit | {reading.MAX_CREDIT:,} a frame |",
        f"| `priority` | 0 to {envelope.MAX_PRIORITY} | no, {PRIORITY} |",
        f"| `hops` | {LIMITS.max_hops} |",
        f"| unsettled messages in a queue | {LIMITS.queue_bound:,} |",
        f"| attempts | {LIMITS.max_attempts} |",
        f"| credit of one agent, with what it has in hand | {LIMITS.max_credit:,} |",
        f"| agents, queues | {LIMITS.max_agents:,}, {LIMITS.max_queues:,} |",
        f"the last {LIMITS.remembered_acks:,}; the last {broker.RESTORED_ACKS:,} ACKs after a restart",
        f"every `heartbeat_s` ({LIMITS.heartbeat_s:.0f} s before it has heard the terms)",
        f"not heard for {LIMITS.silent_s:.0f} s (the broker's `silent_s`)",
        f"it waited {LIMITS.unclaimed_s:.0f} s (`unclaimed_s`)",
        f"The client should wait ({session.BUSY_RETRY_S} s)",
        "`delay_ms` | 0 to 86,400,000 |",
    ],
)
def test_the_numbers(sentence: str) -> None:
    assert sentence in SAID
