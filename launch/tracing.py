"""A run as a causal tree: each message under the one that it answers. Pure.

`tree_of` gives the shape, `tree_rows` the lines that `guildbus trace RUN` prints, `as_json` the
messages in journal order, each the envelope plus `seq` and `body` (design §8). Attempts: `handling.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from guildbus.launch import about
from guildbus.launch.filtering import Wanted, chosen
from guildbus.launch.handling import Handling, handlings_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildPlanned, BuildRequested, BuildStopped
from guildbus.protocols.messages.control import (
    DeadDropped,
    DeadRequeued,
    EventNoticed,
    MessageDied,
    RunCancelled,
)
from guildbus.protocols.messages.draft import (
    DraftAccepted,
    DraftProposed,
    DraftRejected,
    DraftRequested,
    ModelCall,
)
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished

Look = Literal["", "good", "bad", "dim"]


@dataclass(slots=True)
class Node:
    """A message and those that answer it.

    How long it waited for its first taker and how long the last one handled it (None: not yet), in seconds;
    what that cost in model time, tokens and toolchain time, as the answers tell. `outcome` is '' while it is
    open.
    """

    line: Line
    waited_s: float | None = None
    handled_s: float | None = None
    attempts: int = 0
    agent: str = ""
    outcome: str = ""
    handlings: list[Handling] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    @property
    def calls(self) -> list[ModelCall]:
        """The model calls that this message led to, but for what came from the store."""
        told = [call for child in self.children for call in about.calls_of(child.line.message)]
        return [call for call in told if not call.cached]

    @property
    def model_s(self) -> float:
        """Seconds of these calls; calls at the same time each count."""
        return sum(call.wall_s for call in self.calls)

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out of them."""
        return sum(call.prompt_tokens for call in self.calls), sum(c.completion_tokens for c in self.calls)

    @property
    def toolchain_s(self) -> float:
        """Seconds of toolchain runs that this message led to."""
        return sum(span.wall_s for child in self.children for span in about.spans_of(child.line.message))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tree, and how it looks on a terminal."""

    text: str
    look: Look = ""


def tree_of(log: RunLog) -> list[Node]:
    """The roots of a run's tree (one, unless its history is damaged), children in journal order."""
    nodes = {line.envelope.id: Node(line) for line in log.lines}
    handlings = handlings_of(log)
    for node in nodes.values():
        _tell(node, handlings.get(node.line.seq, []))
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.line.envelope.causationid or "")
        (parent.children if parent is not None else roots).append(node)
    return roots


def _tell(node: Node, handlings: list[Handling]) -> None:
    node.handlings = handlings
    delivered = [one for one in handlings if one.began_at is not None]
    if delivered:
        node.waited_s = max(0.0, (delivered[0].began_at or 0.0) - node.line.at)
        node.attempts = delivered[-1].attempt
        node.agent = delivered[-1].agent
        node.handled_s = delivered[-1].took_s
    if handlings:
        node.outcome = handlings[-1].event


def tree_rows(log: RunLog, wanted: Wanted | None = None) -> Iterator[Row]:
    """One line a message: time since the start, the tree, sender -> taker, what it says, what it cost.

    Below it a line for each attempt, if it took more than one. With `wanted`, the others are left out but for
    the causes of those that remain, which are cut short.
    """
    if not log.lines:
        return
    kept = chosen(log, wanted) if wanted else None
    for root in tree_of(log):
        yield from _rows(_grown(root, kept), log.lines[0].at, "", "", kept)


def render_tree(log: RunLog, wanted: Wanted | None = None) -> Iterator[str]:
    """The same as plain lines."""
    return (row.text for row in tree_rows(log, wanted))


def _grown(node: Node, kept: frozenset[int] | None) -> Node | None:
    """The node with those branches that hold a message to keep; None if it holds none."""
    if kept is None:
        return node
    node.children = [child for child in node.children if _grown(child, kept) is not None]
    return node if node.children or node.line.seq in kept else None


def _rows(
    node: Node | None, start: float, lead: str, below: str, kept: frozenset[int] | None
) -> Iterator[Row]:
    if node is None:
        return
    yield _row(node, start, lead, brief=kept is not None and node.line.seq not in kept)
    if len(node.handlings) > 1 and (kept is None or node.line.seq in kept):
        rail = "│  " if node.children else "   "
        yield from (Row(f"{'':8}  {below}{rail}{_told(one)}", "dim") for one in node.handlings)
    for number, child in enumerate(node.children):
        last = number == len(node.children) - 1
        deeper = below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")
        yield from _rows(child, start, *deeper, kept)


def _row(node: Node, start: float, lead: str, *, brief: bool) -> Row:
    envelope = node.line.envelope
    way = f"{about.agent_name(envelope.source)} -> {envelope.to or 'all'}"
    text = f"{node.line.at - start:8.2f}  {lead}{about.short_type(envelope.type)} #{node.line.seq}  {way}"
    if brief:
        return Row(f"{text} ...", "dim")
    dead = node.outcome == "dead"
    text += f"  {summary(node.line.message)}{_cost(node)}{'  DEAD' if dead else ''}"
    look: Look = "bad" if dead or about.verdict_of(node.line.message) == "bad" else ""
    return Row(text, "good" if about.verdict_of(node.line.message) == "good" else look)


def _cost(node: Node) -> str:
    """What became of a message: how long it waited and was handled, what of that was model and toolchain."""
    if node.handled_s is None:
        return f"  [in the hands of {node.agent}, attempt {node.attempts}]" if node.attempts else ""
    parts = [f"waited {node.waited_s or 0:.2f} s", f"handled in {node.handled_s:.2f} s"]
    if any(node.tokens):
        taken, made = node.tokens
        parts.append(f"model {node.model_s:.1f} s, {taken} + {made} tokens")
    if node.toolchain_s >= 0.005:
        parts.append(f"toolchain {node.toolchain_s:.2f} s")
    if node.attempts > 1:
        parts.append(f"attempt {node.attempts}")
    return f"  [{', '.join(parts)}]"


def _told(one: Handling) -> str:
    """One attempt of several."""
    who = f" by {one.agent}" if one.agent else ""
    if not one.event:
        return f"attempt {one.attempt}{who}: goes on"
    took = f" after {one.took_s:.2f} s" if one.took_s is not None else ""
    why = f": {one.code}: {one.reason}" if one.code else ""
    return f"attempt {one.attempt}{who}: {one.event}{took}{why}"


MOST_STATED = 80


def summary(message: Message) -> str:
    """What a message says, in one short phrase for a person."""
    match message:
        case BuildRequested():
            return f"{message.spec.name}, seed {message.options.seed}"
        case BuildPlanned():
            return f"{_many(len(message.plan.tasks), 'file')} in {_many(message.plan.stages, 'stage')}"
        case DraftRequested():
            why = "" if message.reason == "first" else f", {message.reason}: {_first_evidence(message)}"
            wanted = (
                f"{message.scope} carried over" if message.carry else _many(message.candidates, "candidate")
            )
            return f"{message.task.path}, {wanted}{why}"
        case DraftProposed():
            tokens = sum(call.completion_tokens for call in message.calls)
            seconds = sum(call.wall_s for call in message.calls)
            cached = sum(call.cached for call in message.calls)
            again = f", {cached} from the store" if cached else ""
            drafts = _many(len(message.candidates), "candidate")
            drawn = f"{drafts}, {tokens} tokens, {seconds:.1f} s of model"
            return f"{message.request.task.path}, {drawn}{again}{_passed_over(message.calls)}"
        case DraftAccepted():
            refused = f", {len(message.refused)} refused" if message.refused else ""
            return f"{message.task.path}, {len(message.accepted)} passed the gates{refused}"
        case DraftRejected():
            gates = sorted({v.gate for c in message.refused for v in c.verdicts if v.outcome == "rejected"})
            return f"{message.task.path}, refused by {', '.join(gates)}"
        case VerificationFinished():
            tail = f", {len(message.failures)} failing" if message.failures else ""
            tail += f", {_many(len(message.diagnostics), 'complaint')}" if message.diagnostics else ""
            if message.fixes:
                tail += f", mended: {', '.join(sorted({fix.fixer for fix in message.fixes}))}"
            tail += ", rolled back" if message.rolled_back else ""
            colour = "green" if message.green else "red"
            return f"{message.score.total}/3 {colour}, {_many(message.tried, 'combination')} tried{tail}"
        case BuildStopped():
            return message.reason
        case BuildFinished():
            return f"{message.status}, {message.score.total}/3"
        case MessageDied():
            return f"{message.message_type}: {message.code}: {message.reason}"
        case EventNoticed():
            return f"of {about.short_type(message.message_type)}"
        case RunCancelled():
            return f"by {message.by}" + (f": {message.reason}" if message.reason else "")
        case DeadRequeued():
            return f"{message.message_id} once more, as {message.copy_id}"
        case DeadDropped():
            return f"{message.message_id}: {message.reason or 'no reason given'}"
        case _:
            return _heard(message)


def _many(count: int, noun: str) -> str:
    """A count and its noun: `1 file`, `2 files`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def _heard(message: Message) -> str:
    """What is said of references and disputes."""
    match message:
        case ReferenceRequested():
            return f"{_many(message.count, 'program')} in {message.language}, from sample {message.first}"
        case ReferenceProposed():
            return f"{', '.join(program.name for program in message.programs)}, {message.tokens} tokens"
        case WitnessesEstablished():
            settled = sum(len(table.cases) for table in message.tables)
            drawn = sum(table.drawn for table in message.tables)
            away = f", {len(message.dismissed)} dismissed" if message.dismissed else ""
            return f"{len(message.witnesses)} witnesses settle {settled} of {drawn} cases{away}"
        case OracleRequested():
            idle = [f"no test notices {name}" for name in message.unnoticed]
            anew = [f"{name} is wrong somewhere" for name in message.anew]
            return f"{message.path}: {', '.join([*message.failing, *idle, *anew])}"
        case OracleAnswered():
            wrong = [f"{v.call}: {v.before} -> {v.after or '?'}" for v in message.verdicts if v.before]
            anew = [f"{name} written anew" for name in message.anew]
            return f"{message.path}: {'; '.join([*wrong, *anew]) or 'no row is found wrong'}"
        case _:
            return about.finish_summary(message) or _stated(message)


def _stated(message: Message) -> str:
    """Of a type that is not ours: its plain fields and lists of words, the first words of them."""
    fields = [(name, getattr(message, name)) for name in type(message).model_fields]
    words = [(name, ", ".join(value) if _is_words(value) else value) for name, value in fields]
    plain = [f"{name}={value}" for name, value in words if isinstance(value, str | int | float | dict)]
    text = ", ".join(plain)
    return text if len(text) <= MOST_STATED else f"{text[:MOST_STATED]}..."


def _passed_over(calls: Sequence[ModelCall]) -> str:
    names = sorted({told.partition(":")[0] for call in calls for told in call.passed_over})
    return f", passed over: {', '.join(names)}" if names else ""


def _is_words(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, str) for one in value)


def _first_evidence(message: DraftRequested) -> str:
    return message.evidence[0].text if message.evidence else "no evidence"


def as_json(log: RunLog) -> list[dict[str, Any]]:
    """The run's messages in journal order: envelope attributes, `seq`, `body`."""
    return [line_as_json(line) for line in log.lines]


def line_as_json(line: Line) -> dict[str, Any]:
    """One of them."""
    return line.envelope.to_header() | {"seq": line.seq, "body": line.message.model_dump(mode="json")}


def contexts(log: RunLog) -> Iterator[str]:
    """What each model call's prompt held, and which parts were in prompts of more than one role.

    The second is the proof that no specialist saw another's context: what they share is the spec's.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    kinds: dict[str, str] = {}
    for line in log.lines:
        match line.message:
            case DraftProposed(request=drafted):
                role = str(drafted.author)
                what = f"{role}  round {drafted.round}  {drafted.task.path}"
            case ReferenceProposed(request=referred):
                role, what = "reference", f"reference  {referred.package}  {referred.language}"
            case _:
                role = about.agent_name(line.envelope.source)
                what = f"{role}  {about.short_type(line.envelope.type)}"
        for number, call in enumerate(about.calls_of(line.message)):
            cost = f"{call.prompt_tokens} + {call.completion_tokens} tokens  {call.model}"
            yield f"{what}  candidate {number}  {cost}  #{line.seq}"
            yield from (f"    passed over  {told}" for told in call.passed_over)
            for part in call.manifest:
                yield f"    {part.kind:<12} {part.size_chars:>6} chars  {part.sha256[:12]}  {part.name}"
                seen[part.sha256].add(role)
                kinds[part.sha256] = part.kind
    if seen:
        yield from _shared(seen, kinds)


def _shared(seen: dict[str, set[str]], kinds: dict[str, str]) -> Iterator[str]:
    of_kind: dict[str, list[str]] = defaultdict(list)
    for sha256, kind in kinds.items():
        of_kind[kind] += [", ".join(sorted(seen[sha256]))] if len(seen[sha256]) > 1 else []
    yield "in prompts of more than one role:"
    for kind, found in sorted(of_kind.items()):
        who = f"  ({'; '.join(sorted(set(found)))})" if found else ""
        yield f"    {kind:<12} {len(found):>6}{who}"
