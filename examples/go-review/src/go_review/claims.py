"""Claims that a call has another value than the code gives, and the probe that runs such a call. Pure."""

from dataclasses import dataclass

MOST_CLAIMS = 2
MARK = "review-probe:"


@dataclass(frozen=True)
class Claim:
    """By the rule, this call has this value; both as Go has them."""

    call: str
    want: str


def claims_in(reply: str, name: str) -> list[Claim]:
    """The lines `call => value` of a reply that are calls of `name`, each call once."""
    found: dict[str, Claim] = {}
    for line in reply.splitlines():
        call, want = _sides(line)
        if want and call.startswith(f"{name}(") and call.endswith(")"):
            found.setdefault(call, Claim(call, want))
    return list(found.values())[:MOST_CLAIMS]


def value_in(reply: str, call: str) -> str:
    """The value that a reply gives for a call, in its last such line; '' if it gives none.

    Between the call and the arrow a line may have words: how the value was worked out.
    """
    sides = map(_sides, reply.splitlines())
    values = [want for said, want in sides if want and _dense(said).startswith(_dense(call))]
    return values[-1] if values else ""


def probe_of(package: str, claim: Claim) -> str:
    """A test file that prints whether the code gives the claimed value, and what it gives."""
    return f"""package {package}

import (
	"fmt"
	"reflect"
	"testing"
)

func TestReviewProbe(t *testing.T) {{
	got := {claim.call}
	want := got
	want = {claim.want}
	fmt.Printf("\\n{MARK} %t %#v\\n", reflect.DeepEqual(got, want), got)
}}
"""


def probed(output: str, claim: Claim) -> str | None:
    """The code's value by what the probe printed: the claimed one in its own words if they are equal."""
    for line in output.splitlines():
        if line.startswith(MARK):
            same, _, got = line.removeprefix(MARK).strip().partition(" ")
            return claim.want if same == "true" else got
    return None


def _sides(line: str) -> tuple[str, str]:
    """What stands before and behind the last arrow of a line; nothing where there is none."""
    said, arrow, want = line.strip().strip("`-* ").rpartition("=>")
    return (said.strip(), want.strip()) if arrow else ("", "")


def _dense(text: str) -> str:
    return "".join(text.split())
