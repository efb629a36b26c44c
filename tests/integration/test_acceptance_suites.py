"""The hidden acceptance suites judge rightly: right implementations pass, each wrong one fails.

Every file of tests/data/acceptance/<spec>/ is one whole implementation; its name says which it is.
"""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SUITES = REPOSITORY / "bench" / "acceptance"
IMPLEMENTATIONS = sorted((REPOSITORY / "tests" / "data" / "acceptance").glob("*/*.go"))
GO_ROOT = Path(sysconfig.get_path("purelib")) / "go"


@pytest.fixture(scope="module")
def go_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = os.environ.get("GUILDBUS_TEST_GOCACHE") or str(tmp_path_factory.mktemp("gocache"))
    return {
        "PATH": f"{GO_ROOT / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "GOROOT": str(GO_ROOT),
        "GOCACHE": cache,
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "CGO_ENABLED": "0",
    }


def judge(
    implementation: Path, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the acceptance suite of the implementation's spec on it."""
    spec = implementation.parent.name
    (folder / "go.mod").write_text(f"module example.com/{spec}\n\ngo 1.23\n")
    (folder / f"{spec}.go").write_bytes(implementation.read_bytes())
    (folder / "acceptance_test.go").write_bytes((SUITES / spec / "acceptance_test.go").read_bytes())
    command = [str(GO_ROOT / "bin" / "go"), "test", "-count=1", "-timeout=30s", "./..."]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)


def test_every_spec_that_ships_has_a_suite_and_six_wrong_implementations() -> None:
    shipped = {path.stem for path in (REPOSITORY / "specs").glob("*.yaml")}
    assert shipped == {path.parent.name for path in SUITES.glob("*/acceptance_test.go")}
    for spec in shipped:
        names = [path.stem for path in IMPLEMENTATIONS if path.parent.name == spec]
        assert sum(name.startswith("right_") for name in names) >= 2, spec
        assert sum(name.startswith("wrong_") for name in names) >= 6, spec


@pytest.mark.timeout(300)  # the first one compiles the standard library
@pytest.mark.parametrize(
    "implementation", IMPLEMENTATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_suite_tells_right_from_wrong(
    implementation: Path, tmp_path: Path, go_environment: dict[str, str]
) -> None:
    result = judge(implementation, tmp_path, go_environment)
    if implementation.stem.startswith("right_"):
        assert result.returncode == 0, result.stdout + result.stderr
    else:
        assert result.returncode == 1, result.stdout + result.stderr
        assert "[build failed]" not in result.stdout, result.stdout + result.stderr
        assert "TestAcceptance" in result.stdout, result.stdout
