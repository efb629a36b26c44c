"""The gates on real drafts of the embedded model, and on the fake greens that it was seen to make."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.golang.syntax import SyntaxFault, declarations, package_name, parse, syntax_fault
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.spec import Signature

DRAFTS = Path(__file__).parents[1] / "data" / "drafts"
RAW = sorted(DRAFTS.glob("raw/*.txt"))
REBUILT = sorted(DRAFTS.glob("rebuilt/*.go"))
API = {
    "numkit": {"GCD": "func GCD(a, b int) int", "Clamp": "func Clamp(x, lo, hi int) int"},
    "stringkit": {
        "Reverse": "func Reverse(s string) string",
        "IsPalindrome": "func IsPalindrome(s string) bool",
    },
}
STDLIB = frozenset({"fmt", "math", "math/rand", "strings", "testing", "unicode", "unicode/utf8"})


def plain(source: str) -> str | SyntaxFault:
    return syntax_fault(parse(source)) or source


def context(name: str) -> GateContext:
    package = name.split("_")[0].split(".")[0]
    is_test = "_test" in name
    stated = API[package]
    task = FileTask(
        path=f"{package}_test.go" if is_test else f"{package}.go",
        purpose="as stated",
        owner="go-test" if is_test else "go-dev",
        package=package,
        stage=0,
        tests=tuple(f"Test{function}" for function in stated) if is_test else (),
    )
    api = tuple(Signature(name=function, text=text) for function, text in stated.items())
    return GateContext(task=task, stdlib=STDLIB, formatter=plain, module=f"example.com/{package}", api=api)


def code_of(answer: str) -> str:
    """The text between the code fences of an answer."""
    inside = answer.split("```")[1] if "```" in answer else answer
    return inside.removeprefix("go\n")


def gated(path: Path) -> GatedCandidate:
    return run_gates(code_of(path.read_text("utf-8")), context(path.name))


def reasons(candidate: GatedCandidate) -> dict[str, str]:
    return {each.gate: each.reason for each in candidate.verdicts if each.outcome == "rejected"}


def test_own_copies_in_an_external_package_do_not_stay() -> None:
    result = gated(DRAFTS / "rebuilt" / "numkit_own_copies_test.go")
    assert package_name(parse(result.content)) == "numkit"
    assert [found.name for found in declarations(parse(result.content))] == ["TestGCD", "TestClamp"]
    assert is_accepted(result), "what is left tests the package's own functions"


def test_own_copies_are_refused_where_an_external_package_was_asked_for() -> None:
    path = DRAFTS / "rebuilt" / "numkit_own_copies_test.go"
    base = context(path.name)
    task = base.task.model_copy(update={"purpose": "tests in package numkit_test"})
    asked = GateContext(task=task, stdlib=STDLIB, formatter=plain, module=base.module, api=base.api)
    result = run_gates(path.read_text("utf-8"), asked)
    assert "tests-call-package" in reasons(result)


def test_test_functions_do_not_stay_in_an_implementation() -> None:
    result = gated(DRAFTS / "rebuilt" / "numkit_mixed.go")
    assert is_accepted(result)
    assert [found.name for found in declarations(parse(result.content))] == ["GCD", "Clamp"]
    assert "import" not in result.content


def test_a_test_file_of_copies_alone_is_refused() -> None:
    result = gated(DRAFTS / "rebuilt" / "stringkit_only_copies_test.go")
    assert "nothing is left" in reasons(result)["no-redeclaration"]
    assert "missing tests" in reasons(result)["tests-present"]


def test_tests_that_never_assert_are_refused() -> None:
    result = gated(DRAFTS / "rebuilt" / "numkit_silent_test.go")
    assert "checks nothing" in reasons(result)["tests-assert"]
    assert result.cases == 0


def test_tests_that_assert_only_constants_are_refused() -> None:
    result = gated(DRAFTS / "rebuilt" / "numkit_constants_test.go")
    assert "checks nothing of the package" in reasons(result)["tests-assert"]
    assert result.cases == 0


def test_there_are_drafts() -> None:
    assert len(RAW) >= 4
    assert len(REBUILT) >= 5


@pytest.mark.parametrize("path", RAW + REBUILT, ids=lambda path: path.stem)
def test_gates_are_a_fixpoint(path: Path) -> None:
    once = gated(path)
    twice = run_gates(once.content, context(path.name))
    assert twice.content == once.content
    assert {each.outcome for each in twice.verdicts} <= {"passed", "rejected"}
    assert reasons(twice) == reasons(once)


@pytest.mark.parametrize("path", [path for path in RAW if "_test_" in path.name], ids=lambda path: path.stem)
def test_an_accepted_suite_declares_nothing_of_the_api(path: Path) -> None:
    result = gated(path)
    if is_accepted(result):
        names = {found.name for found in declarations(parse(result.content))}
        assert not names & set(API[path.name.split("_")[0]])
        assert result.cases > 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_cut_draft_never_raises_and_comes_to_rest(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(RAW + REBUILT))
    source = code_of(path.read_text("utf-8"))
    cut = source[: data.draw(st.integers(0, len(source)))]
    once = run_gates(cut, context(path.name))
    assert run_gates(once.content, context(path.name)).content == once.content
