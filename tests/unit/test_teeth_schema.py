"""All mutants in one file: where each stands, which do not fit, and how the compiler's words find them."""

from guildbus.agents.teeth import script
from guildbus.agents.teeth.equivalence import symbol_of
from guildbus.agents.teeth.mutants import find_mutants
from guildbus.agents.teeth.schema import regions, with_mutants
from guildbus.agents.teeth.workspace import read_packages

SOURCE = """package p

const limit = 9

var table = []struct{ n int }{{1}}

var opaque = make([]int, 3)

var pair, other = 1, 2

func (s *Stack[T]) Len() int { return s.n }

func Add(a, b int) {
	total = a + b
}

func Safe() {
	if recover() != nil {
		failed = 1
	}
}

func Wrapped() {
	defer func() { recover() }()
}
"""


def test_what_can_stand_beside_one_another() -> None:
    data = SOURCE.encode()
    held = [(data[r.start : r.end].decode().split("\n")[0], r.result) for r in regions(SOURCE)]
    assert held == [
        ("[]struct{ n int }{{1}}", "[]struct{ n int }"),
        ("{ return s.n }", "int"),
        ("{", ""),
        ("{", ""),
    ]
    assert b"defer func" in data[regions(SOURCE)[3].start : regions(SOURCE)[3].end]


def test_each_mutant_has_lines_of_its_own_and_a_control_beside_it() -> None:
    mutants = dict(enumerate(find_mutants("p.go", SOURCE), 1))
    variant = with_mutants(SOURCE, mutants)
    lines = variant.text.split("\n")
    alone = {m.function for n, m in mutants.items() if n not in variant.numbers}
    assert alone == {"limit", "opaque", "pair", "Safe"}
    for place in variant.places:
        text = "\n".join(lines[place.first - 1 : place.last])
        if place.number is not None:
            assert f"case {place.number}:\n" in text
            mutant = mutants[place.number]
            assert mutant.replacement in text
        assert all(variant.at(line) == place for line in range(place.first, place.last + 1))
    controls = [place.region for place in variant.places if place.number is None]
    assert set(controls) == {place.region for place in variant.places}


def test_regions_that_are_set_apart_stay_as_they_are() -> None:
    mutants = dict(enumerate(find_mutants("p.go", SOURCE), 1))
    variant = with_mutants(SOURCE, mutants, frozenset(regions(SOURCE)))
    assert (variant.text, variant.numbers, variant.places) == (SOURCE, frozenset(), ())


def test_the_last_word_on_a_mutant_counts_and_strangers_are_not_heard() -> None:
    said = "==m 1 killed\n==m 2 survived\nok 2 killed\n==x 3 killed\n==m 2 equivalent\n==m 4 wat\n==m done\n"
    printed = script.read("==m", said)
    assert printed.fates == {1: "killed", 2: "equivalent"}
    assert (printed.done, printed.complaints, printed.unfit) == (True, None, None)
    cut = script.read("==m", "==m complaints\n# p\n./a.go:3:1: no\n")
    assert (cut.complaints, cut.done) == ("# p\n./a.go:3:1: no\n", False)


def test_what_mutants_printed_otherwise_is_read_by_mutant() -> None:
    read = script.read("==m", "==m 1 survived\n==m 2 killed\n==m differs 2\n#saw 0 7\n#saw 3 9\n==m done\n")
    assert (read.fates, read.differs) == ({1: "survived", 2: "killed"}, {2: "#saw 0 7\n#saw 3 9"})


def test_a_package_is_reached_by_its_own_tests_and_by_those_of_its_importers() -> None:
    listing = """
{"Dir": "/src/tree", "ImportPath": "m", "GoFiles": ["m.go"], "Imports": ["m/a", "fmt"]}
{"Dir": "/src/tree/a", "ImportPath": "m/a", "GoFiles": ["a.go"], "TestGoFiles": ["a_test.go"]}
{"Dir": "/src/tree/b", "ImportPath": "m/b", "XTestGoFiles": ["b_test.go"], "XTestImports": ["m", "testing"]}
"""
    found = read_packages(listing, "/src/tree")
    assert [(p.folder, p.files, p.tested, p.reaches) for p in found] == [
        ("", ("m.go",), False, ("", "a")),
        ("a", ("a/a.go",), True, ("a",)),
        ("b", (), True, ("b", "", "a")),
    ]


def test_only_what_a_listing_shows_can_be_proved_equivalent() -> None:
    source = (
        SOURCE + "\nfunc (s Stack2) Size() int { return 1 }\n\nfunc (s *Stack2) Grow() int { return 2 }\n"
    )
    source += "\nfunc Pick[T any](n int) int { return 3 }\n"
    symbols = {m.function: symbol_of(source, m) for m in find_mutants("p.go", source)}
    assert symbols == {
        "limit": "",
        "table": ".table S",
        "opaque": ".opaque S",
        "pair": ".pair S",
        "Stack.Len": "",
        "Add": ".Add STEXT",
        "Safe": ".Safe STEXT",
        "Stack2.Size": ".Stack2.Size STEXT",
        "Stack2.Grow": ".(*Stack2).Grow STEXT",
        "Pick": "",
        "Wrapped": ".Wrapped STEXT",
    }
