"""What the verifier runs in one sandboxed process: a shell script, and reading what it printed. Pure.

A start of the sandbox costs more than a warm build, so build, vet, test, the stated examples and the
emptied functions all happen in one. Each phase writes to its own capped file, so a test that prints
forever hides nothing else, and is shown behind a marker that generated code cannot know. Read
judging.py next.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TREE = "tree"
OVERLAYS = "overlays"
PHASE_BYTES = 2_000_000
UNKNOWN_CODE = 141

_HEAD = """
# An old warm cache must not be trimmed away inside every fresh layer over it.
[ -z "$GOCACHE" ] || date +%s > "$GOCACHE/trim.txt"
out="$TMPDIR/phases"; mkdir -p "$out"
phase() {
  name=$1; shift
  ( "$@"; echo $? > "$out/$name.rc" ) 2>&1 < /dev/null | head -c PHASE_BYTES > "$out/$name.txt"
}
code() { cat "$out/$1.rc" 2>/dev/null || echo UNKNOWN_CODE; }
show() {
  for name; do printf '\\n%s %s %s\\n' MARKER "$name" "$(code "$name")"; cat "$out/$name.txt"; done
}
phase root pwd
phase build go build ./...
show root build
[ "$(code build)" = 0 ] || exit 0
"""


@dataclass(frozen=True)
class Phase:
    """One phase's end: its exit code (141: cut off or killed) and what it printed."""

    code: int
    text: str


def overlay(replace: Mapping[str, str]) -> str:
    """A `go -overlay` file. Keys are paths in the tree, values below OVERLAYS, or '' to hide a file."""
    targets = {path: f"../{OVERLAYS}/{target}" if target else "" for path, target in replace.items()}
    return json.dumps({"Replace": targets}, indent=1)


def go_test(*, timeout_s: float, packages: Iterable[str] = ("./...",), options: Sequence[str] = ()) -> str:
    """A `go test` command line. Vet is a phase of its own, so that each gives its own verdict."""
    words = ["go", "test", "-json", "-vet=off", "-count=1", f"-timeout={timeout_s:g}s", *options, *packages]
    return shlex.join(words)


def write_script(
    marker: str, *, test: str, examples: str = "", stubs: Sequence[str] = (), width: int = 2
) -> str:
    """The script. `test`, `examples` and `stubs` are command lines; `width` stubs run side by side.

    Stubs are tried only when everything before them succeeded.
    """
    head = _HEAD.replace("MARKER", shlex.quote(marker))
    head = head.replace("PHASE_BYTES", str(PHASE_BYTES)).replace("UNKNOWN_CODE", str(UNKNOWN_CODE))
    lines = [head, "phase vet go vet ./... &"]
    if examples:
        lines.append(f"phase examples {examples} &")
    lines += [f"phase test {test}", "wait", f"show vet test{' examples' if examples else ''}"]
    needed = ["vet", "test", *(["examples"] if examples else [])]
    lines += [f'[ "$(code {name})" = 0 ] || exit 0' for name in needed]
    for start in range(0, len(stubs), width):
        numbers = range(start, min(start + width, len(stubs)))
        lines += [f"phase stub{number} {stubs[number]} &" for number in numbers]
        lines += ["wait", "show " + " ".join(f"stub{number}" for number in numbers)]
    return "\n".join([*lines, "exit 0", ""])


def read_phases(marker: str, stdout: str) -> dict[str, Phase]:
    """The phases that the script showed, by name."""
    phases: dict[str, Phase] = {}
    for part in ("\n" + stdout).split(f"\n{marker} ")[1:]:
        title, _, text = part.partition("\n")
        name, _, code = title.partition(" ")
        phases[name] = Phase(int(code) if code.isdigit() else UNKNOWN_CODE, text)
    return phases
