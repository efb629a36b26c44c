"""Which of a run's messages a person wants to see: by agent, type, file, round. Pure."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from guildbus.launch import about
from guildbus.launch.handling import handlings_of
from guildbus.launch.run_log import Line, RunLog


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; all that is said must hold. `agent` and `type` may be patterns (`draft.*`)."""

    agent: str = ""
    type: str = ""
    file: str = ""
    round: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.agent or self.type or self.file) or self.round is not None

    def takes(self, line: Line, handlers: frozenset[str] = frozenset()) -> bool:
        """Whether a message is among them. `handlers` are the names of the agents that have had it."""
        envelope = line.envelope
        names = handlers | {about.agent_name(envelope.source), envelope.to or ""}
        types = (envelope.type, about.short_type(envelope.type))
        return (
            (not self.agent or any(fnmatchcase(name, self.agent) for name in names))
            and (not self.type or any(fnmatchcase(name, self.type) for name in types))
            and (not self.file or any(fnmatchcase(path, self.file) for path in about.files_of(line.message)))
            and (self.round is None or about.round_of(line.message) == self.round)
        )


def chosen(log: RunLog, wanted: Wanted) -> frozenset[int]:
    """The sequence numbers of the messages that are wanted."""
    handlings = handlings_of(log)
    return frozenset(
        line.seq
        for line in log.lines
        if wanted.takes(
            line, frozenset(about.agent_name(one.agent) for one in handlings.get(line.seq, []) if one.agent)
        )
    )


def filtered(log: RunLog, wanted: Wanted) -> RunLog:
    """The same run with nothing but those."""
    if not wanted:
        return log
    kept = chosen(log, wanted)
    return RunLog(
        log.run,
        tuple(line for line in log.lines if line.seq in kept),
        tuple(one for one in log.attempts if one.seq in kept),
    )
