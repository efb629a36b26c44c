"""The acceptance suites stay hidden: nothing that runs in a build refers to them, or holds a line of them."""

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SUITES = sorted((REPOSITORY / "bench" / "acceptance").glob("*/acceptance_test.go"))
LAYERS = ("agents", "bus", "protocols", "launch", "specs")
# They judge from outside; `guildbus bench eval`, `oracle` and `finishers` start them, and no build does.
OUTSIDE = [Path("launch", "bench", name) for name in ("eval", "finishers", "oracle")]
REFERENCE = re.compile(r"bench\W{1,12}acceptance|acceptance_test|TestAcceptance", re.IGNORECASE)


def readable(layer: str) -> list[tuple[Path, str]]:
    """The text files of a layer, compiled ones left out, and what judges from outside."""
    outside = [REPOSITORY / folder for folder in OUTSIDE]
    files = [
        path
        for path in (REPOSITORY / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not any(map(path.is_relative_to, outside))
    ]
    return [(path, path.read_text(encoding="utf-8", errors="replace")) for path in files]


def rows_of(suite: str) -> set[str]:
    """Lines of a suite that only it can know: those that hold several literals."""
    lines = (line.strip() for line in suite.splitlines())
    return {line for line in lines if len(line) >= 30 and not line.startswith("//") and line.count(",") >= 2}


def test_the_suites_are_there() -> None:
    assert [path.parent.name for path in SUITES] == sorted(
        path.stem for path in (REPOSITORY / "specs").glob("*.yaml")
    )
    assert len(SUITES) >= 8
    assert all(len(rows_of(path.read_text(encoding="utf-8"))) >= 20 for path in SUITES)


@pytest.mark.parametrize(
    "text",
    [
        "bench/acceptance/numkit",
        '"bench" / "acceptance"',
        "bench.acceptance",
        "acceptance_test.go",
        "TestAcceptanceGCD",
    ],
)
def test_a_reference_would_be_seen(text: str) -> None:
    assert REFERENCE.search(text)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_refers_to_them(layer: str) -> None:
    files = readable(layer)
    assert files
    assert [str(path) for path, text in files if REFERENCE.search(text)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_holds_a_row_of_them(layer: str) -> None:
    rows = {row for suite in SUITES for row in rows_of(suite.read_text(encoding="utf-8"))}
    assert [(str(path), row) for path, text in readable(layer) for row in rows if row in text] == []


def test_only_the_bench_command_knows_who_judges_from_outside() -> None:
    named = re.compile(r"bench\.eval|bench import eval|bench/eval")
    using = [path for layer in LAYERS for path, text in readable(layer) if named.search(text)]
    assert using == [REPOSITORY / "launch" / "cli" / "bench.py"]


def test_they_are_not_packaged() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["packages"]["find"]["where"] == ["src"]
    assert not (REPOSITORY / "src" / "guildbus" / "bench").exists()
