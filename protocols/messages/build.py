"""The conversation about a whole build: requested, planned, stopped, finished.

`BuildRequested` opens a run (its envelope's `subject`); `BuildFinished` closes it. In between
the planner announces its plan once, and hands out `DraftRequested` stage by stage.
"""

from typing import ClassVar, Final, Literal

from pydantic import Field

from guildbus.protocols.messages.base import Message, Part, RelativePath, Spans
from guildbus.protocols.messages.verification import MeasuredTeeth, Score, TestFailure
from guildbus.protocols.spec import Example, Law, Signature, Spec

Owner = Literal["planner", "go-dev", "go-test"]

FINISHER_SECONDS: Final = 120.0


class BuildOptions(Part):
    """What the user may turn for one build.

    `candidates`: drafts of a file to choose from, the first one alone; `max_rounds`: repairs before an
    honest stop; `seed`: the first sampling seed, all others are derived from it; `max_tokens`: what all
    model calls may cost, prompts and answers; `max_seconds`: how long it may take (kept here for people:
    what counts is the envelope's deadline); `examine`: whether references are written, and the code is held
    to them; `settle`: whether they are written for a test that still fails after another turn of its author,
    and the code is held to them from then on; `teeth_seconds`: what measuring the suite of a green may take,
    0 for not at all; `teeth`: the mutation score below which settled cases become new rows of the suite, 0
    for never; `finishers`: the roles that are asked, in this order, to make a green better;
    `finisher_seconds`: what each may take, with the judging of its edit; `further_models`: how many models
    an author's fleet has beyond its first, for the last rungs of the ladder. What the first version did not
    have is not in the body's bytes where nobody set it.
    """

    candidates: int = Field(default=2, ge=1, le=16)
    max_rounds: int = Field(default=6, ge=1, le=50)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_seconds: float | None = Field(default=None, ge=0.1)
    examine: bool = False
    settle: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    teeth_seconds: float = Field(default=0.0, ge=0, le=3600)
    teeth: float = Field(default=0.0, ge=0, le=1, exclude_if=lambda goal: not goal)
    finishers: tuple[str, ...] = Field(default=(), exclude_if=lambda roles: not roles)
    finisher_seconds: float = Field(
        default=FINISHER_SECONDS, ge=1, le=3600, exclude_if=lambda seconds: seconds == FINISHER_SECONDS
    )
    further_models: dict[str, int] = Field(default_factory=dict, exclude_if=lambda further: not further)


class FileTask(Part):
    """One file to write, by one owner.

    `package` is the Go package name, `folder` its directory ('' is the root). `stage` orders
    the work: files of one stage are drafted at the same time. `tests` are the TestXxx names
    that the spec asks of this file; one that vanishes is a failure.
    """

    path: RelativePath
    purpose: str
    owner: Owner
    package: str
    folder: str = ""
    stage: int = Field(ge=0)
    tests: tuple[str, ...] = ()


class Plan(Part):
    """What will be built: pure data, made from the spec alone.

    `api` are the exported signatures that the spec states, a folder each; `api_complete` the
    folders of which it states them all, so that a test can be written from them alone;
    `examples` the values that it states (`F(args) = value`); `laws` those of its properties that are Go;
    `allow_imports` what it permits beyond the safe list.
    """

    module: str
    go_mod: str
    tasks: tuple[FileTask, ...]
    api: dict[str, tuple[Signature, ...]] = Field(default_factory=dict)
    api_complete: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    laws: tuple[Law, ...] = Field(default=(), exclude_if=lambda laws: not laws)
    allow_imports: tuple[str, ...] = ()

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return max((task.stage for task in self.tasks), default=-1) + 1

    def stage(self, number: int) -> tuple[FileTask, ...]:
        """The tasks of one stage, in the spec's order."""
        return tuple(task for task in self.tasks if task.stage == number)

    def task(self, path: str) -> FileTask:
        """The task of one file; KeyError if the plan has none."""
        for task in self.tasks:
            if task.path == path:
                return task
        raise KeyError(path)


class Origin(Part):
    """Where a run was forked: the run, the message that is handled anew, and what was set, as written."""

    run: str
    message_id: str
    settings: tuple[str, ...] = ()


class BuildRequested(Message):
    """Build this spec. Opens a run. `out` is the folder that the user wants the files in, for a resume.

    `origin` is there if the run goes on from a message of another.
    """

    type: ClassVar[str] = "build.requested"
    to: ClassVar[str | None] = "planner"

    spec: Spec
    options: BuildOptions = BuildOptions()
    out: str = ""
    origin: Origin | None = None


class BuildPlanned(Message):
    """The plan of a run, announced once, before the first draft is asked for."""

    type: ClassVar[str] = "build.planned"

    spec_name: str
    plan: Plan
    options: BuildOptions


class BuildStopped(Message):
    """The repair-router gives up honestly: `reason` is one word, `diagnosis` is for a person."""

    type: ClassVar[str] = "build.stopped"
    to: ClassVar[str | None] = "planner"

    reason: str
    diagnosis: str
    failures: tuple[TestFailure, ...] = ()


class BuiltFile(Part):
    """One file of the result, with its author (an agent's role)."""

    path: RelativePath
    author: str
    sha256: str
    content: str


class BuildFinished(Message):
    """The end of a run. Announced: whoever follows the run reads it from the journal.

    `status` is `green`, `green:unexamined` or `red:<reason>`; `files` hold the best tree that was
    verified, also when it is red; `teeth` is the mutation score of a green's suite, None if nobody asked.
    """

    type: ClassVar[str] = "build.finished"

    spec_name: str
    green: bool
    status: str
    score: Score
    rounds: int
    files: tuple[BuiltFile, ...]
    diagnosis: str = ""
    failures: tuple[TestFailure, ...] = ()
    teeth: MeasuredTeeth = None
    spans: Spans = ()
