"""What an evaluation builds and judges by: the specs that ship, with their suites, and outside problems."""

import json
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.planning import plan
from guildbus.launch.bench.eval.problems import (
    Problem,
    problem_hidden,
    problem_spec,
    problem_tasks,
    stated_api,
)
from guildbus.launch.bench.eval.suites import shipped
from guildbus.launch.specfile import parse_spec
from guildbus.protocols.errors import UsageError

REPOSITORY = Path(__file__).resolve().parents[2]
PROBLEM: dict[str, Any] = {
    "id": "own_set/1",
    "package": "shapes",
    "statement": 'Write the Go package `shapes`.\n\nArea(w, h) is w * h: a "product".\n\n# no comment',
    "api": (
        "// Area is the area.\nfunc Area(w, h int) int\n\n"
        "type Box struct {\n\tW int\n}\n\nfunc (b Box) Twice() int"
    ),
    "impl_path": "the_shapes.go",
    "hidden_tests": {
        "shapes_test.go": "package shapes // secret-1",
        "more_test.go": "package shapes // secret-2",
    },
    "given_files": {"given.go": "package shapes // secret-3"},
    "canonical": "package shapes // secret-4",
}


def test_all_that_ship_have_a_judge() -> None:
    tasks = shipped((), REPOSITORY)
    assert [task.name for task in tasks] == sorted(
        path.stem for path in (REPOSITORY / "specs").glob("*.yaml")
    )
    for task in tasks:
        assert task.hidden is not None
        assert set(task.hidden.emptied) == {f"{task.name}.go"}
        assert isinstance(task.spec, Path)
        asked = {name for one in plan(parse_spec(task.spec.read_text(), "")).tasks for name in one.tests}
        assert task.hidden.named == asked


def test_specs_by_name_and_by_file_in_the_order_asked() -> None:
    file = REPOSITORY / "specs" / "numkit.yaml"
    tasks = shipped(("stringkit", str(file)), REPOSITORY)
    assert [task.name for task in tasks] == ["stringkit", "numkit"]
    assert tasks[1].hidden is not None


def test_a_spec_from_elsewhere_has_no_judge(tmp_path: Path) -> None:
    file = tmp_path / "numkit.yaml"
    file.write_text((REPOSITORY / "specs" / "numkit.yaml").read_text())
    assert shipped((str(file),), REPOSITORY)[0].hidden is None


@pytest.mark.parametrize("names", [("numkti",), ("missing/numkit.yaml",), ("nothing.yaml",)])
def test_a_name_that_is_no_spec(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        shipped(names, REPOSITORY)


def test_a_folder_without_specs(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        shipped((), tmp_path)


def test_a_problem_becomes_a_spec_of_two_files() -> None:
    spec = problem_spec(Problem.model_validate(PROBLEM))
    assert [file.path for file in spec.files] == ["the_shapes.go", "the_shapes_test.go"]
    assert PROBLEM["statement"] in spec.files[0].purpose
    made = plan(spec)
    assert [(task.path, task.owner, task.package) for task in made.tasks] == [
        ("the_shapes.go", "go-dev", "shapes"),
        ("the_shapes_test.go", "go-test", "shapes"),
    ]
    assert {"Area", "Box", "Box.Twice"} <= {signature.name for signature in made.api[""]}
    assert made.go_mod == "module bench/shapes\n\ngo 1.26\n"


def test_declarations_lose_the_comments_above_them() -> None:
    assert stated_api(PROBLEM["api"]) == (
        "func Area(w, h int) int",
        "type Box struct {\n\tW int\n}",
        "func (b Box) Twice() int",
    )


@pytest.mark.parametrize(
    "other", ["func inner(x int) int", "whatever it is", "func Area(w int) int { return w }"]
)
def test_a_list_that_would_not_be_complete_is_left_to_the_statement(other: str) -> None:
    assert stated_api(f"{PROBLEM['api']}\n\n{other}") == ()


def test_its_hidden_tests_judge_in_a_fresh_module() -> None:
    hidden = problem_hidden(Problem.model_validate(PROBLEM))
    assert hidden.tests == PROBLEM["hidden_tests"]
    assert hidden.given == PROBLEM["given_files"]
    assert hidden.go_mod == "module bench/shapes\n\ngo 1.26\n"


def test_nothing_hidden_is_in_the_spec_that_is_built(tmp_path: Path) -> None:
    file = tmp_path / "own_set.dev.jsonl"
    file.write_text(json.dumps(PROBLEM) + "\n")
    task = problem_tasks(file, None)[0]
    written = task.spec_file(tmp_path / "build")
    assert "secret" not in written.read_text()
    assert parse_spec(written.read_text(), "") == problem_spec(Problem.model_validate(PROBLEM))
    assert (task.kind, task.group, task.name) == ("problems", "own_set", "own_set/1")


def test_only_so_many_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text("\n\n".join(json.dumps(PROBLEM | {"id": f"set/{n}"}) for n in range(5)) + "\n")
    assert [task.name for task in problem_tasks(file, 2)] == ["set/0", "set/1"]
    assert len(problem_tasks(file, None)) == len(problem_tasks(file, 9)) == 5


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[" * 100_000,
        "[]",
        "3",
        json.dumps({key: value for key, value in PROBLEM.items() if key != "api"}),
        json.dumps(PROBLEM | {"impl_path": "../out.go"}),
        json.dumps(PROBLEM | {"statement": 3}),
        json.dumps(PROBLEM | {"hidden_tests": 3}),
    ],
)
def test_a_line_that_is_no_problem_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(f"{json.dumps(PROBLEM)}\n{line}\n")
    with pytest.raises(UsageError) as found:
        problem_tasks(file, None)
    assert found.value.where == f"{file}:2"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        problem_tasks(tmp_path / "none.jsonl", None)
