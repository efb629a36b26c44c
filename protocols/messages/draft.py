"""The conversation about one file: requested, proposed, then accepted or rejected by the gates.

A draft request carries all that its author may see, and nothing else: the author's prompt is
made from this message alone. That is how go-test never sees an implementation body.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from guildbus.protocols.messages.base import (
    INCIDENTAL,
    Incidental,
    Message,
    Moment,
    Part,
    RelativePath,
    Seconds,
    Spans,
)
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.spec import Example, Signature

Author = Literal["go-dev", "go-test", "oracle"]
Reason = Literal["first", "repair", "cross", "function", "oracle"]
EvidenceKind = Literal["diagnostic", "gate", "test", "example", "stub", "missing", "witness"]


class Evidence(Part):
    """Why a draft has to be made again: something that the toolchain or a gate found.

    `where` is `path:line` or a test's name; `text` is one short paragraph, ready for a prompt.
    """

    kind: EvidenceKind
    where: str
    text: str


class VisibleFile(Part):
    """A file that the author may read: whole (`body`) or as its exported declarations (`api`)."""

    path: RelativePath
    view: Literal["body", "api"]
    content: str
    sha256: str


class DraftRequested(Message):
    """Write this file. Goes to the task's author (`author` differs from the owner on a cross-route).

    A `reason` of `function` asks for one function of the file, `scope`, with a program that the witnesses
    agree with as `reference`; the rest of `previous` stays. With `carry` that program is carried over into Go
    by rules and no model is asked; then `scope` may be a type. `oracle` marks a test whose rows were mended
    on evidence: such a request is never sent, it only travels with its draft. `previous` is the author's last
    text when there is one to mend; `seed` and `candidates` fix the sampling, and `drawn` is how many first
    drafts of the file there were before these; `declares` names what of `api` this very file is to declare,
    where that is certain; `min_cases` is how many asserting cases a test file must keep;
    `max_tokens` is what its calls may cost together, prompts and answers; `place` is that of the model, in
    its author's fleet, that is asked first.
    """

    type: ClassVar[str] = "draft.requested"
    recipients: ClassVar[tuple[str, ...]] = ("go-dev", "go-test")

    task: FileTask
    author: Author
    round: int = Field(ge=0)
    reason: Reason = "first"
    scope: str = ""
    reference: str = ""
    carry: bool = Field(default=False, exclude_if=lambda carry: not carry)
    module: str
    overview: str
    api: tuple[Signature, ...] = ()
    declares: tuple[str, ...] = Field(default=(), exclude_if=lambda declares: not declares)
    examples: tuple[Example, ...] = ()
    visible: tuple[VisibleFile, ...] = ()
    previous: str = ""
    evidence: tuple[Evidence, ...] = ()
    allow_imports: tuple[str, ...] = ()
    candidates: int = Field(default=1, ge=1, le=16)
    drawn: int = Field(default=0, ge=0, exclude_if=lambda drawn: not drawn)
    seed: int = 1
    min_cases: int = 0
    max_tokens: int | None = Field(default=None, ge=0)
    place: int = Field(default=0, ge=0, exclude_if=lambda place: not place)

    @property
    def recipient(self) -> str:
        """The author's role."""
        return self.author

    @property
    def after_refusal(self) -> bool:
        """Whether it follows drafts that the gates refused, and nothing else is known against the file."""
        return bool(self.evidence) and all(item.kind == "gate" for item in self.evidence)


class ManifestPart(Part):
    """One part of a prompt: what kind of thing it was, and the hash of its text."""

    kind: Literal[
        "system",
        "spec",
        "api",
        "body",
        "previous",
        "evidence",
        "example",
        "instruction",
        "reference",
        "begun",
    ]
    name: str
    sha256: str
    size_chars: int = Field(ge=0)


class ModelCall(Part):
    """One model call: what its prompt held, what it cost. `cached` calls were not paid again.

    `role` made it. `passed_over` are the models of its fleet that could not be asked before this one
    answered, each with the reason.
    """

    model: str
    key: str
    manifest: tuple[ManifestPart, ...]
    seed: int
    temperature: float
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    started_at: Moment
    wall_s: Seconds
    finish_reason: str
    cached: Annotated[bool, INCIDENTAL] = False
    role: Annotated[str, Incidental(when=lambda role: role == "")] = ""
    passed_over: Annotated[tuple[str, ...], INCIDENTAL] = ()


def calls_of(message: Message) -> tuple[ModelCall, ...]:
    """The model calls that led to a message: what its field `calls` holds."""
    calls = getattr(message, "calls", ())
    return tuple(call for call in calls if isinstance(call, ModelCall)) if isinstance(calls, tuple) else ()


class Candidate(Part):
    """One text for the file. `index` counts within its round."""

    index: int = Field(ge=0)
    content: str
    sha256: str


class DraftProposed(Message):
    """The candidates of one round, as the model wrote them (code fences taken off)."""

    type: ClassVar[str] = "draft.proposed"
    to: ClassVar[str | None] = "gate-keeper"

    request: DraftRequested
    candidates: tuple[Candidate, ...]
    calls: tuple[ModelCall, ...] = ()


class GateVerdict(Part):
    """What one gate said of one candidate: passed it, mended it, or refused it, and why."""

    gate: str
    outcome: Literal["passed", "fixed", "rejected"]
    reason: str = ""
    line: int = 0


class GatedCandidate(Part):
    """A candidate after the gates. `cases` counts its asserting test cases (0 for implementations)."""

    index: int
    content: str
    sha256: str
    cases: int = 0
    verdicts: tuple[GateVerdict, ...] = ()


class DraftAccepted(Message):
    """At least one candidate passed the gates; `refused` are the others, with their reasons.

    `tokens` is what the draft's model calls cost, prompts and answers; those from the store count too.
    """

    type: ClassVar[str] = "draft.accepted"
    to: ClassVar[str | None] = "verifier"

    task: FileTask
    author: str
    round: int
    accepted: tuple[GatedCandidate, ...]
    refused: tuple[GatedCandidate, ...] = ()
    spans: Spans = ()
    tokens: int = Field(default=0, ge=0)


class DraftRejected(Message):
    """No candidate passed the gates. `tokens` is as in DraftAccepted."""

    type: ClassVar[str] = "draft.rejected"
    to: ClassVar[str | None] = "repair-router"

    task: FileTask
    author: str
    round: int
    refused: tuple[GatedCandidate, ...]
    spans: Spans = ()
    tokens: int = Field(default=0, ge=0)
