"""Plans: owners, stages, packages, contracts and the prose that each specialist gets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.planning import folder_of, is_test, overview, package_conflict, plan
from guildbus.launch.specfile import load_spec
from guildbus.protocols.errors import SpecError
from guildbus.protocols.messages.build import Plan
from guildbus.protocols.spec import Signature, Spec, SpecFile

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD = REPOSITORY / "tests" / "data" / "specs" / "good"

STATED = "package {}. Double(n int) int returns twice n."
UNSTATED = "package {}. It keeps things."


def spec_of(*files: tuple[str, str], **more: object) -> Spec:
    return Spec.model_validate(
        {
            "name": "kit",
            "language": "go",
            "go_module": "example.com/kit",
            "files": tuple(SpecFile(path=path, purpose=purpose) for path, purpose in files),
            **more,
        }
    )


def stages_of(plan: Plan) -> list[tuple[str, int]]:
    return [(task.path, task.stage) for task in plan.tasks]


def test_numkit() -> None:
    made = plan(load_spec(REPOSITORY / "specs" / "numkit.yaml"))
    assert made.go_mod == "module example.com/numkit\n\ngo 1.23\n"
    assert made.api == {
        "": (
            Signature(name="GCD", text="func GCD(a, b int) int"),
            Signature(name="Clamp", text="func Clamp(x, lo, hi int) int"),
        )
    }
    assert made.api_complete == ("",)
    assert [(example.call, example.want) for example in made.examples] == [
        ("GCD(0, 0)", "0"),
        ("GCD(8, 15)", "1"),
        ("GCD(12, 18)", "6"),
        ("GCD(0, 5)", "5"),
        ("GCD(-12, 18)", "6"),
        ("Clamp(7, 10, 0)", "7"),
    ]
    code, test = made.tasks
    assert (code.path, code.owner, code.package, code.stage, code.tests) == (
        "numkit.go",
        "go-dev",
        "numkit",
        0,
        (),
    )
    assert (test.path, test.owner, test.package, test.stage) == ("numkit_test.go", "go-test", "numkit", 0)
    assert test.tests == ("TestGCD", "TestClamp")


def test_stringkit_states_signatures_and_no_values() -> None:
    made = plan(load_spec(REPOSITORY / "specs" / "stringkit.yaml"))
    assert [signature.name for signature in made.api[""]] == ["Reverse", "IsPalindrome"]
    assert made.examples == ()
    assert made.tasks[1].tests == ("TestReverse", "TestIsPalindrome")
    assert made.stages == 1


def test_a_type_with_methods_is_seen_before_it_is_tested() -> None:
    made = plan(load_spec(GOOD / "stack.yaml"))
    assert made.go_mod == "module example.com/stack\n\ngo 1.22\n"
    assert stages_of(made) == [("stack.go", 0), ("stack_test.go", 1)]
    assert made.api == {"": (Signature(name="New", text="func New(capacity int) *Stack"),)}
    assert made.api_complete == ()
    assert made.tasks[1].tests == ("TestPushPop", "TestFull")


def test_a_tree_of_packages() -> None:
    made = plan(load_spec(GOOD / "ledgerish.yaml"))
    assert [(task.path, task.package, task.stage) for task in made.tasks] == [
        ("internal/cents/cents.go", "cents", 0),
        ("internal/cents/cents_test.go", "cents", 0),
        ("internal/account/account.go", "account", 1),
        ("internal/account/sorted.go", "account", 2),
        ("internal/account/account_test.go", "account", 3),
        ("cmd/ledgerish/main.go", "main", 4),
    ]
    assert made.task("internal/cents/cents_test.go").tests == ("TestParse", "TestFormat")
    assert [(e.folder, e.call, e.want) for e in made.examples] == [
        ("internal/cents", "Format(150)", '"1.50"'),
        ("internal/cents", "Format(0)", '"0.00"'),
        ("internal/cents", "Format(5)", '"0.05"'),
    ]
    assert made.api_complete == ("internal/cents",)


def test_a_spec_without_words() -> None:
    made = plan(load_spec(GOOD / "bare.yaml"))
    assert made.go_mod.startswith("module example.com/go-bare/v2\n")
    assert [task.package for task in made.tasks] == ["gobare"]
    assert made.api == {}


@pytest.mark.parametrize(
    ("prose", "stages"),
    [
        (STATED, [0, 0, 0, 1, 1, 2]),
        (UNSTATED, [0, 1, 2, 3, 3, 4]),
    ],
)
def test_the_table_of_the_docstring(prose: str, stages: list[int]) -> None:
    made = plan(
        spec_of(
            ("a/x.go", prose.format("a")),
            ("a/y.go", "package a. More of it."),
            ("a/x_test.go", "package a. TestX."),
            ("b/z.go", STATED.format("b")),
            ("b/z_test.go", "package b. TestZ."),
            ("tests/whole_test.go", "package tests. TestWhole."),
        )
    )
    assert [task.stage for task in made.tasks] == stages


def test_tests_that_are_listed_first_still_wait() -> None:
    made = plan(
        spec_of(("a_test.go", "TestA."), ("a.go", UNSTATED.format("kit")), ("b.go", "package kit. More."))
    )
    assert stages_of(made) == [("a_test.go", 2), ("a.go", 0), ("b.go", 1)]


def test_the_users_api_goes_before_the_prose_and_is_complete() -> None:
    made = plan(
        spec_of(
            ("stack.go", "package kit. A Stack. New(n int) *Stack. Methods: Push(v int)."),
            ("stack_test.go", "package kit. TestStack: s := New(1); s.Push(2)."),
            api=("type Stack struct", "func New(n int) *Stack", "func (s *Stack) Push(v int)")[1:],
        )
    )
    assert made.api[""] == (
        Signature(name="New", text="func New(n int) *Stack"),
        Signature(name="Stack.Push", text="func (s *Stack) Push(v int)"),
    )
    assert made.stages == 1


def test_entries_find_their_package() -> None:
    files = (("a/a.go", "package a. It has Twice."), ("b/b.go", "package b. It has Half."))
    made = plan(
        spec_of(
            *files,
            api=("Twice(n int) int", "b: Half(n int) int"),
            examples=("Half(4) = 2", "a: Twice(2) = 4"),
        )
    )
    assert {folder: [s.name for s in signatures] for folder, signatures in made.api.items()} == {
        "a": ["Twice"],
        "b": ["Half"],
    }
    assert [(e.folder, e.call) for e in made.examples] == [("b", "Half(4)"), ("a", "Twice(2)")]
    with pytest.raises(SpecError, match="could be about several packages"):
        plan(spec_of(*files, api=("Third(n int) int",)))


def test_a_listed_value_goes_before_the_prose() -> None:
    made = plan(spec_of(("kit.go", STATED.format("kit") + " Double(1) = 3."), examples=("Double(1) = 2",)))
    assert [(e.call, e.want) for e in made.examples] == [("Double(1)", "2")]


@pytest.mark.parametrize(
    ("key", "entry", "what"),
    [
        ("api", "Double of n", "is not one Go declaration"),
        ("examples", "Double(n) = 2", "must have Go literals"),
        ("examples", "Double(1, 2) = 2", "takes 1 arguments"),
        ("examples", 'Double(1) = "2"', "is no int"),
    ],
)
def test_entries_that_cannot_be_read(key: str, entry: str, what: str) -> None:
    with pytest.raises(SpecError, match=what):
        plan(spec_of(("kit.go", STATED.format("kit")), **{key: (entry,)}))


def test_the_package_of_a_black_box_test() -> None:
    made = plan(
        spec_of(
            ("kit.go", STATED.format("kit")),
            ("kit_test.go", "package kit_test. TestKit."),
            ("more_test.go", "TestMore."),
        )
    )
    assert [task.package for task in made.tasks] == ["kit", "kit_test", "kit"]


def test_two_packages_in_one_folder_are_noticed() -> None:
    assert package_conflict(spec_of(("a.go", "package a."), ("a_test.go", "package a_test."))) is None
    assert package_conflict(spec_of(("a.go", "package a."), ("b/b.go", "package b."))) is None
    conflict = package_conflict(spec_of(("a.go", "package a."), ("b.go", "package b.")))
    assert conflict is not None
    assert conflict.path == "b.go"


def test_what_each_specialist_is_told() -> None:
    spec = spec_of(
        ("go.mod", "The module, go 1.23."),
        ("a/a.go", "package a.\n  Twice(n int) int doubles."),
        ("a/a_test.go", "package a. TestTwice."),
        ("b/b.go", "package b. Half(n int) int halves."),
        description="Two\n  packages.",
    )
    made = plan(spec)
    assert overview(spec, made.task("a/a.go")) == "Two packages.\n\npackage a. Twice(n int) int doubles."
    assert overview(spec, made.task("a/a_test.go")) == (
        "Two packages.\n\npackage a. TestTwice.\n\n"
        "The code under test shall do this: package a. Twice(n int) int doubles."
    )


FOLDERS = st.sampled_from(["", "a", "b", "a/c"])
PROSE = st.sampled_from(
    [STATED.format("kit"), UNSTATED.format("kit"), "Words. TestOne and TestTwo.", "Double(2) = 4."]
)
FILES = st.lists(
    st.tuples(FOLDERS, st.sampled_from(["x.go", "y.go", "z.go", "x_test.go", "y_test.go"]), PROSE),
    min_size=1,
    max_size=12,
    unique_by=lambda file: (file[0], file[1]),
)


@given(FILES, st.booleans())
def test_the_laws_of_a_plan(files: list[tuple[str, str, str]], with_go_mod: bool) -> None:
    listed = [(f"{folder}/{name}".lstrip("/"), prose) for folder, name, prose in files]
    spec = spec_of(*([("go.mod", "go 1.23.")] if with_go_mod else []), *listed)
    made = plan(spec)
    assert [task.path for task in made.tasks] == [path for path, _ in listed]
    assert {task.stage for task in made.tasks} == set(range(made.stages))
    code = [task for task in made.tasks if not is_test(task.path)]
    assert [task.stage for task in code] == sorted(task.stage for task in code)
    for task in made.tasks:
        assert task.owner == ("go-test" if is_test(task.path) else "go-dev")
        assert task.folder == folder_of(task.path)
        own = [other.stage for other in code if other.folder == task.folder]
        if task.owner == "go-test":
            assert task.stage >= max(own, default=0)
            if own and task.folder not in made.api_complete:
                assert task.stage > max(own)
        else:
            assert task.tests == ()
            sharing = {other.folder for other in code if other.stage == task.stage}
            assert sharing == {task.folder}
            if task.folder not in made.api_complete:
                assert own.count(task.stage) == 1
    assert plan(spec) == made
