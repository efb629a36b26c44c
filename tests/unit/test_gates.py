"""Each gate alone and the table as a whole: what is mended, what is refused, and that it comes to rest."""

from dataclasses import replace

import pytest

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.table import GATES, is_accepted, run_gates
from guildbus.agents.golang.syntax import SyntaxFault, parse, syntax_fault
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import GatedCandidate, GateVerdict
from guildbus.protocols.spec import Signature

LIBRARY = """
    bytes crypto/rand errors fmt html/template math math/rand math/rand/v2 net net/http net/url os os/exec
    reflect sort strings syscall testing testing/quick text/template unicode unsafe internal/abi
"""
STDLIB = frozenset(LIBRARY.split())
API = (
    Signature(name="GCD", text="func GCD(a, b int) int"),
    Signature(name="Clamp", text="func Clamp(x, lo, hi int) int"),
)
IMPLEMENTATION = (
    "package numkit\n\nfunc GCD(a, b int) int { return a }\n\nfunc Clamp(x, lo, hi int) int { return x }\n"
)
CHECK = "func TestGCD(t *testing.T) {\n\tif GCD(2, 4) != 2 {\n\t\tt.Error()\n\t}\n}\n"


def plain(source: str) -> str | SyntaxFault:
    """The formatter of these tests: no layout, the tree's own idea of syntax."""
    return syntax_fault(parse(source)) or source


def context(path: str = "numkit.go", **changes: object) -> GateContext:
    task = FileTask(path=path, purpose="numbers", owner="go-dev", package="numkit", stage=0)
    base = GateContext(task=task, stdlib=STDLIB, formatter=plain, module="example.com/numkit", api=API)
    return replace(base, **changes)  # type: ignore[arg-type]


def for_test(*, tests: tuple[str, ...] = (), purpose: str = "tests", **changes: object) -> GateContext:
    base = context("numkit_test.go", **changes)
    return replace(base, task=base.task.model_copy(update={"tests": tests, "purpose": purpose}))


def said(candidate: GatedCandidate, gate: str) -> GateVerdict:
    return next(verdict for verdict in candidate.verdicts if verdict.gate == gate)


def refused_by(candidate: GatedCandidate) -> set[str]:
    return {verdict.gate for verdict in candidate.verdicts if verdict.outcome == "rejected"}


def suite(*tests: str, head: str = 'package numkit\n\nimport "testing"\n\n') -> str:
    return head + "\n".join(tests)


def test_a_good_implementation_passes_untouched() -> None:
    result = run_gates(IMPLEMENTATION, context(), index=3)
    assert is_accepted(result)
    assert result.content == IMPLEMENTATION
    assert result.index == 3
    assert {verdict.outcome for verdict in result.verdicts} == {"passed"}
    assert [verdict.gate for verdict in result.verdicts] == [name for name, _ in GATES]


def test_a_good_test_passes_untouched_and_its_cases_are_counted() -> None:
    result = run_gates(suite(CHECK), for_test(tests=("TestGCD",)))
    assert is_accepted(result)
    assert result.content == suite(CHECK)
    assert result.cases == 1


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("Here is the code:\n", 1, ""),
        ("", 1, "package clause"),
        ("package numkit\n\nfunc GCD(a, b int) int {\n\treturn a\n", 5, "too early"),
    ],
)
def test_what_is_no_go_is_refused_by_the_first_gate_alone(source: str, line: int, words: str) -> None:
    result = run_gates(source, context())
    assert refused_by(result) == {"parses"}
    assert len(result.verdicts) == 1
    assert said(result, "parses").line == line
    assert words in said(result, "parses").reason


def test_a_wrong_package_clause_is_mended() -> None:
    result = run_gates(IMPLEMENTATION.replace("package numkit", "package main"), context())
    assert is_accepted(result)
    assert result.content == IMPLEMENTATION
    assert said(result, "package-clause").outcome == "fixed"


@pytest.mark.parametrize("path", ["example.com/numkit", "github.com/you/numkit", "numkit"])
def test_an_external_test_package_becomes_the_package_itself(path: str) -> None:
    head = f'package numkit_test\n\nimport (\n\t"testing"\n\t"{path}"\n)\n\n'
    result = run_gates(suite(CHECK.replace("GCD(2", "numkit.GCD(2"), head=head), for_test())
    assert is_accepted(result)
    assert "package numkit\n" in result.content
    assert "numkit.GCD" not in result.content
    assert path not in result.content.replace("package numkit", "")


def test_an_aliased_import_of_the_own_package_goes_too() -> None:
    head = 'package numkit_test\n\nimport (\n\t"testing"\n\tnk "example.com/numkit"\n)\n\n'
    result = run_gates(suite(CHECK.replace("GCD(2", "nk.GCD(2"), head=head), for_test())
    assert is_accepted(result)
    assert "nk" not in result.content.replace("numkit", "")


def test_a_qualifier_whose_bare_name_would_mean_something_else_is_refused() -> None:
    body = "func TestGCD(t *testing.T) {\n\tGCD := 3\n\tif numkit.GCD(2, 4) != GCD {\n\t\tt.Error()\n\t}\n}\n"
    result = run_gates(suite(body), for_test())
    assert "own-qualifier" in refused_by(result)
    assert said(result, "own-qualifier").line == 7


def test_a_local_variable_named_like_the_package_keeps_its_fields() -> None:
    body = CHECK.replace("{\n\tif", "{\n\tnumkit := box{}\n\tif", 1).replace("!= 2", "!= numkit.Want")
    result = run_gates(suite(body, "type box struct{ Want int }\n"), for_test())
    assert is_accepted(result)
    assert "numkit.Want" in result.content


def test_an_external_test_package_stays_where_the_purpose_asks_for_it() -> None:
    head = 'package numkit_test\n\nimport (\n\t"testing"\n\n\t"example.com/numkit"\n)\n\n'
    source = suite(CHECK.replace("GCD(2", "numkit.GCD(2"), head=head)
    purpose = "External test package: black-box tests of GCD"
    result = run_gates(source, for_test(purpose=purpose))
    assert is_accepted(result)
    assert result.content == source
    assert result.cases == 1
    bare = run_gates(suite(CHECK, head=head), for_test(purpose=purpose))
    assert "tests-assert" in refused_by(bare), "a bare GCD is not the package's in an external test"


@pytest.mark.parametrize(
    "directive",
    ["//go:build ignore", "// +build ignore", "//go:generate rm -rf /", "//line other.go:1"],
)
def test_directives_that_change_the_build_are_removed(directive: str) -> None:
    result = run_gates(f"{directive}\n\n{IMPLEMENTATION}", context())
    assert is_accepted(result)
    assert directive not in result.content
    assert said(result, "directives").outcome == "fixed"


@pytest.mark.parametrize("directive", ["//go:embed x.txt", "//go:linkname GCD runtime.GCD", "//export GCD"])
def test_directives_that_reach_outside_are_refused(directive: str) -> None:
    result = run_gates(f"{IMPLEMENTATION}\n{directive}\nvar x string\n", context())
    assert refused_by(result) == {"directives"}


def test_prose_about_building_is_no_directive() -> None:
    assert is_accepted(run_gates(f"// go:build tags are not used\n{IMPLEMENTATION}", context()))


def test_main_goes_from_a_library_and_stays_in_a_program() -> None:
    with_main = IMPLEMENTATION + "\nfunc main() { println(GCD(1, 2)) }\n"
    assert "func main" not in run_gates(with_main, context()).content
    base = context(api=())
    program = replace(base, task=base.task.model_copy(update={"package": "main"}))
    assert "func main" in run_gates(with_main, program).content


def test_testmain_goes() -> None:
    body = "func TestMain(m *testing.M) {}\n"
    result = run_gates(suite(body, CHECK), for_test())
    assert is_accepted(result)
    assert "TestMain" not in result.content


def test_a_helper_that_another_test_file_declares_is_dropped() -> None:
    helper = "func near(a, b int) bool { return a == b }\n"
    others = {"numkit.go": IMPLEMENTATION, "more_test.go": f"package numkit\n\n{helper}"}
    result = run_gates(suite(CHECK, helper), for_test(others=others))
    assert is_accepted(result)
    assert "func near" not in result.content


def test_the_file_itself_among_the_others_is_not_its_own_rival() -> None:
    result = run_gates(IMPLEMENTATION, context(others={"numkit.go": IMPLEMENTATION}))
    assert result.content == IMPLEMENTATION


def test_a_redeclared_type_takes_its_methods_along() -> None:
    api = (Signature(name="Stack.Push", text="func (s *Stack) Push(v int)"),)
    copy = (
        "type Stack struct{ n int }\n\nfunc (s *Stack) Push(v int) { s.n = v }\n\n"
        "func (s *Stack) Peek() int { return s.n }\n"
    )
    test = (
        "func TestPush(t *testing.T) {\n\tvar s Stack\n\ts.Push(1)\n\tif s.n != 1 {\n\t\tt.Error()\n\t}\n}\n"
    )
    result = run_gates(suite(test, copy), for_test(api=api))
    assert is_accepted(result)
    assert "type Stack" not in result.content
    assert "Peek" not in result.content


def test_a_method_of_the_tests_own_on_a_package_type_stays() -> None:
    api = (Signature(name="Stack.Push", text="func (s *Stack) Push(v int)"),)
    test = "func TestPush(t *testing.T) {\n\tvar s Stack\n\tif s.peek() != 1 {\n\t\tt.Error()\n\t}\n}\n"
    result = run_gates(suite(test, "func (s *Stack) peek() int { return s.n }\n"), for_test(api=api))
    assert is_accepted(result)
    assert "peek() int" in result.content


def test_a_second_implementation_file_that_only_repeats_is_refused() -> None:
    result = run_gates(IMPLEMENTATION, context("more.go", others={"numkit.go": IMPLEMENTATION}))
    assert "no-redeclaration" in refused_by(result)


@pytest.mark.parametrize("path", ["C", "unsafe", "os/exec", "net", "net/http", "syscall", "plugin"])
def test_forbidden_imports_are_refused_unless_allowed(path: str) -> None:
    name = path.split("/")[-1]
    source = f'package numkit\n\nimport "{path}"\n\nvar x = {name}.X\n' + IMPLEMENTATION.split("\n", 1)[1]
    result = run_gates(source, context())
    assert refused_by(result) == {"imports-allowed"}
    assert said(result, "imports-allowed").line == 3
    assert is_accepted(run_gates(source, context(allow_imports=(path,))))


@pytest.mark.parametrize(
    "path", ["github.com/stretchr/testify/assert", "golang.org/x/exp/maps", "internal/abi"]
)
def test_what_is_not_the_standard_library_is_refused(path: str) -> None:
    name = path.split("/")[-1]
    source = f'package numkit\n\nimport "{path}"\n\nvar x = {name}.X\n' + IMPLEMENTATION.split("\n", 1)[1]
    assert refused_by(run_gates(source, context())) == {"imports-allowed"}


def test_a_package_of_the_module_may_be_imported() -> None:
    source = (
        'package numkit\n\nimport "example.com/numkit/deep"\n\nvar x = deep.X\n'
        + IMPLEMENTATION.split("\n", 1)[1]
    )
    packages = {"example.com/numkit/deep": "deep"}
    assert is_accepted(run_gates(source, context(packages=packages)))
    assert not is_accepted(run_gates(source, context()))
    missing = source.replace('import "example.com/numkit/deep"\n\n', "")
    assert '"example.com/numkit/deep"' in run_gates(missing, context(packages=packages)).content


def test_a_forbidden_package_is_not_added_either() -> None:
    source = "package numkit\n\nvar x = unsafe.Pointer(nil)\n" + IMPLEMENTATION.split("\n", 1)[1]
    assert refused_by(run_gates(source, context())) == {"imports-added"}


@pytest.mark.parametrize(
    ("use", "path"),
    [
        ("fmt.Sprint(1)", "fmt"),
        ("rand.Intn(3)", "math/rand"),
        ("template.New(``)", "text/template"),
        ("quick.Check", "testing/quick"),
    ],
)
def test_missing_imports_are_added(use: str, path: str) -> None:
    source = f"package numkit\n\nvar x = {use}\n" + IMPLEMENTATION.split("\n", 1)[1]
    result = run_gates(source, context())
    if path.startswith("testing"):
        assert "imports-allowed" in refused_by(result)
    else:
        assert is_accepted(result)
    assert f'import "{path}"' in result.content


def test_a_path_made_up_for_a_standard_package_is_mended() -> None:
    source = (
        'package numkit\n\nimport "utils/strings"\n\nvar x = strings.ToLower("A")\n'
        + IMPLEMENTATION.split("\n", 1)[1]
    )
    result = run_gates(source, context())
    assert is_accepted(result)
    assert 'import "strings"' in result.content


def test_a_variable_of_another_file_is_no_missing_import() -> None:
    others = {"state.go": "package numkit\n\nvar sort struct{ Fast bool }\n"}
    source = IMPLEMENTATION + "\nvar quickly = sort.Fast\n"
    assert run_gates(source, context(others=others)).content == source


def test_the_stated_api_must_be_there() -> None:
    result = run_gates("package numkit\n\nfunc GCD(a, b int64) int { return 0 }\n", context())
    reason = said(result, "declared-api").reason
    assert refused_by(result) == {"declared-api"}
    assert "func GCD(a, b int) int" in reason
    assert "Clamp is missing" in reason
    assert said(result, "declared-api").line == 3


def test_of_several_files_each_must_only_match_what_it_declares() -> None:
    part = "package numkit\n\nfunc GCD(a, b int) int { return 0 }\n"
    assert is_accepted(run_gates(part, context(sole_implementation=False)))
    wrong = part.replace("a, b int", "a int")
    assert refused_by(run_gates(wrong, context(sole_implementation=False))) == {"declared-api"}


def test_expected_tests_must_be_there_by_name() -> None:
    result = run_gates(suite(CHECK), for_test(tests=("TestGCD", "TestClamp")))
    assert refused_by(result) == {"tests-present"}
    assert "func TestClamp(t *testing.T)" in said(result, "tests-present").reason


@pytest.mark.parametrize("name", ["TestGcd", "Test_GCD", "testGCD"])
def test_a_near_miss_of_an_expected_name_is_renamed(name: str) -> None:
    result = run_gates(suite(CHECK.replace("TestGCD", name)), for_test(tests=("TestGCD",)))
    assert is_accepted(result)
    assert "func TestGCD(" in result.content


def test_a_file_without_any_test_is_refused() -> None:
    assert "tests-present" in refused_by(run_gates("package numkit\n\nvar x = GCD(1, 2)\n", for_test()))


@pytest.mark.parametrize("call", ["t.Skip()", "t.SkipNow()", 't.Skipf("x")', "os.Exit(0)", "log.Fatal()"])
def test_tests_run_to_their_end(call: str) -> None:
    source = suite(CHECK.replace("{\n\tif", f"{{\n\t{call}\n\tif", 1))
    result = run_gates(source, for_test())
    assert "tests-run" in refused_by(result)
    assert "not allowed" in said(result, "tests-run").reason


def test_a_self_comparison_is_refused_with_its_line() -> None:
    result = run_gates(suite(CHECK.replace("!= 2", "!= GCD(2, 4)")), for_test())
    assert refused_by(result) == {"tests-can-fail"}
    assert said(result, "tests-can-fail").line == 6


def test_an_empty_table_is_refused() -> None:
    body = (
        "func TestGCD(t *testing.T) {\n\tfor _, c := range []struct{ a, w int }{} {\n"
        "\t\tif GCD(c.a, 1) != c.w {\n\t\t\tt.Error()\n\t\t}\n\t}\n}\n"
    )
    assert refused_by(run_gates(suite(body), for_test())) == {"tests-can-fail"}


def test_an_extra_test_that_checks_nothing_is_dropped() -> None:
    extra = 'func TestPrint(t *testing.T) {\n\tt.Log("hello")\n}\n'
    result = run_gates(suite(CHECK, extra), for_test(tests=("TestGCD",)))
    assert is_accepted(result)
    assert "TestPrint" not in result.content


def test_cases_never_fall() -> None:
    assert is_accepted(run_gates(suite(CHECK), for_test(min_cases=1)))
    result = run_gates(suite(CHECK), for_test(min_cases=2))
    assert refused_by(result) == {"cases-kept"}
    assert said(result, "cases-kept").reason == "only 1 test cases, the file had 2: keep every case"


def test_dropping_idle_tests_cannot_hide_a_loss_of_cases() -> None:
    extra = 'func TestPrint(t *testing.T) {\n\tt.Log("hello")\n}\n'
    result = run_gates(suite(CHECK, extra), for_test(min_cases=2))
    assert refused_by(result) == {"cases-kept"}


def test_what_gofmt_refuses_is_refused_with_its_line() -> None:
    strict = context(formatter=lambda source: SyntaxFault(7, 1, "unexpected thing"))
    result = run_gates(IMPLEMENTATION, strict)
    assert refused_by(result) == {"gofmt"}
    assert said(result, "gofmt").line == 7


def test_windows_line_ends_are_no_difference() -> None:
    assert run_gates(IMPLEMENTATION.replace("\n", "\r\n"), context()).content == IMPLEMENTATION
