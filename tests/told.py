"""Runs as data, for tests: the messages of a build, told one by one. No model, no toolchain, no bus.

run = Told.of(NUMKIT)                    # requested, planned, the first drafts asked for
run.accept("numkit.go", BODY)
run.verify(failures=[failure()])         # red, over the newest candidate of each file
run.state                                # what an agent would fold from it
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guildbus.agents.oracle.record import OracleRecord, read_record
from guildbus.agents.planning import plan
from guildbus.agents.requests import draft_request, first_draft, owner_of
from guildbus.agents.run_state import RunState, fold
from guildbus.agents.runtime import wrap
from guildbus.bus.tail import Attempt
from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.base import Message, Span
from guildbus.protocols.messages.build import (
    BuildFinished,
    BuildOptions,
    BuildPlanned,
    BuildRequested,
    BuiltFile,
)
from guildbus.protocols.messages.draft import (
    Candidate,
    DraftAccepted,
    DraftProposed,
    DraftRejected,
    DraftRequested,
    GatedCandidate,
    GateVerdict,
    ManifestPart,
    ModelCall,
)
from guildbus.protocols.messages.oracle import (
    ReferenceProgram,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
    WitnessTable,
)
from guildbus.protocols.messages.verification import (
    Score,
    TestFailure,
    VerificationFinished,
    VerifiedFile,
)
from guildbus.protocols.spec import Spec, SpecFile

RUN = "numkit-abcdefgh"
IMPLEMENTATION = "package numkit\n\nfunc GCD(a, b int) int { return a + b }\n"
SUITE = "package numkit\n\nfunc TestGCD(t *testing.T) {}\n"


def spec_of(files: dict[str, str], name: str = "numkit", **more: Any) -> Spec:
    """A spec of these files (path -> purpose), with a go.mod before them."""
    listed = {"go.mod": "The module file."} | files
    return Spec(
        name=name,
        language="go",
        go_module=f"example.com/{name}",
        description="A small package.",
        files=tuple(SpecFile(path=path, purpose=purpose) for path, purpose in listed.items()),
        **more,
    )


NUMKIT = spec_of(
    {
        "numkit.go": "package numkit. GCD(a, b int) int returns the greatest common divisor. GCD(0,5)=5.",
        "numkit_test.go": "package numkit. A table-driven test, TestGCD.",
    }
)


def sha(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def failure(call: str = "GCD(0, 5)", got: str = "0", want: str = "5", **more: Any) -> TestFailure:
    """A failing assertion of numkit_test.go."""
    fields: dict[str, Any] = {
        "package": "example.com/numkit",
        "test": "TestGCD",
        "file": "numkit_test.go",
        "line": 9,
        "call": call,
        "got": got,
        "want": want,
        "output": f"numkit_test.go:9: {call} = {got}; want {want}",
    }
    return TestFailure(**(fields | more))


def call(started_at: float = 100.0, wall_s: float = 2.0, **more: Any) -> ModelCall:
    """One model call."""
    part = ManifestPart(kind="system", name="go_dev.md", sha256=sha("system"), size_chars=6)
    fields: dict[str, Any] = {
        "model": "stub",
        "key": "00",
        "manifest": (part,),
        "seed": 1,
        "temperature": 0.1,
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "started_at": started_at,
        "wall_s": wall_s,
        "finish_reason": "stop",
    }
    return ModelCall(**(fields | more))


def span(started_at: float, wall_s: float) -> Span:
    """A stretch of toolchain time."""
    return Span(kind="toolchain", started_at=started_at, wall_s=wall_s)


def proposed(request: DraftRequested, *calls: ModelCall, content: str = IMPLEMENTATION) -> DraftProposed:
    """The author's answer to a request."""
    candidate = Candidate(index=0, content=content, sha256=sha(content))
    return DraftProposed(request=request, candidates=(candidate,), calls=calls)


def finished(status: str = "green:unexamined", **more: Any) -> BuildFinished:
    """The end of a run of numkit."""
    fields: dict[str, Any] = {
        "spec_name": "numkit",
        "green": status.startswith("green"),
        "status": status,
        "score": Score(build=True, vet=True, test=True),
        "rounds": 1,
        "files": (
            BuiltFile(path="numkit.go", author="go-dev", sha256=sha(IMPLEMENTATION), content=IMPLEMENTATION),
        ),
    }
    return BuildFinished(**(fields | more))


@dataclass
class Told:
    """A run as its messages. Everything that is told is a message more; `state` folds them."""

    messages: list[Message] = field(default_factory=list)

    @classmethod
    def of(cls, spec: Spec, **options: Any) -> "Told":
        """Requested, planned, and the drafts of stage 0 asked for."""
        chosen = BuildOptions(**options)
        run = cls([BuildRequested(spec=spec, options=chosen)])
        run.add(BuildPlanned(spec_name=spec.name, plan=plan(spec), options=chosen))
        run.ask_for_stage(0)
        return run

    @property
    def state(self) -> RunState:
        """What an agent folds."""
        return fold(self.messages)

    @property
    def record(self) -> OracleRecord:
        """What the oracle and the router fold of references and disputes."""
        return read_record(self.messages)

    def add(self, *messages: Message) -> "Told":
        """Tell these."""
        self.messages += messages
        return self

    def ask_for_stage(self, stage: int) -> "Told":
        """The drafts of a stage are asked for."""
        state = self.state
        number = state.round + 1 if state.requests else 0
        for task in state.plan.stage(stage):
            self.add(first_draft(state, task, number))
        return self

    def ask(self, path: str, **more: Any) -> "Told":
        """A repair of one file is asked for, of its owner."""
        state = self.state
        task = state.plan.task(path)
        fields: dict[str, Any] = {
            "author": owner_of(task),
            "round_number": state.round + 1,
            "reason": "repair",
        }
        return self.add(draft_request(state, task, **(fields | more)))

    def accept(self, path: str, *contents: str, cases: int = 0, spans: Sequence[Span] = ()) -> "Told":
        """The newest request for a file is answered by candidates that pass the gates."""
        request = [r for r in self.state.requests if r.task.path == path][-1]
        gated = tuple(
            GatedCandidate(index=index, content=text, sha256=sha(text), cases=cases)
            for index, text in enumerate(contents)
        )
        return self.add(
            DraftAccepted(
                task=request.task,
                author=request.author,
                round=request.round,
                accepted=gated,
                spans=tuple(spans),
            )
        )

    def reject(self, path: str, *verdicts: GateVerdict, content: str = "nonsense") -> "Told":
        """The newest request for a file is answered by one candidate that the gates refuse."""
        request = [r for r in self.state.requests if r.task.path == path][-1]
        refused = GatedCandidate(
            index=0, content=content, sha256=sha(content), verdicts=verdicts or (refusal(),)
        )
        return self.add(
            DraftRejected(task=request.task, author=request.author, round=request.round, refused=(refused,))
        )

    def verify(self, *, score: str = "build vet", green: bool = False, **more: Any) -> "Told":
        """The newest candidates of the files so far are judged. `score` names the points."""
        state = self.state
        files = tuple(
            VerifiedFile(
                path=task.path,
                author=draft.author,
                round=draft.round,
                index=one.index,
                sha256=one.sha256,
                content=one.content,
                cases=one.cases,
            )
            for task in state.plan.tasks
            if task.stage <= state.stage
            for draft, one in state.pool(task.path)[-1:]
        )
        points = Score(**dict.fromkeys(score.split(), True))
        found = VerificationFinished(
            stage=state.stage, round=state.round, score=points, green=green, files=files, **more
        )
        return self.add(found)

    def witness(
        self,
        folder: str,
        *tables: WitnessTable,
        names: Sequence[str] = ("python-0", "python-1"),
        content: str = "def gcd(a, b): ...\n",
        doubted: Sequence[str] = (),
    ) -> "Told":
        """References are asked for, written, and heard; a name begins with its language."""
        request = ReferenceRequested(
            folder=folder,
            package="numkit",
            overview="what the spec says",
            api=self.state.plan.api.get(folder, ()),
            count=len(names) or 1,
            doubted=tuple(doubted),
        )
        programs = tuple(
            ReferenceProgram.model_validate(
                {"name": name, "language": name.partition("-")[0], "content": content, "sha256": sha(content)}
            )
            for name in names
        )
        self.add(request, ReferenceProposed(request=request, programs=programs, calls=(call(),)))
        return self.add(WitnessesEstablished(folder=folder, tables=tables, witnesses=tuple(names)))

    @property
    def found(self) -> VerificationFinished:
        """The newest verification."""
        return self.state.verifications[-1]


def refusal(reason: str = "the brace is not closed", gate: str = "parses", line: int = 3) -> GateVerdict:
    """What one gate says of a draft that it refuses."""
    return GateVerdict(gate=gate, outcome="rejected", reason=reason, line=line)


def log_of(
    *told: Message | tuple[str, Message],
    start: float = 100.0,
    step_s: float = 1.0,
    attempts: Sequence[Attempt] = (),
) -> RunLog:
    """A run's log: a message a second, each the answer to the one before; `(source, message)` says whose."""
    lines: list[Line] = []
    for number, one in enumerate(told):
        source, message = one if isinstance(one, tuple) else ("planner/1", one)
        cause = lines[-1].envelope if lines else None
        packet = wrap(message, source=source, subject=RUN, now=start + number * step_s, cause=cause)
        lines.append(Line(number + 1, packet.envelope, message, len(packet.body)))
    return RunLog(RUN, tuple(lines), tuple(attempts))
