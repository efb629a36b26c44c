"""What a run's messages tell of its references and disputes, folded. Pure; `hearing.py` decides on it.

The fold is made anew from history for each message, like every agent's memory.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildPlanned, BuildRequested, Plan
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProgram,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
)
from guildbus.protocols.spec import Spec

RECORDED: tuple[type[Message], ...] = (
    BuildRequested,
    BuildPlanned,
    ReferenceRequested,
    ReferenceProposed,
    WitnessesEstablished,
    OracleRequested,
    OracleAnswered,
)
"""The message types that `read_record` reads."""


@dataclass(slots=True)
class OracleRecord:
    """References and disputes so far, of all packages of a run.

    `only_disputes`: witnesses are called for a dispute alone, and more of them only while a failing row is
    open. What they settle then, the code is held to as anywhere.
    """

    spec: Spec
    plan: Plan
    only_disputes: bool = False
    requested: list[ReferenceRequested] = field(default_factory=list)
    proposed: list[ReferenceProposed] = field(default_factory=list)
    established: list[WitnessesEstablished] = field(default_factory=list)
    disputes: list[OracleRequested] = field(default_factory=list)
    answers: list[OracleAnswered] = field(default_factory=list)

    def programs(self, folder: str) -> list[ReferenceProgram]:
        """Every reference of a package, in order of arrival."""
        return [p for one in self.proposed if one.request.folder == folder for p in one.programs]

    def agreeing(self, folder: str, subject: str) -> list[ReferenceProgram]:
        """The references in Python that give what is settled of a function or type, and nowhere break off."""
        latest = self.latest(folder)
        tables = [
            table
            for table in (latest.tables if latest is not None else ())
            if table.subject == subject and not table.obstacle
        ]
        cases = [case.votes for table in tables for case in table.cases if not case.stated]
        cases += [case.voices for table in tables for case in table.open]
        return [
            program
            for program in self.programs(folder)
            if program.language == "python" and cases and all(program.name in votes for votes in cases)
        ]

    def outstanding(self, folder: str) -> bool:
        """Whether references of a package are still being written."""
        asked = [one for one in self.requested if one.folder == folder]
        return len(asked) > sum(1 for one in self.proposed if one.request.folder == folder)

    def unheard(self, folder: str) -> bool:
        """Whether a package's references were asked for and no table has come of them yet."""
        return any(one.folder == folder for one in self.requested) and (
            self.outstanding(folder) or not any(one.folder == folder for one in self.established)
        )

    def samples(self, folder: str, language: str) -> int:
        """How many references of a language were asked for."""
        return sum(r.count for r in self.requested if r.folder == folder and r.language == language)

    def doubted(self, folder: str) -> frozenset[str]:
        """The functions and types on which witnesses of a package were doubted when they were asked for."""
        return frozenset(name for one in self.requested if one.folder == folder for name in one.doubted)

    def latest(self, folder: str) -> WitnessesEstablished | None:
        """The newest table of a package."""
        return next((one for one in reversed(self.established) if one.folder == folder), None)

    def open_disputes(self, folder: str) -> list[OracleRequested]:
        """The disputes without an answer: of several about one file in one round, the later ones."""
        answered = Counter((answer.path, answer.round) for answer in self.answers)
        found: list[OracleRequested] = []
        for one in self.disputes:
            answered[one.path, one.round] -= 1
            if answered[one.path, one.round] < 0 and one.folder == folder:
                found.append(one)
        return found

    def disputed_rows(self, folder: str) -> list[OracleRequested]:
        """All disputes of a package: their rows stay among its cases."""
        return [dispute for dispute in self.disputes if dispute.folder == folder]


def read_record(history: Iterable[Message]) -> OracleRecord:
    """The record after these messages. Raises InvalidBody if the run has no plan."""
    requested: BuildRequested | None = None
    record: OracleRecord | None = None
    for message in history:
        match message:
            case BuildRequested():
                requested = message
            case BuildPlanned() if requested is not None:
                options = message.options
                record = OracleRecord(requested.spec, message.plan, options.settle and not options.examine)
            case ReferenceRequested() if record is not None:
                record.requested.append(message)
            case ReferenceProposed() if record is not None:
                record.proposed.append(message)
            case WitnessesEstablished() if record is not None:
                record.established.append(message)
            case OracleRequested() if record is not None:
                record.disputes.append(message)
            case OracleAnswered() if record is not None:
                record.answers.append(message)
    if record is None:
        raise InvalidBody("the run has no plan", where="history", remedy="is the journal whole?")
    return record
