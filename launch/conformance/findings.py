"""What a check says. A check that cannot be tried says why: it is neither a pass nor a failure. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "untried"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that was not kept: `what` happened, `where`, and what to do (`remedy`)."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  try: {self.remedy}"


class Untried(Exception):
    """Raised by a check for which this agent, or these histories, give nothing to try; says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found. `why` says why it was not tried."""

    check: str
    status: Status
    findings: tuple[Finding, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All results for one agent, in the order of the kit."""

    agent: str
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failed(self) -> Sequence[str]:
        """The names of the checks that failed."""
        return [result.check for result in self.results if result.status == "failed"]

    def as_json(self) -> dict[str, Any]:
        """`{agent, ok, results: [{check, status, findings: [{what, where, remedy}], why}]}`."""
        return {"agent": self.agent, "ok": self.ok, "results": [asdict(result) for result in self.results]}
