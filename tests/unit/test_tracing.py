"""Traces: every message stands in the tree under its cause, with its times; JSON is the envelope and more."""

import json
from typing import ClassVar

import pytest

from guildbus.bus.tail import Attempt
from guildbus.launch.message_view import message_view, plain
from guildbus.launch.tracing import as_json, contexts, render_tree, summary, tree_of
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.control import (
    AttemptFailure,
    DeadDropped,
    DeadRequeued,
    EventNoticed,
    MessageDied,
    RunCancelled,
)
from guildbus.protocols.messages.draft import DraftRequested, Evidence
from guildbus.protocols.messages.finish import FinishJudged, FinishRequested
from guildbus.protocols.messages.oracle import OracleAnswered, OracleRequested, RowVerdict
from guildbus.protocols.registry import standard_registry
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, failure, finished, log_of, proposed, refusal


def run() -> Told:
    told = Told.of(NUMKIT)
    told.add(proposed(told.state.requests[0], call(), call(cached=True)))
    told.accept("numkit.go", IMPLEMENTATION).reject("numkit_test.go", refusal())
    told.ask("numkit_test.go").accept("numkit_test.go", SUITE).verify(failures=(failure(),))
    return told.add(BuildStopped(reason="stalled", diagnosis="no"), finished("red:stalled"))


def attempt(n: int, seq: int, event: str, at: float, number: int = 1, agent: str = "go-dev/7") -> Attempt:
    return Attempt(n, at, seq, number, agent, event, "", "")


def test_each_message_stands_once_under_the_one_that_it_answers() -> None:
    log = log_of(*run().messages)
    (root,) = tree_of(log)
    depth, node = 1, root
    while node.children:
        (node,) = node.children
        depth += 1
    assert depth == len(log.lines)
    lines = list(render_tree(log))
    assert len(lines) == len(log.lines)
    assert "build.requested" in lines[0]
    assert "build.finished" in lines[-1]


def test_siblings_keep_the_journals_order() -> None:
    log = log_of(*run().messages[:4])
    cause = log.lines[0].envelope
    lines = [log.lines[0]]
    for line in log.lines[1:]:
        fields = {name: getattr(line.envelope, name) for name in Envelope.__slots__}
        envelope = Envelope(**(fields | {"causationid": cause.id}))
        lines.append(type(line)(line.seq, envelope, line.message, line.size_bytes))
    (root,) = tree_of(type(log)(log.run, tuple(lines)))
    assert [child.line.seq for child in root.children] == [2, 3, 4]
    text = list(render_tree(type(log)(log.run, tuple(lines))))
    assert ["├─" in line for line in text] == [False, True, True, False]
    assert "└─" in text[-1]


def test_a_message_whose_cause_is_not_in_the_log_is_a_root_of_its_own() -> None:
    log = log_of(*run().messages[:3])
    assert len(tree_of(type(log)(log.run, log.lines[1:]))) == 1
    assert len(tree_of(type(log)(log.run, (log.lines[0], log.lines[2])))) == 2


def test_times_come_from_the_attempts() -> None:
    log = log_of(
        *run().messages[:1], attempts=[attempt(1, 1, "delivered", 100.5), attempt(2, 1, "settled", 103.0)]
    )
    (node,) = tree_of(log)
    assert (node.waited_s, node.handled_s, node.agent) == (0.5, 2.5, "go-dev/7")
    assert "[waited 0.50 s, handled in 2.50 s]" in next(render_tree(log))


def test_a_second_attempt_is_told() -> None:
    story = [
        attempt(1, 1, "delivered", 100.5),
        attempt(2, 1, "failed", 101.0),
        attempt(3, 1, "delivered", 102.0, 2),
        attempt(4, 1, "settled", 102.5, 2),
    ]
    log = log_of(*run().messages[:1], attempts=story)
    assert "handled in 0.50 s, attempt 2" in next(render_tree(log))


def test_a_message_that_was_handed_out_again_is_in_hand_and_not_done() -> None:
    story = [
        attempt(1, 1, "delivered", 100.5),
        attempt(2, 1, "failed", 101.0),
        attempt(3, 1, "delivered", 102.0, 2, "go-dev/8"),
    ]
    line, *attempts = render_tree(log_of(*run().messages[:1], attempts=story))
    assert "in the hands of go-dev/8, attempt 2" in line
    assert "handled" not in line
    assert [one.split(":")[-1] for one in attempts] == [" failed after 0.50 s", " goes on"]


def test_a_dead_message_is_marked() -> None:
    story = [attempt(1, 1, "delivered", 100.5), attempt(2, 1, "dead", 101.0)]
    assert "DEAD" in next(render_tree(log_of(*run().messages[:1], attempts=story)))


def test_json_is_the_envelope_with_seq_and_body_in_journal_order() -> None:
    log = log_of(*run().messages)
    lines = json.loads(json.dumps(as_json(log)))
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    for line, told in zip(lines, log.lines, strict=True):
        assert line["id"] == told.envelope.id
        assert line["subject"] == log.run
        assert type(told.message).model_validate(line["body"]) == told.message


def test_contexts_list_what_each_prompt_held() -> None:
    text = "\n".join(contexts(log_of(*run().messages)))
    assert "go-dev  round 0  numkit.go  candidate 0" in text
    assert "candidate 1" in text
    assert "go_dev.md" in text


@pytest.mark.parametrize("message", run().messages, ids=lambda message: message.type)
def test_every_message_of_a_run_says_something(message: Message) -> None:
    assert summary(message)


def test_every_type_of_the_registry_is_summed_up() -> None:
    died = MessageDied(
        message_id="x",
        message_type="draft.requested.v1",
        queue="go-dev",
        code="infra.model",
        reason="down",
        failures=(AttemptFailure(attempt=1, agent="go-dev/1", code="infra.model", reason="down"),),
    )
    cancelled = RunCancelled(reason="too slow", by="operator")
    requeued = DeadRequeued(message_id="x", copy_id="y", by="me")
    dropped = DeadDropped(message_id="x", by="me", reason="a drill")
    question = OracleRequested(path="a_test.go", folder="", source="", round=1, failing=("GCD(0, 5)",))
    verdict = RowVerdict(
        test="T", line=1, call="GCD(0, 5)", finding="row-wrong", expected="4", before="4", after="5"
    )
    verdicts = OracleAnswered(path="a_test.go", round=1, verdicts=(verdict,))
    heard = run().witness("").messages[-3:]
    asked = FinishRequested(
        role="go-doc", spec=NUMKIT, plan=run().state.plan, reached=run().state.verifications[-1], until=1.0
    )
    edited = asked.propose({"numkit.go": "package numkit\n"}, note="Two comments.")
    refused = FinishJudged(role="go-doc", kept=False, reason="go build fails")
    noticed = EventNoticed(message_id="x", message_type="build.planned.v1")
    told = [*run().messages, noticed, died, cancelled, requeued, dropped, question, verdicts, *heard]
    told += [asked, edited, refused]
    seen = {message.wire_type() for message in told}
    assert seen == {body.wire_type() for body in standard_registry().bodies.values()}
    assert summary(noticed) == "of build.planned"
    assert summary(asked) == f"asked of go-doc, at {asked.reached.score.total}/3"
    assert summary(edited) == "numkit.go: Two comments."
    assert summary(refused) == "go-doc: not kept: go build fails"
    assert summary(question) == "a_test.go: GCD(0, 5)"
    assert summary(verdicts) == "a_test.go: GCD(0, 5): 4 -> 5"
    assert [summary(message) for message in heard] == [
        "2 programs in python, from sample 0",
        "python-0, python-1, 140 tokens",
        "2 witnesses settle 0 of 0 cases",
    ]
    assert "down" in summary(died)
    assert summary(cancelled) == "by operator: too slow"
    assert "as y" in summary(requeued)
    assert "a drill" in summary(dropped)


def test_a_repair_says_what_it_was_asked_for() -> None:
    asked = next(m for m in run().messages if isinstance(m, DraftRequested) and m.round)
    assert "no evidence" in summary(asked)
    evidence = (Evidence(kind="gate", where="numkit_test.go", text="checks nothing"),)
    assert summary(asked.model_copy(update={"evidence": evidence})).endswith("repair: checks nothing")


def test_a_model_that_was_passed_over_is_told() -> None:
    told = proposed(Told.of(NUMKIT).state.requests[0], call(passed_over=("hosted: HTTP 503: loading",)))
    assert summary(told).endswith(", passed over: hosted")
    assert summary(proposed(Told.of(NUMKIT).state.requests[0], call())).endswith("s of model")
    log = log_of(told)
    assert "    passed over  hosted: HTTP 503: loading" in list(contexts(log))
    assert any("passed over hosted: HTTP 503" in text for text in plain(message_view(log, 1)))


def test_an_empty_run_has_an_empty_trace() -> None:
    assert list(render_tree(log_of())) == []
    assert as_json(log_of()) == []


class Listed(Message):
    """A type of somebody else's."""

    type: ClassVar[str] = "package.listed"
    names: tuple[str, ...]
    found: tuple[Evidence, ...] = ()
    lines: int = 0


def test_of_a_type_that_is_not_ours_its_plain_fields_and_lists_of_words_are_told() -> None:
    assert summary(Listed(names=("GCD", "Clamp"), lines=3)) == "names=GCD, Clamp, lines=3"
    finding = Evidence(kind="test", where="a", text="b")
    assert summary(Listed(names=("GCD" * 40,), found=(finding,))) == f"names={'GCD' * 40}"[:80] + "..."
