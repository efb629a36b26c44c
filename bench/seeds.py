"""Build one spec with many seeds, and look at every result from outside. `make bench` runs it for numkit.

    .venv/bin/python -P bench/seeds.py [--spec specs/numkit.yaml] [--seeds 1-20] [--out FILE.md]

Each build is the plain command a user types, on one fresh state folder, so that no completion comes from
an earlier run; one model server (`guildbus models serve`) stays up for all of them. Three things are
counted apart, and none is told to any agent:

    green    what the build itself says
    honest   a green whose named tests all fail on an emptied implementation (bench/acceptance/SPEC/empty.go)
    right    a result that passes the hidden suite (bench/acceptance/SPEC/acceptance_test.go)
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GUILDBUS = Path(sys.executable).with_name("guildbus")
COLUMNS = (
    "seed",
    "status",
    "score",
    "rounds",
    "seconds",
    "guild's own",
    "calls",
    "tokens",
    "honest",
    "right",
)


@dataclass(frozen=True)
class Outcome:
    """One build, and what the outside says of it."""

    seed: int
    report: dict[str, Any]
    honest: bool
    right: bool

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        report = self.report
        model = report["model"]
        return (
            str(self.seed),
            report["status"],
            f"{report['score']['total']}/3",
            str(report["rounds"]),
            f"{report['wall_s']:.1f}",
            f"{100 * report['overhead_s'] / report['wall_s']:.1f} %",
            str(model["calls"]),
            f"{model['prompt_tokens']} + {model['completion_tokens']}",
            "yes" if self.honest else "no",
            "yes" if self.right else "no",
        )


def main() -> None:
    """Run all seeds; print each row as it comes, and the table at the end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", type=Path, default=ROOT / "specs" / "numkit.yaml")
    parser.add_argument("--seeds", type=_seeds, default=range(1, 21), help="such as 1-20")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    arguments = parser.parse_args()
    name = arguments.spec.stem
    with tempfile.TemporaryDirectory(prefix="guildbus-seeds-") as folder:
        outcomes = []
        with _served(Path(folder)):
            for seed in arguments.seeds:
                outcomes.append(_one(arguments.spec, name, seed, Path(folder)))
                print("  ".join(outcomes[-1].cells()), flush=True)
                if arguments.out is not None:
                    arguments.out.write_text("\n".join(_table(name, outcomes)) + "\n", encoding="utf-8")
    text = "\n".join(_table(name, outcomes)) + "\n"
    print(f"\n{text}")


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[None]:
    """The roster's model server, up as long as the block runs."""
    server = subprocess.Popen(
        [str(GUILDBUS), "models", "serve"], env=_environment(folder), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    while "/v1" not in server.stdout.readline():
        if server.poll() is not None:
            sys.exit("`guildbus models serve` ended; `guildbus doctor` says why")
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"GUILDBUS_STATE_DIR": str(folder / "state")}


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _one(spec: Path, name: str, seed: int, folder: Path) -> Outcome:
    package = folder / f"{name}-{seed}"
    argv = [str(GUILDBUS), "build", str(spec), "--seed", str(seed), "--out", str(package), "--json"]
    done = subprocess.run(argv, env=_environment(folder), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"seed {seed}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    report = json.loads(done.stdout)
    hidden = ROOT / "bench" / "acceptance" / name
    return Outcome(
        seed,
        report,
        honest=report["green"] and _notices(package, name, hidden, folder),
        right=_passes(package, hidden, folder),
    )


def _notices(package: Path, name: str, hidden: Path, folder: Path) -> bool:
    """Whether every named test fails once the implementation is emptied."""
    tree = _copy(package, folder / "emptied")
    for source in tree.glob("*.go"):
        if not source.name.endswith("_test.go"):
            source.unlink()
    shutil.copy(hidden / "empty.go", tree / f"{name}.go")
    found = _score(tree)
    failing = {failure["test"].split("/")[0] for failure in found["failures"]}
    named = set((hidden / "tests.txt").read_text(encoding="utf-8").split())
    return bool(found["score"]["build"]) and named <= failing


def _passes(package: Path, hidden: Path, folder: Path) -> bool:
    """Whether the implementation passes the hidden suite, its own tests set aside."""
    tree = _copy(package, folder / "hidden")
    for source in tree.glob("*_test.go"):
        source.unlink()
    shutil.copy(hidden / "acceptance_test.go", tree / "acceptance_test.go")
    return bool(_score(tree)["score"]["total"] == 3)


def _copy(package: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(package, target)
    return target


def _score(tree: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(GUILDBUS), "score", str(tree), "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"score: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _table(name: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|" + "|".join(" ---: " for _ in COLUMNS) + "|"
    for outcome in outcomes:
        yield "| " + " | ".join(outcome.cells()) + " |"
    count = len(outcomes)
    green = sum(outcome.report["green"] for outcome in outcomes)
    honest = sum(outcome.honest for outcome in outcomes)
    wrong = sum(outcome.report["green"] and not outcome.right for outcome in outcomes)
    right = sum(outcome.report["green"] and outcome.right for outcome in outcomes)
    walls = sorted(outcome.report["wall_s"] for outcome in outcomes)
    overheads = [100 * outcome.report["overhead_s"] / outcome.report["wall_s"] for outcome in outcomes]
    yield ""
    yield (
        f"{name}, {count} seeds: {green} green, of which {honest} honest, {right} right by the hidden "
        f"suite and {wrong} wrong; {count - green} honestly red. "
        f"Seconds: median {statistics.median(walls):.1f}, from {walls[0]:.1f} to {walls[-1]:.1f}. "
        f"The guild's own share: median {statistics.median(overheads):.1f} %, "
        f"at most {max(overheads):.1f} %."
    )


if __name__ == "__main__":
    main()
