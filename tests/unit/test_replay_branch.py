"""A run that is forked: which messages come along, which of them are work again, and what is changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from guildbus.agents.run_state import fold
from guildbus.agents.runtime import wrap
from guildbus.bus.tail import Attempt
from guildbus.launch.config import parse_config
from guildbus.launch.places import Host
from guildbus.launch.replay.branch import branch_at, copies, read_settings
from guildbus.launch.replay.recorded import turns_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols import codec
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildRequested
from guildbus.protocols.messages.control import EventNoticed
from guildbus.protocols.messages.draft import DraftAccepted, DraftProposed, DraftRequested
from guildbus.protocols.registry import standard_registry
from told import NUMKIT, RUN, Told, call, finished, proposed, span

HOST = Host({}, Path("/home/ada"), Path("/home/ada"), "linux", "x86_64")
CONFIG = parse_config(
    '[models.big]\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "big"\n', "guild.toml", HOST, HOST.cwd
)


def recorded() -> RunLog:
    """Two drafts that were made side by side; go-dev was ready first.

    1 build.requested -> 2 planned, 3 and 4 requested; 3 -> 5 proposed -> 6 accepted -> nothing;
    4 -> 7 proposed -> 8 accepted -> 9 finished
    """
    told = Told.of(NUMKIT)
    ask_dev, ask_test = told.state.requests
    told.accept("numkit.go", "code", spans=[span(1, 1)]).accept("numkit_test.go", "test")
    accepted = told.state.accepted
    story: list[tuple[Message, int, str, float]] = [
        (told.messages[0], 0, "cli/1", 100.0),
        (told.messages[1], 1, "planner/1", 101.0),
        (ask_dev, 1, "planner/1", 101.0),
        (ask_test, 1, "planner/1", 101.0),
        (proposed(ask_dev, call()), 3, "go-dev/1", 105.0),
        (accepted[0], 5, "gate-keeper/1", 106.0),
        (proposed(ask_test, call()), 4, "go-test/1", 110.0),
        (accepted[1], 7, "gate-keeper/1", 111.0),
        (finished(), 8, "verifier/1", 115.0),
    ]
    lines: list[Line] = []
    for number, (message, cause, source, at) in enumerate(story, 1):
        before = lines[cause - 1].envelope if cause else None
        packet = wrap(message, source=source, subject=RUN, now=at, cause=before)
        lines.append(Line(number, packet.envelope, message, len(packet.body)))
    settled = {1: ("planner/1", 101.0), 3: ("go-dev/1", 105.0), 5: ("gate-keeper/1", 106.0)}
    settled |= {6: ("verifier/1", 107.0), 4: ("go-test/1", 110.0), 7: ("gate-keeper/1", 111.0)}
    settled |= {8: ("verifier/1", 115.0)}
    attempts = [
        Attempt(n, at, seq, 1, agent, "settled", "", "")
        for n, (seq, (agent, at)) in enumerate(settled.items())
    ]
    return RunLog(RUN, tuple(lines), tuple(attempts))


NOTHING = read_settings([], CONFIG)


def heard() -> RunLog:
    """The same, and somebody who subscribes to requests: they are told in 2, 5 and 7."""
    found: list[Line] = []
    for line in recorded().lines[:4]:
        found.append(line)
        if isinstance(line.message, BuildRequested | DraftRequested):
            kind, name = line.envelope.type, line.envelope.id
            notice = EventNoticed(message_id=name, message_type=kind, seq=len(found))
            packet = wrap(notice, source="broker/b", subject=RUN, now=line.at, cause=line.envelope)
            found.append(Line(0, replace(packet.envelope, to="ear"), notice, 1))
    lines = tuple(replace(line, seq=seq) for seq, line in enumerate(found, 1))
    settled = [
        Attempt(0, 100.5, 2, 1, "ear/1", "settled", "", ""),
        Attempt(1, 101.0, 1, 1, "planner/1", "settled", "", ""),
    ]
    return RunLog(RUN, lines, tuple(settled))


def test_notices_come_along_with_what_they_are_about_and_name_its_copy() -> None:
    log = heard()
    kinds = [line.envelope.type.partition(".v")[0] for line in log.lines]
    assert [n for n, kind in enumerate(kinds, 1) if kind == "event.noticed"] == [2, 5, 7]
    branch = branch_at(log, "4", NOTHING)
    assert (len(branch.kept), branch.open) == (7, {4, 5, 6, 7})
    packets = copies(branch, out="/o", source="cli", now=500.0)
    assert all(packet.envelope.causationid for packet in packets), "the broker knows them for copies"
    for original, notice in ((0, 1), (3, 4), (5, 6)):
        body = codec.decode(EventNoticed.wire_type(), packets[notice].body, standard_registry())
        assert isinstance(body, EventNoticed)
        assert (body.message_id, body.seq) == (packets[original].envelope.id, 0)
    assert [packets[n].envelope.to for n in (1, 4, 6)] == [None, "ear", "ear"]


@pytest.mark.parametrize(
    ("at", "kept", "work"),
    [
        (1, 1, {1}),
        (3, 4, {3, 4}),  # what came in one transaction stays together
        (5, 5, {4, 5}),  # the other draft was still being made
        (7, 7, {7}),  # the first acceptance was handled by then, though nothing came of it
        (8, 8, {8}),
    ],
)
def test_what_was_there_comes_along_and_what_nobody_had_handled_is_work(
    at: int, kept: int, work: set[int]
) -> None:
    branch = branch_at(recorded(), str(at), NOTHING)
    assert [line.seq for line in branch.kept] == list(range(1, kept + 1))
    assert branch.open == work
    packets = copies(branch, out="/o", source="cli", now=500.0)
    assert {n for n, packet in enumerate(packets, 1) if packet.envelope.to is not None} == work


def test_copies_are_a_run_of_their_own_that_an_agent_folds_like_any_other() -> None:
    log = recorded()
    branch = branch_at(log, "7", NOTHING)
    packets = copies(branch, out="/o", source="cli", now=500.0)
    names = {packet.envelope.id for packet in packets}
    assert len(names) == len(packets)
    assert not names & {line.envelope.id for line in log.lines}
    assert {packet.envelope.subject for packet in packets} == {branch.run}
    assert branch.run.startswith(f"{RUN}-fork-")
    assert all(packet.envelope.causationid in names for packet in packets[1:])
    assert all(packet.envelope.deadline is None for packet in packets)
    registry = standard_registry()
    messages = [codec.decode(packet.envelope.type, packet.body, registry) for packet in packets]
    state = fold(messages)
    assert [draft.task.path for draft in state.accepted] == ["numkit.go"]
    assert len(state.outstanding()) == 1
    assert all(c.cached for one in messages if isinstance(one, DraftProposed) for c in one.calls)
    assert all(not one.spans for one in messages if isinstance(one, DraftAccepted))
    (requested,) = [one for one in messages if isinstance(one, BuildRequested)]
    assert requested.origin is not None
    assert (requested.origin.run, requested.origin.message_id) == (RUN, log.lines[6].envelope.id)
    assert requested.out == "/o"


def test_what_is_set_reaches_the_options_and_the_requests_that_are_open() -> None:
    changes = read_settings(["candidates=5", "seed=9", "go-dev.model=big", "temperature=0.9"], CONFIG)
    agents = {agent.name: agent for agent in changes.config.agents}
    assert (agents["go-dev"].model, agents["go-test"].model) == ("big", "default")
    assert (agents["go-dev"].temperature, agents["go-test"].temperature) == (0.9, 0.9)
    assert agents["verifier"].temperature is None
    packets = copies(branch_at(recorded(), "5", changes), out="/o", source="cli", now=500.0)
    messages = [codec.decode(p.envelope.type, p.body, standard_registry()) for p in packets]
    asked = [one for one in messages if isinstance(one, DraftRequested)]
    assert [(one.author, one.seed, one.candidates) for one in asked] == [
        ("go-dev", 1, 1),  # this one was answered before: it is history
        ("go-test", 9, 5),
    ]
    assert fold(messages).options.seed == 9


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["candidates"], "name=value"),
        (["candidats=3"], "candidates"),
        (["candidates=99"], "16"),
        (["model=bigg"], "big"),
        (["verifyer.model=big"], "cannot be set"),
        (["examine=perhaps"], "boolean"),
    ],
)
def test_what_cannot_be_set_is_named(texts: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_settings(texts, CONFIG)


@pytest.mark.parametrize(
    ("at", "told"),
    [("2", "announcement"), ("zz", "no such message"), ("e", "messages fit"), ("9", "announcement")],
)
def test_a_message_that_nothing_can_come_of_is_refused(at: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        branch_at(recorded(), at, NOTHING)


def test_turns_are_what_was_handled_with_the_answers_of_whoever_settled_it() -> None:
    turns = turns_of(recorded())
    assert [(turn.line.seq, turn.agent, [line.seq for line in turn.answers]) for turn in turns] == [
        (1, "planner", [2, 3, 4]),
        (3, "go-dev", [5]),
        (4, "go-test", [7]),
        (5, "gate-keeper", [6]),
        (6, "verifier", []),
        (7, "gate-keeper", [8]),
        (8, "verifier", [9]),
    ]
