"""What runs in the sandbox: a few short shell scripts, and reading what they printed. Pure.

`ALL` builds the test binaries with all mutants in them, and ends there if the compiler complains. `ONE` runs
one mutant: it asks each package's tests in turn, its own first, until some test fails. `SAME` asks whether a
survivor is compiled to the very same package as the original (Trivial Compiler Equivalence, Papadakis and
others 2015): the assembler listing of the whole package, source positions aside, must be equal byte by byte.
`equivalence.py` says for which mutants that proves something. What it does not see: mutants that the compiler
translates differently though no input tells them apart, such as `x < 0` and `x <= 0` before `x = -x`. Those
stay in the score, as survivors.

With WATCHED, a mark that the tests print, the question is another one: in what does a mutant differ from the
original? Then the lines with that mark which the original does not print are shown, a mutant each.

All run in the module's folder, with `../overlays` beside it. Read workspace.py next.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

Fate = Literal["killed", "timeout", "survived", "equivalent", "uncompiled", "skipped"]
FATES: Final[Mapping[str, Fate]] = MappingProxyType({fate: fate for fate in get_args(Fate)})

JOBS: Final = 2
MEMORY_KB: Final = 1_572_864
"""Address space of one run: a mutant that allocates without end must not take the machine along."""
LEAST_TIMEOUT_MS: Final = 2000
SLACK: Final = 4
"""A mutant may take so many times as long as the unchanged suite."""
WATCHED_BYTES: Final = 4_000_000
"""What is read of a run whose lines are compared."""

ALL: Final = r"""
O=$(cd ../overlays && pwd); W="$TMPDIR/w"; mkdir -p "$W"; export O W
. "$O/settings.sh"
END=$(( $(date +%s) + BUDGET )); LIMIT=$(( BUDGET * 1000 + 1000 )); export END LIMIT
[ -z "$GOCACHE" ] || date +%s > "$GOCACHE/trim.txt"
now() { n=$(date +%s%N); case $n in *N) echo "$(date +%s)000" ;; *) echo $(( n / 1000000 )) ;; esac; }
folder() { cat "$O/folder$1"; }

code=0
for k in $TESTED; do
  go test -c -gcflags=-e -overlay "$O/schema.json" -o "$W/b$k" "$(folder "$k")" > "$W/build$k" 2>&1 || code=1
done
for k in $UNTESTED; do
  go build -gcflags=-e -overlay "$O/schema.json" -o /dev/null "$(folder "$k")" > "$W/build$k" 2>&1 || code=1
done
[ $code = 0 ] || { echo "$MARK complaints"; cat "$W"/build*; echo "$MARK done"; exit 0; }

before=$(now)
for k in $TESTED; do
  sh "$O/one.sh" 0 schema "$k" "$k" > "$W/base"
  grep -q ' survived$' "$W/base" || { echo "$MARK unfit"; cat "$W/out0"; echo "$MARK done"; exit 0; }
done
LIMIT=$(( SLACK * ( $(now) - before ) )); [ $LIMIT -ge "$LEAST" ] || LIMIT=$LEAST
xargs -P "$JOBS" -n 4 sh "$O/one.sh" < "$O/jobs" | tee "$W/fates"
if [ -n "$WATCHED" ]; then
  for f in "$W"/differs*; do [ -s "$f" ] && { echo "$MARK differs ${f##*differs}"; cat "$f"; }; done
  echo "$MARK done"; exit 0
fi

grep ' survived$' "$W/fates" | cut -d ' ' -f 2 > "$W/alive"
if [ -s "$W/alive" ]; then
  for k in $MUTATED; do
    go build -gcflags='-S -dwarf=false' -o /dev/null "$(folder "$k")" 2>&1 | sh "$O/plain.sh" > "$W/plain$k"
  done
  xargs -P "$JOBS" -n 1 sh "$O/same.sh" < "$W/alive"
fi
echo "$MARK done"
"""

ONE: Final = r"""
n=$1; how=$2; own=$3; users=$4; out="$W/out$n"
say() { echo "$MARK $n $1"; exit 0; }
folder() { cat "$O/folder$1"; }
read_it() { if [ -n "$WATCHED" ]; then head -c "$WATCHED_BYTES"; else tail -c 4096; fi; }
marked() { grep -a -F -e "$WATCHED" "$out"; }
[ "$(date +%s)" -lt "$END" ] || say skipped
if [ "$how" = alone ]; then
  go build -overlay "$O/m$n.json" -o /dev/null "$(folder "$own")" > "$out" 2>&1 || say uncompiled
fi
[ "$users" = - ] && say survived
for k in $(echo "$users" | tr , ' '); do
  binary="$W/b$k"
  if [ "$how" = alone ]; then
    binary="$W/b$n.$k"
    go test -c -overlay "$O/m$n.json" -o "$binary" "$(folder "$k")" > "$out" 2>&1 || say uncompiled
  fi
  (
    cd "$(folder "$k")" || exit
    ulimit -v "$MEMORY_KB" 2>/dev/null
    GUILDBUS_MUTANT=$n; export GUILDBUS_MUTANT
    { "$binary" -test.failfast -test.paniconexit0 -test.timeout="${LIMIT}ms"; echo $? > "$out.rc"; } \
      2>&1 < /dev/null | read_it > "$out"
  )
  [ "$how" = schema ] || rm -f "$binary"
  if [ -n "$WATCHED" ] && [ "$n" = 0 ]; then marked > "$W/usual$k"
  elif [ -n "$WATCHED" ]; then marked | grep -a -v -x -F -f "$W/usual$k" >> "$W/differs$n"
  fi
  if [ "$(cat "$out.rc" 2>/dev/null)" != 0 ] || ! grep -q 'PASS$' "$out"; then
    grep -q '^panic: test timed out' "$out" && say timeout
    say killed
  fi
done
say survived
"""

SAME: Final = r"""
n=$1; k=$(cat "$O/own$n")
[ -s "$O/symbol$n" ] && [ "$(date +%s)" -lt "$END" ] || exit 0
go build -overlay "$O/m$n.json" -gcflags='-S -dwarf=false' -o /dev/null "$(cat "$O/folder$k")" 2>&1 |
  sh "$O/plain.sh" > "$W/same$n"
grep -q -F -f "$O/symbol$n" "$W/plain$k" && cmp -s "$W/plain$k" "$W/same$n" && echo "$MARK $n equivalent"
rm -f "$W/same$n"
exit 0
"""

PLAIN: Final = r"""
sed -E 's/^(.0x[0-9a-f]+ [0-9]+) \([^)]*\)/\1/'
"""


@dataclass(frozen=True)
class Job:
    """One mutant to run; `alone` is one that is built by itself.

    `own` is the number of its package, `users` are those of the packages whose tests may reach it.
    """

    number: int
    alone: bool
    own: int
    users: tuple[int, ...]

    def line(self) -> str:
        """Its line of the file of jobs."""
        how = "alone" if self.alone else "schema"
        return f"{self.number} {how} {self.own} {','.join(map(str, self.users)) or '-'}\n"


@dataclass(frozen=True)
class Printed:
    """What one run of ALL said.

    `complaints` are the compiler's, None if it built; `unfit` is what the unchanged suite printed where it
    does not pass beside the mutants. `differs` is what each mutant printed otherwise, where that was asked.
    `done` is false where the run was cut off.
    """

    complaints: str | None
    unfit: str | None
    fates: Mapping[int, Fate]
    differs: Mapping[int, str]
    done: bool


def scripts(
    marker: str,
    budget_s: float,
    *,
    tested: Sequence[int],
    untested: Sequence[int],
    mutated: Sequence[int],
    watched: str = "",
) -> dict[str, str]:
    """The scripts by file name. Packages are given by number; `tested` have tests, `mutated` have mutants.

    `watched` is the mark of the lines to compare; without it nothing is compared.
    """
    settings = {
        "MARK": marker,
        "BUDGET": max(1, int(budget_s)),
        "TESTED": " ".join(map(str, tested)),
        "UNTESTED": " ".join(map(str, untested)),
        "MUTATED": " ".join(map(str, mutated)),
        "MEMORY_KB": MEMORY_KB,
        "SLACK": SLACK,
        "LEAST": LEAST_TIMEOUT_MS,
        "JOBS": JOBS,
        "WATCHED": watched,
        "WATCHED_BYTES": WATCHED_BYTES,
    }
    lines = [f"{name}={shlex.quote(str(value))}; export {name}\n" for name, value in settings.items()]
    return {
        "settings.sh": "".join(lines),
        "all.sh": ALL,
        "one.sh": ONE,
        "same.sh": SAME,
        "plain.sh": PLAIN,
    }


def read(marker: str, stdout: str) -> Printed:
    """What the scripts printed, by the marker's lines; the last word on a mutant counts."""
    complaints = unfit = None
    fates: dict[int, Fate] = {}
    differs: dict[int, str] = {}
    done = False
    for part in ("\n" + stdout).split(f"\n{marker} ")[1:]:
        title, _, text = part.partition("\n")
        words = title.split(" ")
        if title == "complaints":
            complaints = text
        elif title == "unfit":
            unfit = text
        elif title == "done":
            done = True
        elif words[0] == "differs":
            differs[int(words[1])] = text
        elif len(words) == 2 and words[0].isdigit() and words[1] in FATES:
            fates[int(words[0])] = FATES[words[1]]
    return Printed(complaints, unfit, fates, differs, done)
