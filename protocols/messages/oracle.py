"""The conversation about who is right: references are written, witnesses heard, disputes settled.

A reference is a program written from the spec alone, by an agent that is shown neither the implementation nor
its tests. The oracle runs references over generated cases; where enough of them agree, the case is settled,
and the verifier holds every implementation to it. A failing row of a test is a dispute: `OracleRequested`
asks, and `OracleAnswered` says which side the evidence is on. Cases and outcomes are canonical JSON
(`guildbus.agents.oracle.values`).
"""

from typing import ClassVar, Literal

from pydantic import Field

from guildbus.protocols.messages.base import Message, Part, RelativePath, Spans
from guildbus.protocols.messages.draft import ModelCall
from guildbus.protocols.spec import Example, Signature

Language = Literal["python", "go"]


class ReferenceRequested(Message):
    """Write reference programs for one package, from its prose and its stated signatures alone.

    `first` is the number of the first sample, so that later requests draw other ones. `doubted` are functions
    and types on which code and its passing test agree with each other against the witnesses so far: from then
    on it takes more of them to settle anything there. `signs` are functions and types of which a program so
    far came out by the sign that its language gives to a remainder, `unheeded` those of which one did not
    make a comparison that the prose states.
    """

    type: ClassVar[str] = "reference.requested"
    to: ClassVar[str | None] = "reference"

    folder: str
    package: str
    overview: str
    api: tuple[Signature, ...]
    examples: tuple[Example, ...] = ()
    language: Language = "python"
    first: int = Field(default=0, ge=0)
    count: int = Field(default=2, ge=1, le=16)
    doubted: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    unheeded: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    seed: int = 1
    max_tokens: int | None = None


class ReferenceProgram(Part):
    """One program. `name` is unique in its run: `python-0`, `go-1`."""

    name: str
    language: Language
    content: str
    sha256: str


class ReferenceProposed(Message):
    """The programs that a request came to, with what their prompts held."""

    type: ClassVar[str] = "reference.proposed"
    to: ClassVar[str | None] = "oracle"

    request: ReferenceRequested
    programs: tuple[ReferenceProgram, ...]
    calls: tuple[ModelCall, ...] = ()

    @property
    def tokens(self) -> int:
        """What its calls cost, prompts and answers."""
        return sum(call.prompt_tokens + call.completion_tokens for call in self.calls)


class WitnessedCase(Part):
    """One case that is settled. `votes` name the witnesses that agree; `stated`: the spec says it itself."""

    call: str
    case: str
    outcome: str
    votes: tuple[str, ...]
    against: int = 0
    stated: bool = False


class OpenCase(Part):
    """One case that is not settled; `voices` are the witnesses that give some value of it."""

    call: str
    case: str
    voices: tuple[str, ...]


class WitnessTable(Part):
    """What is settled of one function, or of one type with its methods.

    Of `drawn` cases `split` are those on which witnesses disagree, `unheard` those on which none has a value.
    `open` are split cases on which some give a value: of them it is only known that code must not panic.
    `obstacle` says why it cannot be examined; '' if it can.
    """

    subject: str
    cases: tuple[WitnessedCase, ...] = ()
    open: tuple[OpenCase, ...] = Field(default=(), exclude_if=lambda cases: not cases)
    drawn: int = 0
    split: int = 0
    unheard: int = 0
    obstacle: str = ""


class DismissedWitness(Part):
    """A reference that is not heard, and why."""

    name: str
    reason: str


class WitnessesEstablished(Message):
    """What the witnesses of a package have settled so far: the newest one counts.

    The first goes to the verifier, which waits for it; later ones are announced, beside an answer.
    """

    type: ClassVar[str] = "witnesses.established"
    recipients: ClassVar[tuple[str, ...]] = ("verifier",)

    folder: str
    tables: tuple[WitnessTable, ...]
    witnesses: tuple[str, ...] = ()
    dismissed: tuple[DismissedWitness, ...] = ()
    awaited: bool = True
    spans: Spans = ()

    @property
    def recipient(self) -> str | None:
        """The verifier, if it waits."""
        return "verifier" if self.awaited else None


class OracleRequested(Message):
    """Which rows of this test are right? `failing` are the calls whose assertions failed.

    `unnoticed` are functions that can be emptied without any test failing: cases of these are asked for.
    `anew` are tests that fail on code which is cleared, and that their author has not mended.
    """

    type: ClassVar[str] = "oracle.requested"
    to: ClassVar[str | None] = "oracle"

    path: RelativePath
    folder: str
    source: str
    round: int = Field(ge=0)
    failing: tuple[str, ...] = ()
    unnoticed: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    anew: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)


class RowVerdict(Part):
    """The verdict on one row. `before` and `after` are the literal's texts; no `after`: no edit fits."""

    test: str
    line: int
    call: str
    finding: Literal["row-right", "row-wrong", "undecided"]
    expected: str
    settled: str = ""
    votes: tuple[str, ...] = ()
    before: str = ""
    after: str = ""


class OracleAnswered(Message):
    """The verdicts on a test's rows, and the test with the wrong ones mended ('' if nothing could be).

    `anew` are the tests in it that are written anew, from settled cases alone.
    """

    type: ClassVar[str] = "oracle.answered"
    to: ClassVar[str | None] = "repair-router"

    path: RelativePath
    round: int = Field(ge=0)
    verdicts: tuple[RowVerdict, ...]
    mended: str = ""
    anew: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    spans: Spans = ()
