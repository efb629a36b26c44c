"""What a program gets from `guildbus.Swarm`: reports of builds, the list of runs, messages. Pure.

`BuildReport` is what `guildbus build --json` prints, and `RunSummary` an entry of `guildbus runs --json`:
`model_dump(mode="json")` gives exactly these objects. `report.py` makes them.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from guildbus.launch.run_log import Line
from guildbus.protocols.envelope import Envelope, parse_time
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.verification import Teeth


class Result(BaseModel):
    """Frozen. What a report says beyond the declared fields is kept, so that the JSON of both is the same."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="constants")


class StageScore(Result):
    """`go build`, `go vet` and `go test`, a point each."""

    build: bool
    vet: bool
    test: bool
    total: int


class Examined(Result):
    """What the result was held to: functions (or types), on how many inputs, and the disputes on the way."""

    functions: int
    inputs: int
    disputes: int


class ModelUse(Result):
    """What the model calls cost. `wall_s` adds them up: several at once count each."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    wall_s: float


class WrittenFile(Result):
    """A file of the result; `author` is an agent's role, `path` relative to the report's folder."""

    path: str
    author: str
    sha256: str


class Intervention(Result):
    """What evidence changed: an expected value was overturned, or an implementation convicted."""

    kind: str
    file: str
    call: str
    witness: tuple[str, ...]
    before: str
    after: str


class TreeFigures(Result):
    """What a verified tree is worth; `agreed` of the settled cases, `cases` that its tests assert."""

    score: int
    agreed: int
    cases: int
    teeth: float | None


class FinisherReport(Result):
    """What a finisher made of a green tree. `after` is None where no edit was judged, and `why` says why."""

    role: str
    kept: bool
    why: str
    note: str
    files: tuple[str, ...]
    before: TreeFigures
    after: TreeFigures | None
    seconds: float
    calls: int
    tokens: int


class BuildReport(Result):
    """How a build ended (design §8). A red one has a `diagnosis`, and the best tree that was verified.

    `status` is `green`, `green:unexamined` or `red:<reason>`; all times are seconds. `folder` is where the
    files are; it is no part of the JSON.
    """

    run_id: str
    spec: str
    green: bool
    status: str
    score: StageScore
    teeth: Teeth | None
    teeth_why: str
    examined: Examined
    rounds: int
    wall_s: float
    model: ModelUse
    toolchain_s: float
    overhead_s: float
    files: tuple[WrittenFile, ...]
    interventions: tuple[Intervention, ...]
    finishers: tuple[FinisherReport, ...]
    diagnosis: str
    folder: Path = Field(exclude=True)


class RunSummary(Result):
    """How a run stands: `status` is that of its report, or `running`, or `interrupted`.

    `started_at` is RFC 3339; `wall_s` (seconds) counts from its first message to its newest.
    """

    run_id: str
    spec: str
    green: bool
    status: str
    score: int
    rounds: int
    tokens: int
    started_at: str
    wall_s: float


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """A message of a run: its number in the journal, its envelope (who, to whom, why, when), its body."""

    seq: int
    envelope: Envelope
    body: Message

    @classmethod
    def of(cls, line: Line) -> "TracedMessage":
        """A line of a run's log."""
        return cls(line.seq, line.envelope, line.message)

    @property
    def at(self) -> float:
        """When it was published, in seconds since the epoch."""
        return parse_time(self.envelope.time) or 0.0
