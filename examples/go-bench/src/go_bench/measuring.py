"""The benchmark, the script that runs two implementations in turn, and its output. Pure.

Both are compiled once. Then each runs RUNS times, old and new next to each other and in changing order, so
that whatever else the machine does meanwhile meets both alike.
"""

import re
from collections.abc import Sequence

BENCH_FILE = "go_bench_test.go"
MOST_CALLS = 3
MARK = "go-bench:"
RUN_TIME = "10ms"
"""What the testing package measures for at a time."""

OLD_AND_NEW = f"""
package=$1; runs=$2; top=$PWD
for side in old new; do
  cd "$top/$side" || exit 1
  go vet ./... || exit 1
  go test -count=1 -timeout=20s ./... || exit 1
  go test -vet=off -c -o "$TMPDIR/$side.test" "$package" || exit 1
done
one() {{
  echo "{MARK} $1"
  "$TMPDIR/$1.test" -test.run='^$' -test.bench='^BenchmarkMeasured$' \\
    -test.benchtime={RUN_TIME} -test.timeout=5s || exit 1
}}
number=0
while [ $number -lt "$runs" ]; do
  if [ $((number % 2)) = 0 ]; then one old; one new; else one new; one old; fi
  number=$((number + 1))
done
"""
"""`sh -c OLD_AND_NEW sh PACKAGE RUNS`, in a folder with the trees old/ and new/."""

_RESULT = re.compile(r"^BenchmarkMeasured\S*\s+\d+\s+([0-9.]+) ns/op")


def calls_in(reply: str, name: str) -> list[str]:
    """The lines of a reply that are calls of `name`, each once, the first few."""
    lines = (line.strip().strip("`-*;. ") for line in reply.splitlines())
    found = (line for line in lines if line.startswith(f"{name}(") and line.endswith(")"))
    return list(dict.fromkeys(found))[:MOST_CALLS]


def benchmark_of(package: str, name: str, calls: Sequence[str]) -> str:
    """A test file that measures these calls of `name` together.

    They go through a variable: the compiler can neither leave out nor work out beforehand what it cannot see.
    """
    body = "\n".join(f"\t\tmeasured{call.removeprefix(name)}" for call in calls)
    return f"""package {package}

import "testing"

var measured = {name}

func BenchmarkMeasured(b *testing.B) {{
	for i := 0; i < b.N; i++ {{
{body}
	}}
}}
"""


def measured(output: str, runs: int) -> tuple[list[float], list[float]] | None:
    """Nanoseconds a turn of the loop, of the old and of the new; None if a run left no figure."""
    times: dict[str, list[float]] = {"old": [], "new": []}
    side = ""
    for line in output.splitlines():
        if line.startswith(MARK):
            side = line.removeprefix(MARK).strip()
        elif side in times and (found := _RESULT.match(line)):
            times[side].append(float(found[1]))
            side = ""
    complete = all(len(some) == runs for some in times.values())
    return (times["old"], times["new"]) if complete else None
