"""A weak suite of a package of many shapes, sharpened in the real sandbox: teeth rise, the rows are right."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.formatting import gofmt_of
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle import hearing
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.sharpen import sharpen
from guildbus.agents.oracle.values import canonical
from guildbus.agents.planning import plan
from guildbus.agents.teeth.measuring import measure
from guildbus.agents.teeth.mutants import find_mutants
from guildbus.agents.teeth.shown import as_teeth
from guildbus.agents.teeth.telling import told_apart
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import (
    ReferenceProgram,
    WitnessedCase,
    WitnessesEstablished,
    WitnessTable,
)
from guildbus.protocols.messages.verification import Score, VerificationFinished, VerifiedFile
from guildbus.protocols.spec import Signature
from told import sha, spec_of

pytestmark = pytest.mark.timeout(300)

KIT = """package kit

import (
	"errors"
	"time"
)

var ErrZero = errors.New("division by zero")

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func Divide(a, b int) (int, error) {
	if b == 0 {
		return 0, ErrZero
	}
	return a / b, nil
}

func Sum(xs ...int) int {
	total := 0
	for _, x := range xs {
		total += x
	}
	return total
}

func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total / float64(len(xs))
}

func Evens(xs []int) []int {
	var kept []int
	for _, x := range xs {
		if x%2 == 0 {
			kept = append(kept, x)
		}
	}
	return kept
}

func Longest[T any](a, b []T) []T {
	if len(b) > len(a) {
		return b
	}
	return a
}

func Count(s string) map[rune]int {
	found := map[rune]int{}
	for _, r := range s {
		found[r]++
	}
	return found
}

type Span struct {
	Start, End int
}

func (s Span) Overlaps(other Span) bool {
	return s.Start < other.End && other.Start < s.End
}

type Stack struct {
	items []int
	most  int
}

func New(most int) (*Stack, error) {
	if most < 0 {
		return nil, errors.New("negative")
	}
	return &Stack{most: most}, nil
}

func (s *Stack) Push(x int) bool {
	if len(s.items) >= s.most {
		return false
	}
	s.items = append(s.items, x)
	return true
}

func (s *Stack) Pop() (int, bool) {
	if len(s.items) == 0 {
		return 0, false
	}
	x := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return x, true
}

func (s *Stack) Clear() {
	s.items = nil
}

type Timer struct {
	now   func() time.Time
	start time.Time
}

func NewTimer(now func() time.Time) *Timer {
	return &Timer{now: now, start: now()}
}

func (t *Timer) Over(limit time.Duration) bool {
	return t.now().Sub(t.start) >= limit
}
"""
SUITE = """package kit

import "testing"

func TestReverse(t *testing.T) {
	if got := Reverse(""); got != "" {
		t.Errorf("Reverse = %q", got)
	}
}
"""
API = (
    "var ErrZero error",
    "func Reverse(s string) string",
    "func Divide(a, b int) (int, error)",
    "func Sum(xs ...int) int",
    "func Mean(xs []float64) float64",
    "func Evens(xs []int) []int",
    "func Longest[T any](a, b []T) []T",
    "func Count(s string) map[rune]int",
    "type Span struct {\n\tStart, End int\n}",
    "func (s Span) Overlaps(other Span) bool",
    "type Stack struct {\n\t// unexported fields\n}",
    "func New(most int) (*Stack, error)",
    "func (s *Stack) Push(x int) bool",
    "func (s *Stack) Pop() (int, bool)",
    "func (s *Stack) Clear()",
    "type Timer struct {\n\t// unexported fields\n}",
    "func NewTimer(now func() time.Time) *Timer",
    "func (t *Timer) Over(limit time.Duration) bool",
)


@dataclass
class Desk:
    """A green package as the oracle is asked about it: its test sees little, and what it gives is settled."""

    toolchain: Toolchain
    witnesses: Witnesses
    record: OracleRecord
    code: str = KIT

    async def ask(self, suite: str = SUITE) -> FinishRequested:
        texts = {"kit.go": self.code, "kit_test.go": suite}
        go_mod = self.record.plan.go_mod
        teeth = as_teeth(await measure(self.witnesses.go, {"go.mod": go_mod, **texts}, seconds=120))
        files = tuple(
            VerifiedFile(
                path=path, author="go-dev", round=0, index=0, sha256=sha(text), content=text, cases=1
            )
            for path, text in texts.items()
        )
        reached = VerificationFinished(
            stage=0,
            round=0,
            score=Score(build=True, vet=True, test=True),
            green=True,
            files=files,
            teeth=teeth,
        )
        spec, planned = self.record.spec, self.record.plan
        return FinishRequested(role="oracle", spec=spec, plan=planned, reached=reached, until=0.0)

    async def sharpen(self, asked: FinishRequested, seconds: float = 120) -> FinishProposed:
        return await sharpen(self.witnesses.go, asked, self.record, seconds=seconds)

    def gated(self, suite: str) -> str:
        """A suite as the gates leave it, which must pass them."""
        context = GateContext(
            task=self.record.plan.task("kit_test.go"),
            stdlib=self.toolchain.stdlib(),
            formatter=gofmt_of(self.toolchain),
            module="example.com/kit",
            others={"kit.go": self.code},
        )
        found = run_gates(suite, context)
        assert is_accepted(found), found.verdicts
        return found.content


async def settled(witnesses: Witnesses, record: OracleRecord) -> WitnessesEstablished:
    """What the package itself gives, as if others had said so."""
    docket = hearing.docket(record, "")
    program = ReferenceProgram(name="go-0", language="go", content=KIT, sha256="")
    given = dict(
        zip(
            map(canonical, docket.cases),
            (await witnesses.testify(program, docket.api, docket.cases)).outcomes,
            strict=True,
        )
    )
    tables = tuple(
        WitnessTable(
            subject=subject.name,
            obstacle=subject.obstacle,
            cases=tuple(
                WitnessedCase(call="", case=text, outcome=canonical(given[text]), votes=("a", "b"))
                for text in map(canonical, subject.cases)
                if "none" not in given[text]
            ),
        )
        for subject in docket.subjects
    )
    return WitnessesEstablished(folder="", tables=tables)


@pytest.fixture
async def desk(go_cache: Path, witnesses: Witnesses) -> Desk:
    purposes: Mapping[str, str] = {"kit.go": "package kit.", "kit_test.go": "package kit. TestReverse."}
    spec = spec_of(dict(purposes), name="kit")
    signatures = tuple(Signature(name="", text=text) for text in API)
    record = OracleRecord(spec, plan(spec).model_copy(update={"api": {"": signatures}}))
    record.established.append(await settled(witnesses, record))
    return Desk(Toolchain.find(go_cache), witnesses, record)


def score(asked: FinishRequested) -> float:
    """The teeth of what an oracle is asked about."""
    assert asked.reached.teeth is not None
    return asked.reached.teeth.score or 0.0


def only_reverse(desk: Desk) -> None:
    """A smaller package, for what does not depend on shapes."""
    tables = tuple(one for one in desk.record.established[0].tables if one.subject == "Reverse")
    desk.record.established = [WitnessesEstablished(folder="", tables=tables)]
    start, end = KIT.index("func Reverse"), KIT.index("func Divide")
    desk.code = f"package kit\n\n{KIT[start:end].rstrip()}\n"


async def test_rows_of_settled_cases_make_a_weak_suite_notice_more(desk: Desk) -> None:
    asked = await desk.ask()
    proposal = await desk.sharpen(asked)
    (file,) = proposal.files
    assert (file.path, file.cut_short) == ("kit_test.go", False)
    assert file.content.startswith(SUITE.rstrip())
    assert "surviving mutants from the code" in proposal.note
    text = desk.gated(file.content)
    for name in (
        "Reverse",
        "Divide",
        "Sum",
        "Mean",
        "Evens",
        "Longest",
        "Count",
        "SpanOverlaps",
        "Stack",
        "Timer",
    ):
        assert f"func Test{name}Settled(t *testing.T) {{" in text
    after = await desk.ask(text)  # raises nothing: the suite passes beside all mutants
    assert score(asked) < 0.1
    assert score(after) > 0.9, after.reached.teeth
    assert (await desk.sharpen(asked)).files == proposal.files, "the choice is the same each time"


async def test_what_no_settled_case_tells_is_left_alone(desk: Desk) -> None:
    only_reverse(desk)
    (file,) = (await desk.sharpen(await desk.ask())).files
    proposal = await desk.sharpen(await desk.ask(desk.gated(file.content)))
    assert proposal.files == ()
    assert proposal.note.startswith("no settled case tells any of ")


async def test_what_time_cuts_short_is_marked(desk: Desk) -> None:
    only_reverse(desk)
    proposal = await desk.sharpen(await desk.ask(), seconds=0.5)
    assert [(file.path, file.content, file.cut_short) for file in proposal.files] == [
        ("kit_test.go", SUITE, True)
    ]
    assert proposal.note == "there was no time left to run any mutant"


async def test_a_mutant_that_never_ends_counts_with_what_it_had_printed(desk: Desk) -> None:
    tree = {"go.mod": desk.record.plan.go_mod, "kit.go": "package kit\n\n" + STEPS, "kit_test.go": PRINTING}
    endless = next(m for m in find_mutants("kit.go", tree["kit.go"]) if m.operator == "deletion")
    told = await told_apart(desk.witnesses.go, tree, [endless], "#saw", seconds=60)
    assert (told.skipped, told.why) == (0, "")
    assert told.differs == {}, "it had printed one line, the usual one"
    other = next(m for m in find_mutants("kit.go", tree["kit.go"]) if m.operator == "return-zero")
    assert (await told_apart(desk.witnesses.go, tree, [other], "#saw", seconds=60)).differs == {}
    changed = next(m for m in find_mutants("kit.go", tree["kit.go"]) if m.operator == "boundary")
    told = await told_apart(desk.witnesses.go, tree, [changed], "#saw", seconds=60)
    assert told.differs == {changed: "#saw 0 -1\n#saw 1 -1\n#saw 2 -1"}


STEPS = "func Steps(n int) int {\n\tfor n > 0 {\n\t\tn--\n\t}\n\treturn n\n}\n"
PRINTING = """package kit

import (
	"fmt"
	"testing"
)

func TestSteps(t *testing.T) {
	for n := range 3 {
		fmt.Println("#saw", n, Steps(n))
	}
}
"""
