"""Edits of a green package: what may be proposed, what the gates say, and what counts as falling."""

from collections.abc import Mapping
from typing import Any

import pytest

from green_runs import BETTER, CODE, SUITE, green, judged, planner
from guildbus.agents.edits import blunted, gated_edit, lost_declarations, shortfall
from guildbus.agents.gates.context import GateContext
from guildbus.agents.golang.syntax import SyntaxFault, parse, syntax_fault
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested, ProposedFile
from guildbus.protocols.messages.verification import (
    BrokenExample,
    Counterexample,
    Examination,
    Score,
    Teeth,
    VerificationFinished,
)
from told import Told, failure


def plain(source: str) -> str | SyntaxFault:
    """The formatter of these tests: no layout, the tree's own idea of syntax."""
    return syntax_fault(parse(source)) or source


def context_for(path: str, tree: Mapping[str, str]) -> GateContext:
    owner = "go-test" if path.endswith("_test.go") else "go-dev"
    task = FileTask.model_validate(
        {"path": path, "purpose": "numbers", "owner": owner, "package": "numkit", "stage": 0}
    )
    others = {other: text for other, text in tree.items() if other != path}
    return GateContext(
        task=task,
        stdlib=frozenset({"fmt", "testing"}),
        formatter=plain,
        module="example.com/numkit",
        others=others,
    )


async def edit(run: Told | None = None, **files: str) -> tuple[str, dict[str, str]]:
    """The refusal of an edit, '' if there is none, and the files as the gates passed them."""
    asked = green()
    (request,) = await planner(asked)
    assert isinstance(request, FinishRequested)
    named = {f"numkit{name}.go": text for name, text in files.items()}
    proposal = FinishProposed(files=tuple(ProposedFile(path=p, content=c) for p, c in named.items()))
    found = gated_edit(request, proposal, (run or asked).state.tree(), context_for)
    return found.refusal, {path: one.content for path, one in found.files.items()}


class TestWhatMayBeProposed:
    async def test_what_passes_the_gates_is_judged(self) -> None:
        more = SUITE + "\nfunc ExampleGCD() {\n\tfmt.Println(GCD(1, 2))\n\t// Output: 1\n}\n"
        refusal, files = await edit(_test=more, **{"": BETTER})
        assert (refusal, list(files), files["numkit.go"]) == ("", ["numkit.go", "numkit_test.go"], BETTER)
        assert '"fmt"' in files["numkit_test.go"]

    @pytest.mark.parametrize(
        ("files", "reason"),
        [
            ({}, "nothing was proposed"),
            ({"": CODE}, "it changes nothing"),
            ({"_more": CODE}, "numkit_more.go is no file of the plan"),
            ({"": "package numkit\n\nfunc"}, "numkit.go: the gate parses refuses it"),
            ({"_test": SUITE.replace("GCD(2, 4) != 2", "GCD(2, 4) != 3")}, "TestGCD changed or vanished"),
            ({"_test": SUITE.replace("TestGCD", "TestOther")}, "TestGCD changed or vanished"),
            ({"_test": 'package numkit\n\nimport "testing"\n'}, "the gate"),
        ],
    )
    async def test_what_may_not_be_is_named(self, files: dict[str, str], reason: str) -> None:
        refusal, passed = await edit(**files)
        assert (reason in refusal, passed) == (True, {}), refusal

    async def test_an_edit_of_a_file_that_has_changed_since_is_refused(self) -> None:
        later = green()
        await planner(later)
        later.add(judged(later, "package numkit // another"))
        refusal, _ = await edit(later, **{"": BETTER})
        assert refusal == "numkit.go has changed since this was asked for"


def test_a_test_may_grow_and_be_commented_and_nothing_else() -> None:
    assert lost_declarations(SUITE, f"{SUITE}\nvar more int\n") == []
    assert lost_declarations(SUITE, SUITE.replace("func Test", "// It tests.\nfunc Test")) == []
    assert lost_declarations(f"{SUITE}\nvar a, b = 1, 2\n", f"{SUITE}\nvar a, b = 1, 3\n") == ["a", "b"]


def found(**more: Any) -> VerificationFinished:
    """A green tree that 9 of 9 settled cases agree with."""
    fields: dict[str, Any] = {
        "examined": (Examination(subject="GCD", agreed=9, total=9),),
        "tests_passed": 4,
        "tests_total": 4,
    }
    return green(**(fields | more)).found


SPLIT = Counterexample(call="GCD(0, 0)", want="0", got="1")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"score": Score(), "green": False}, "go build fails"),
        (
            {"score": Score(build=True, vet=True), "failures": (failure(),), "green": False},
            "go test fails: TestGCD: GCD(0, 5) = 0; want 5",
        ),
        (
            {"broken_examples": (BrokenExample(call="GCD(0, 0)", want="0", got="1"),), "green": False},
            "GCD(0, 0) = 1; the spec says 0",
        ),
        (
            {"examined": (Examination(subject="GCD", agreed=8, total=9, counterexamples=(SPLIT,)),)},
            "GCD(0, 0) = 1; it is settled that it is 0",
        ),
        ({"examined": ()}, "0 settled cases agree, 9 did"),
        ({"tests_total": 3}, "tests did not run: fewer rows than before"),
        ({"missing_tests": ("TestGCD",)}, "tests did not run: TestGCD"),
        ({"unnoticed": ("GCD",), "green": False}, "no test notices that GCD does nothing"),
        ({"green": False}, "it is not green"),
    ],
)
def test_what_falls_is_the_reason(change: dict[str, Any], reason: str) -> None:
    assert shortfall(found(), found().model_copy(update=change)) == reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, None, ""),
        (None, Teeth(score=0.1), ""),
        (Teeth(why="there was no time"), None, ""),
        (Teeth(score=0.5), Teeth(score=0.5), ""),
        (Teeth(score=0.5), Teeth(score=0.75), ""),
        (Teeth(score=0.5), Teeth(score=0.25), "the teeth fall from 0.50 to 0.25"),
        (Teeth(score=0.5), Teeth(why="no time"), "the teeth are not known any more: no time"),
        (Teeth(score=0.5), None, "the teeth are not known any more: nobody measured"),
    ],
)
def test_teeth_that_were_measured_may_not_fall(
    before: Teeth | None, after: Teeth | None, reason: str
) -> None:
    assert blunted(found(teeth=before), found(teeth=after)) == reason
