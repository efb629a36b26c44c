"""Examples in Go's form: a function that prints, and a comment with the output that it must print. Pure.

Only values whose printed form leaves no doubt are shown: whole numbers, booleans, and strings in quotes.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_WHOLE = re.compile(r"-?\d+")
_TEXT = re.compile(r'"(?:[^"\\]|\\["\\])*"')
_FAILED = re.compile(r"^--- FAIL: (Example\w+)", re.MULTILINE)
_PASSED = re.compile(r"^--- PASS: (Example\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A call and its value, both as Go has them."""

    call: str
    want: str


def example_of(name: str, shown: Iterable[Shown], qualifier: str = "") -> str:
    """The Example function of `name`; '' if none of the values can be printed without doubt."""
    lines, outputs = [], []
    for one in shown:
        call = f"{qualifier}{one.call}"
        if _WHOLE.fullmatch(one.want) or one.want in ("true", "false"):
            lines.append(f"\tfmt.Println({call})")
        elif _TEXT.fullmatch(one.want) and one.want.isprintable():
            lines.append(f'\tfmt.Printf("%q\\n", {call})')
        else:
            continue
        outputs.append(f"\t// {one.want}")
    if not lines:
        return ""
    return "\n".join([f"func Example{name}() {{", *lines, "\t// Output:", *outputs, "}"])


def shown_in(reply: str, name: str) -> list[Shown]:
    """The lines `call => value` of a reply that are calls of `name`, each call once."""
    found: dict[str, Shown] = {}
    for line in reply.splitlines():
        call, arrow, want = line.strip().strip("`-* ").partition("=>")
        call, want = call.strip(), want.strip()
        if arrow and want and call.startswith(f"{name}(") and call.endswith(")"):
            found.setdefault(call, Shown(call, want))
    return list(found.values())


def failed_examples(output: str, expected: Collection[str]) -> list[str]:
    """The Examples that did not pass, by what `go test -v` printed: one that never ran has failed too."""
    passed = set(_PASSED.findall(output)) - set(_FAILED.findall(output))
    return [title for title in expected if title not in passed]
