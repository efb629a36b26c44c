"""What the verifier found: diagnostics, failing tests, the score, and the tree that it judged."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from guildbus.protocols.messages.base import (
    INCIDENTAL,
    Incidental,
    Message,
    Part,
    RelativePath,
    Spans,
)

Tool = Literal["build", "vet", "test"]


class Diagnostic(Part):
    """One complaint of the Go toolchain, at a place. `line` and `column` count from 1; 0 is unknown."""

    tool: Tool
    file: str
    line: int = 0
    column: int = 0
    message: str


class TestFailure(Part):
    """One failing assertion. It names a test, and accuses neither side.

    `call`, `got` and `want` are filled where the output states them (`GCD(0, 5) = 0; want 5`);
    `output` is always there.
    """

    __test__ = False

    package: str
    test: str
    file: str = ""
    line: int = 0
    call: str = ""
    got: str = ""
    want: str = ""
    output: str


class BrokenExample(Part):
    """A value that the spec states and the implementation does not give; of a law, one instance of it."""

    call: str
    want: str
    got: str
    folder: str = Field(default="", exclude_if=lambda folder: not folder)


class Score(Part):
    """build, vet, test: a point each (`score_backend` of the published harness)."""

    build: bool = False
    vet: bool = False
    test: bool = False

    @property
    def total(self) -> int:
        """0 to 3."""
        return int(self.build) + int(self.vet) + int(self.test)


class Fix(Part):
    """A mistake that the toolchain named and a fixer mended, without any model. `line` counts from 1."""

    path: RelativePath
    fixer: str
    line: int = 0
    reason: str


class Counterexample(Part):
    """A settled case that an implementation does not give."""

    call: str
    want: str
    got: str
    votes: tuple[str, ...] = ()


class Examination(Part):
    """How an implementation did on a witness table: `agreed` of `total` cases, the first failures.

    On `open` of the `drawn` cases nothing is settled: the witnesses give nothing, or disagree; in the latter
    any value agrees, and a panic does not. `why` says why nothing was examined; '' if something was.
    """

    subject: str
    agreed: int = Field(default=0, ge=0)
    total: int = Field(default=0, ge=0)
    open: int = Field(default=0, ge=0)
    drawn: int = Field(default=0, ge=0)
    counterexamples: tuple[Counterexample, ...] = ()
    why: str = ""


class Survivor(Part):
    """A mutant that no test noticed: a small change of the implementation, as a unified diff."""

    file: RelativePath
    line: int
    function: str
    operator: str
    diff: str


class Teeth(Part):
    """The mutation score of a suite: `killed` of `killed + survived`, None if there is none (`why` says why).

    `found` mutants there are, `total` of them were chosen (`cap` at most): killed (`timed_out` of these did
    not end), survived, `equivalent` (compiled to the same code), `not_compiled`, `skipped` for want of time.
    """

    score: float | None = Field(default=None, ge=0, le=1)
    total: int = 0
    killed: int = 0
    timed_out: Annotated[int, INCIDENTAL] = 0
    survived: int = 0
    equivalent: int = 0
    not_compiled: int = 0
    skipped: int = 0
    found: int = 0
    cap: int = 0
    wall_s: Annotated[float, INCIDENTAL] = 0.0
    survivors: tuple[Survivor, ...] = ()
    why: str = ""

    @property
    def cut_short(self) -> bool:
        """Whether the time was over before every chosen mutant had run: then the clock had its say."""
        return self.skipped > 0 or (self.score is None and bool(self.why))


def _cut_short(teeth: Teeth | None) -> bool:
    return teeth is not None and teeth.cut_short


MeasuredTeeth = Annotated[Teeth | None, Incidental(when=_cut_short)]
"""Teeth, if somebody measured them; a measurement that its time cut short is a matter of the machine."""


class VerifiedFile(Part):
    """One file of the tree that was judged: which author's candidate it was."""

    path: RelativePath
    author: str
    round: int
    index: int
    sha256: str
    content: str
    cases: int = 0


class VerificationFinished(Message):
    """The best tree so far, judged. Green goes to the planner, red to the repair-router.

    `stage` is the plan's stage that this tree completes; `tried` counts the combinations of
    candidates that were run, `tests_passed` of `tests_total` rows where a test names them;
    `missing_tests` were asked for and did not run; `unnoticed` are functions that can be emptied
    without any test failing: a suite that would bless anything; `examined` says how the implementation
    did on what the witnesses settled; `fixes` is what deterministic fixers changed in the candidates
    that `files` come from; `teeth` is measured where a green completes the last stage.
    """

    type: ClassVar[str] = "verification.finished"
    recipients: ClassVar[tuple[str, ...]] = ("planner", "repair-router")

    stage: int = Field(ge=0)
    round: int = Field(ge=0)
    score: Score
    green: bool
    files: tuple[VerifiedFile, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    failures: tuple[TestFailure, ...] = ()
    missing_tests: tuple[str, ...] = ()
    unnoticed: tuple[str, ...] = ()
    broken_examples: tuple[BrokenExample, ...] = ()
    examined: tuple[Examination, ...] = ()
    tests_passed: int = 0
    tests_total: int = 0
    tried: int = 0
    rolled_back: bool = False
    fixes: tuple[Fix, ...] = ()
    teeth: MeasuredTeeth = None
    spans: Spans = ()

    @property
    def recipient(self) -> str:
        """Whoever acts next."""
        return "planner" if self.green else "repair-router"
