"""The finishers of examples/ keep what every agent has to: the checks of the conformance kit."""

import pytest

from go_bench.agent import GoBench
from go_doc.agent import GoDoc
from go_review.agent import GoReview
from guildbus.testing import History, conformance, finish_request

pytestmark = pytest.mark.long

TREE = {
    "abs.go": "package abs\n\nfunc Abs(n int) int {\n\tif n < -2 {\n\t\treturn -n\n\t}\n\treturn n\n}\n",
    "abs_test.go": 'package abs\n\nimport "testing"\n\nfunc TestAbs(t *testing.T) {\n'
    '\tif got := Abs(-3); got != 3 {\n\t\tt.Errorf("Abs(-3) = %d; want 3", got)\n\t}\n}\n',
}
PURPOSES = {
    "abs.go": "package abs. Abs(n int) int gives how far n is away from zero.",
    "abs_test.go": "package abs. A test, TestAbs.",
}


def reply(prompt: str) -> str:
    """What the model says to any of the three."""
    if "breaks its rule" in prompt or "runs faster" in prompt:
        return "```go\nfunc Abs(n int) int {\n\treturn max(n, -n)\n}\n```"
    return "Abs(-1000)\n" if "work for long" in prompt else "Abs(-1) => 1"


def asked(role: str) -> list[History]:
    """A history in which a role is asked once."""
    return [History("green", (finish_request(role, TREE, PURPOSES),))]


test_go_review = conformance(GoReview, histories=asked("go-review"), replies=reply)
test_go_doc = conformance(GoDoc, histories=asked("go-doc"), replies=reply)
test_go_bench = conformance(GoBench, histories=asked("go-bench"), replies=reply)
