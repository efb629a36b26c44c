"""Carrying Python over into Go: what the rules say, and what they leave. test_carrying_runs.py runs it."""

import textwrap

import pytest

from guildbus.agents.carrying.draft import carried_draft, carried_drafts
from guildbus.agents.carrying.program import carried
from guildbus.agents.carrying.types import NotCarried
from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Signature

STATED = {
    "F": "func F(n int) int",
    "Text": "func Text(s string) string",
    "Is": "func Is(s string) bool",
    "List": "func List(list []int) []int",
    "Parse": "func Parse(s string) (int, error)",
    "ErrBad": "var ErrBad error",
    "New": "func New(size int) *Box",
    "Box.Put": "func (b *Box) Put(v int) (int, bool)",
    "Pair": "type Pair struct {\n\tLeft, Right int\n}",
    "Pairs": "func Pairs(list []Pair) []Pair",
}
SIGNATURES = tuple(Signature(name=name, text=text) for name, text in STATED.items())
API = read_api(SIGNATURES)


def go(subject: str, python: str) -> str:
    """The lines of the Go, without what is indented by gofmt later."""
    found = carried(textwrap.dedent(python), subject, API)
    assert not parse(f"package p\n\n{found}").root.has_error, found
    return found


def body(subject: str, python: str) -> list[str]:
    """The lines of the function itself."""
    return go(subject, python).partition("\n\n//")[0].splitlines()[1:]


CARRIED = [
    ("F", "def f(n):\n    return -n if n < 0 else n", ["if n < 0 {", "return -n", "return n"]),
    ("F", "def f(n):\n    while n > 9: n = n // 10\n    return n", ["for n > 9 {", "n = n / 10"]),
    (
        "F",
        "def f(n):\n    return sum(i * i for i in range(1, n + 1))",
        ["for i := 1; i < n + 1; i++ {", "return sum(kept)"],
    ),
    (
        "F",
        "def f(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a",
        ["a, b := 0, 1"],
    ),
    ("F", "def f(n):\n    if n: x = 1\n    else: x = 2\n    return x", ["var x int", "if n != 0 {", "x = 1"]),
    ("F", "def f(n):\n    return n ** 2", ["return power(n, 2)"]),
    ("F", "def f(n):\n    return len(str(n))", ["return utf8.RuneCountInString(strconv.Itoa(n))"]),
    ("Text", "def text(s):\n    return s[::-1]", ["return reversedText(s)"]),
    ("Text", "def text(s):\n    return s[1:]", ["return string([]rune(s)[1:])"]),
    (
        "Text",
        "def text(s):\n    return s[0].upper() + s[-1]",
        ["return string(unicode.ToUpper([]rune(s)[0])) +"],
    ),
    (
        "Text",
        "def text(s):\n    return ' '.join(w.strip('.') for w in s.split())",
        ['strings.Join(kept, " ")'],
    ),
    (
        "Text",
        "def text(s):\n    for i, c in enumerate(s):\n        if c == 'x': return s[:i]\n    return s",
        ["if c == 'x' {"],
    ),
    (
        "Is",
        "def is_(s):\n    return all(c in 'abc' for c in s)",
        ['if !strings.ContainsRune("abc", c) {', "break"],
    ),
    (
        "Is",
        (
            "def is_(s):\n    seen = set()\n    for c in s:\n        if c in seen: return False\n"
            "        seen.add(c)\n    return True"
        ),
        ["seen := map[rune]bool{}", "if seen[c] {", "seen[c] = true"],
    ),
    ("Is", "def is_(s):\n    return 'a' <= s <= 'b' and not s.isdigit()", ["isEach(s, unicode.IsDigit)"]),
    ("List", "def list_(l):\n    return sorted(l, reverse=True)", ["sorted := slices.Clone(list)"]),
    ("List", "def list_(l):\n    return [x for x in l if x > l[-1]]", ["if x > list[len(list)-1] {"]),
    (
        "List",
        (
            "def list_(l):\n    d = {}\n    for x in l:\n        d[x] = d.get(x, 0) + 1\n"
            "    return [x for x in l if d[x] == 1]"
        ),
        ["d := map[int]int{}", "d[x] = d[x] + 1"],
    ),
    (
        "List",
        (
            "def list_(l):\n    out = []\n    for i in range(len(l) - 1, -1, -1):\n        out.append(l[i])\n"
            "    return out"
        ),
        ["out := []int{}", "for i := len(list) - 1; i > -1; i-- {"],
    ),
    (
        "Parse",
        "def parse(s):\n    if not s: raise ErrBad()\n    return len(s)",
        ['if s == "" {', "return 0, ErrBad"],
    ),
    ("Parse", "def parse(s):\n    raise ValueError(f'no {s}')", ['return 0, fmt.Errorf("no %v", s)']),
    (
        "Parse",
        "def parse(s):\n    return int(s)",
        ["number, err := strconv.Atoi(s)", "return 0, err", "return number, nil"],
    ),
]


@pytest.mark.parametrize(("subject", "python", "lines"), CARRIED)
def test_what_is_said_in_go(subject: str, python: str, lines: list[str]) -> None:
    text = "\n".join(body(subject, python))
    assert [line for line in lines if line not in text] == [], text


LEFT = [
    (
        "F",
        "def f(n):\n    try:\n        return 1\n    except ValueError:\n        return 0",
        "the statement `try:`",
    ),
    ("F", "def f(n):\n    raise ValueError('no')", "an exception where Go returns no error"),
    ("F", "def f(n):\n    for i in range(n): pass\n    return i", "i is used behind its loop"),
    ("F", "def f(n):\n    x = []\n    return len(x)", "nothing is ever put into it"),
    ("F", "def f(n, m):\n    return n", "takes other parameters"),
    ("F", "def f(n):\n    return g(n)\n\ndef g(n):\n    return n", "a parameter without a type"),
    ("F", "def f(n):\n    return open(n)", "`open`"),
    ("F", "def f(n:", "it is no Python"),
    ("Is", "def is_(s):\n    d = {c: 1 for c in s}\n    return d", "`{c: 1 for c in s}`"),
    ("Text", "def text(s):\n    return s[::2]", "a slice with a step"),
    ("Is", "def is_(s):\n    d = {}\n    d[s] = False\n    return s in d", "a dict of truth values"),
    ("Text", "def text(s):\n    return s.title()", "`s.title`"),
    ("Pairs", "def pairs(l):\n    for p in l:\n        p.left = 0\n    return l", "`p.left` is changed"),
]


@pytest.mark.parametrize(("subject", "python", "why"), LEFT)
def test_what_the_rules_do_not_know_is_left_alone_with_a_reason(subject: str, python: str, why: str) -> None:
    with pytest.raises(NotCarried, match=r".*") as caught:
        carried(python, subject, API)
    assert why in str(caught.value)


BOX = """
from collections import OrderedDict

class Box:
    def __init__(self, size):
        self.size = size
        self.held = OrderedDict()
        self.last = None

    def put(self, v):
        if v in self.held:
            self.held.move_to_end(v)
        self.held[v] = self._twice(v)
        return self.held[v], len(self.held) <= self.size

    def _twice(self, v: int) -> int:
        return v * 2
"""


def test_a_class_is_a_struct_with_its_maker_and_methods() -> None:
    found = go("Box", BOX.replace("        self.last = None\n", ""))
    for line in (
        "type Box struct {",
        "held *orderedMap[int, int]",
        "func New(size int) *Box {",
        "b := &Box{}",
        "b.held = newOrderedMap[int, int]()",
        "func (b *Box) Put(v int) (int, bool) {",
        "b.held.set(v, b.twice(v))",
        "func (b *Box) twice(v int) int {",
        "type orderedMap[K comparable, V any] struct {",
    ):
        assert line in found


def test_a_field_of_no_certain_type_is_not_carried() -> None:
    with pytest.raises(NotCarried):
        carried(BOX, "Box", API)


def test_a_struct_of_the_spec_is_a_value_and_what_changes_it_goes_through_its_place() -> None:
    found = go(
        "Pairs",
        """
        def pairs(l):
            out = []
            for p in sorted(l, key=lambda p: (p.left, p.right)):
                if out and out[-1].right >= p.left:
                    last = out[-1]
                    last.right = max(last.right, p.right)
                else:
                    out.append(Pair(p.left, p.right))
            return out
        """,
    )
    assert "last := &out[len(out)-1]" in found
    assert "last.Right = max(last.Right, p.Right)" in found
    assert "out = append(out, Pair{Left: p.Left, Right: p.Right})" in found
    assert "if sorted[i].Left != sorted[j].Left {" in found


def test_helpers_come_once_and_only_where_they_are_used() -> None:
    found = go("Is", "def is_(s):\n    return s == s[::-1] and s.isalnum() and s[::-1].isalnum()")
    assert found.count("func reversedText(") == found.count("func isEach(") == 1
    assert found.count("func isLetterOrDigit(") == 1
    assert "func " not in go("F", "def f(n):\n    return n").partition("func F")[2]


def carry(previous: str) -> DraftRequested:
    """The request to carry over a function F that adds one, into this file."""
    task = FileTask(path="p.go", purpose="", owner="go-dev", package="p", stage=0)
    return DraftRequested(
        task=task,
        author="go-dev",
        round=1,
        reason="function",
        scope="F",
        reference="def f(n):\n    return n + 1\n",
        carry=True,
        module="example.com/p",
        overview="package p. F(n int) int returns what follows n.",
        api=SIGNATURES,
        previous=previous,
    )


def test_the_draft_is_the_file_with_the_function_exchanged_and_the_specs_words_above_it() -> None:
    request = carry("package p\n\n// F is wrong.\nfunc F(n int) int { return n }\n\nfunc Other() {}\n")
    source = carried_draft(request)
    assert "// F returns what follows n.\nfunc F(n int) int {\nreturn n + 1\n}" in source
    assert "func Other() {}" in source
    assert "F is wrong" not in source
    assert carried_draft(request.model_copy(update={"reference": ""})) == ""
    assert carried_draft(request.model_copy(update={"reference": "def f(n):\n    return open(n)\n"})) == ""


def test_the_guards_of_the_code_before_go_along_and_the_program_alone_is_the_second_draft() -> None:
    request = carry("package p\n\nfunc F(n int) int {\n\tif n < 0 {\n\t\tn = 0\n\t}\n\treturn n\n}\n")
    guarded, plain = carried_drafts(request)
    assert plain == carried_draft(request)
    assert "func F(n int) int {\n\tif n < 0 {\n\t\tn = 0\n\t}\nreturn n + 1\n}" in guarded
    unguarded = request.model_copy(update={"previous": "package p\n\nfunc F(n int) int { return n }\n"})
    assert carried_drafts(unguarded) == [carried_draft(unguarded)]


@pytest.mark.parametrize(
    ("subject", "statements", "copied"),
    [
        ("List", "list_.sort()\n    return list_", True),
        ("List", "list_[0] = 1\n    return list_", True),
        ("Pairs", "list_[0].left = 1\n    return list_", True),
        ("List", "list_ = sorted(list_)\n    return list_", False),
        ("List", "kept = []\n    kept.append(list_[0])\n    return kept", False),
    ],
)
def test_what_the_caller_gave_is_left_alone(subject: str, statements: str, copied: bool) -> None:
    name = {"List": "list_", "Pairs": "pairs"}[subject]
    lines = body(subject, f"def {name}(list_):\n    {statements}")
    assert (lines[0] == "list = slices.Clone(list)") == copied, lines
