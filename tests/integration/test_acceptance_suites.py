"""The hidden acceptance suites judge rightly: right implementations pass, each wrong one fails.

Every file of tests/data/acceptance/<spec>/ is one whole implementation; its name says which it is.
"""

import json
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain

REPOSITORY = Path(__file__).resolve().parents[2]
SUITES = REPOSITORY / "bench" / "acceptance"
IMPLEMENTATIONS = sorted((REPOSITORY / "tests" / "data" / "acceptance").glob("*/*.go"))


@pytest.fixture(scope="module")
def go_environment(go_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A toolchain on a copy of the warm cache, since nothing but the guild itself writes to that."""
    toolchain = Toolchain.find(go_cache)
    copy = tmp_path_factory.mktemp("go") / "build"
    shutil.copytree(toolchain.go_cache, copy)
    home = str(tmp_path_factory.mktemp("home"))
    return toolchain.environment() | {"GOCACHE": str(copy), "GOPATH": home, "HOME": home}


@dataclass
class Result:
    """What `go test` said of one implementation."""

    action: str = ""
    output: str = ""


@pytest.fixture(scope="module")
def results(go_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """`<spec>/<name>` -> its result: each implementation is a package, and all are judged by one command."""
    module = tmp_path_factory.mktemp("implementations")
    (module / "go.mod").write_text("module example.com/implementations\n\ngo 1.23\n")
    for implementation in IMPLEMENTATIONS:
        spec = implementation.parent.name
        folder = module / spec / implementation.stem
        folder.mkdir(parents=True)
        (folder / f"{spec}.go").write_bytes(implementation.read_bytes())
        (folder / "acceptance_test.go").write_bytes((SUITES / spec / "acceptance_test.go").read_bytes())
    command = ["go", "test", "-json", "-vet=off", "-count=1", "-timeout=30s", "./..."]
    done = subprocess.run(
        command, cwd=module, env=go_environment, capture_output=True, text=True, timeout=280
    )
    found: dict[str, Result] = defaultdict(Result)
    for line in done.stdout.splitlines():
        event = json.loads(line)
        package = event.get("Package") or event.get("ImportPath", "").partition(" ")[0]
        result = found[package.removeprefix("example.com/implementations/")]
        result.output += event.get("Output", "")
        if "Test" not in event and event["Action"] in ("pass", "fail", "build-fail"):
            result.action = event["Action"]
    return found


def test_every_spec_that_ships_has_a_suite_and_six_wrong_implementations() -> None:
    shipped = {path.stem for path in (REPOSITORY / "specs").glob("*.yaml")}
    assert shipped == {path.parent.name for path in SUITES.glob("*/acceptance_test.go")}
    for spec in shipped:
        names = [path.stem for path in IMPLEMENTATIONS if path.parent.name == spec]
        assert sum(name.startswith("right_") for name in names) >= 2, spec
        assert sum(name.startswith("wrong_") for name in names) >= 6, spec


@pytest.mark.timeout(300)  # the first one waits for all of them, and for the standard library
@pytest.mark.parametrize(
    "implementation", IMPLEMENTATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_suite_tells_right_from_wrong(implementation: Path, results: dict[str, Result]) -> None:
    result = results[f"{implementation.parent.name}/{implementation.stem}"]
    if implementation.stem.startswith("right_"):
        assert result.action == "pass", result.output
    else:
        assert result.action == "fail", result.output
        assert "[build failed]" not in result.output, result.output
        assert "TestAcceptance" in result.output, result.output
