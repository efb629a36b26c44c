"""A run as a causal tree: each message under the one that it answers. Pure.

`tree_of` gives the shape, `render_tree` the lines that `guildbus trace RUN` prints, `as_json` the
messages in journal order, each the envelope plus `seq` and `body` (design §8).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildPlanned, BuildRequested, BuildStopped
from guildbus.protocols.messages.control import DeadDropped, DeadRequeued, MessageDied, RunCancelled
from guildbus.protocols.messages.draft import DraftAccepted, DraftProposed, DraftRejected, DraftRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished


@dataclass(slots=True)
class Node:
    """A message and those that answer it; how long it waited, and was handled (None: not yet)."""

    line: Line
    waited_s: float | None = None
    handled_s: float | None = None
    attempts: int = 0
    agent: str = ""
    outcome: str = ""
    children: list["Node"] = field(default_factory=list)


def tree_of(log: RunLog) -> list[Node]:
    """The roots of a run's tree (one, unless its history is damaged), children in journal order."""
    nodes = {line.envelope.id: Node(line) for line in log.lines}
    by_seq = {node.line.seq: node for node in nodes.values()}
    delivered_at: dict[int, float] = {}
    for attempt in log.attempts:
        node = by_seq.get(attempt.seq)
        if node is None:
            continue
        if attempt.event == "delivered":
            if node.waited_s is None:
                node.waited_s = max(0.0, attempt.at - node.line.at)
            delivered_at[attempt.seq] = attempt.at
            node.attempts = attempt.attempt
            node.agent = attempt.agent
            node.handled_s, node.outcome = None, ""
        else:
            node.outcome = attempt.event
            node.handled_s = max(0.0, attempt.at - delivered_at.get(attempt.seq, attempt.at))
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.line.envelope.causationid or "")
        (parent.children if parent is not None else roots).append(node)
    return roots


def render_tree(log: RunLog) -> Iterator[str]:
    """One line a message: time since the start, the tree, sender -> taker, what it says, what it cost."""
    if not log.lines:
        return
    start = log.lines[0].at
    for root in tree_of(log):
        yield from _lines(root, start, "", "")


def _lines(node: Node, start: float, lead: str, below: str) -> Iterator[str]:
    envelope = node.line.envelope
    sender = envelope.source.split("/")[0]
    taker = envelope.to or "all"
    cost = ""
    if node.handled_s is not None:
        cost = f"  [waited {node.waited_s or 0:.2f} s, handled in {node.handled_s:.2f} s"
        cost += f", attempt {node.attempts}]" if node.attempts > 1 else "]"
    elif node.attempts:
        cost = f"  [in the hands of {node.agent}, attempt {node.attempts}]"
    if node.outcome == "dead":
        cost += "  DEAD"
    name = envelope.type.rpartition(".v")[0]
    said = summary(node.line.message)
    yield f"{node.line.at - start:8.2f}  {lead}{name}  {sender} -> {taker}  {said}{cost}"
    for number, child in enumerate(node.children):
        last = number == len(node.children) - 1
        yield from _lines(
            child, start, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")
        )


def summary(message: Message) -> str:
    """What a message says, in one short phrase for a person."""
    match message:
        case BuildRequested():
            return f"{message.spec.name}, seed {message.options.seed}"
        case BuildPlanned():
            return f"{len(message.plan.tasks)} files in {message.plan.stages} stages"
        case DraftRequested():
            why = "" if message.reason == "first" else f", {message.reason}: {_first_evidence(message)}"
            return f"{message.task.path}, {message.candidates} candidates{why}"
        case DraftProposed():
            tokens = sum(call.completion_tokens for call in message.calls)
            seconds = sum(call.wall_s for call in message.calls)
            cached = sum(call.cached for call in message.calls)
            again = f", {cached} from the store" if cached else ""
            drawn = f"{len(message.candidates)} candidates, {tokens} tokens, {seconds:.1f} s of model"
            return f"{message.request.task.path}, {drawn}{again}"
        case DraftAccepted():
            refused = f", {len(message.refused)} refused" if message.refused else ""
            return f"{message.task.path}, {len(message.accepted)} passed the gates{refused}"
        case DraftRejected():
            gates = sorted({v.gate for c in message.refused for v in c.verdicts if v.outcome == "rejected"})
            return f"{message.task.path}, refused by {', '.join(gates)}"
        case VerificationFinished():
            tail = f", {len(message.failures)} failing" if message.failures else ""
            tail += f", {len(message.diagnostics)} complaints" if message.diagnostics else ""
            if message.fixes:
                tail += f", mended: {', '.join(sorted({fix.fixer for fix in message.fixes}))}"
            tail += ", rolled back" if message.rolled_back else ""
            colour = "green" if message.green else "red"
            return f"{message.score.total}/3 {colour}, {message.tried} combinations tried{tail}"
        case BuildStopped():
            return message.reason
        case BuildFinished():
            return f"{message.status}, {message.score.total}/3"
        case MessageDied():
            return f"{message.message_type}: {message.code}: {message.reason}"
        case RunCancelled():
            return f"by {message.by}" + (f": {message.reason}" if message.reason else "")
        case DeadRequeued():
            return f"{message.message_id} once more, as {message.copy_id}"
        case DeadDropped():
            return f"{message.message_id}: {message.reason or 'no reason given'}"
        case _:
            return _heard(message)


def _heard(message: Message) -> str:
    """What is said of references and disputes."""
    match message:
        case ReferenceRequested():
            return f"{message.count} programs in {message.language}, from sample {message.first}"
        case ReferenceProposed():
            return f"{', '.join(program.name for program in message.programs)}, {message.tokens} tokens"
        case WitnessesEstablished():
            settled = sum(len(table.cases) for table in message.tables)
            drawn = sum(table.drawn for table in message.tables)
            away = f", {len(message.dismissed)} dismissed" if message.dismissed else ""
            return f"{len(message.witnesses)} witnesses settle {settled} of {drawn} cases{away}"
        case OracleRequested():
            return f"{message.path}: {', '.join(message.failing)}"
        case OracleAnswered():
            wrong = [f"{v.call}: {v.before} -> {v.after or '?'}" for v in message.verdicts if v.before]
            return f"{message.path}: {'; '.join(wrong) or 'no row is found wrong'}"
        case _:
            return ""


def _first_evidence(message: DraftRequested) -> str:
    return message.evidence[0].text if message.evidence else "no evidence"


def as_json(log: RunLog) -> list[dict[str, Any]]:
    """The run's messages in journal order: envelope attributes, `seq`, `body`."""
    return [
        line.envelope.to_header() | {"seq": line.seq, "body": line.message.model_dump(mode="json")}
        for line in log.lines
    ]


def contexts(log: RunLog) -> Iterator[str]:
    """What each model call's prompt held: the proof that no specialist saw another's context."""
    shown: dict[str, list[str]] = defaultdict(list)
    for proposed in log.of(DraftProposed):
        request = proposed.request
        for number, call in enumerate(proposed.calls):
            head = f"{request.author}  round {request.round}  {request.task.path}  candidate {number}"
            head += f"  {call.prompt_tokens} + {call.completion_tokens} tokens  {call.model}"
            parts = [
                f"    {p.kind:<12} {p.size_chars:>6} chars  {p.sha256[:12]}  {p.name}" for p in call.manifest
            ]
            shown[head] = parts
    for head, parts in shown.items():
        yield head
        yield from parts
