"""Guards go along when a function is replaced: those at its head, of its parameters alone, and no others."""

import pytest

from guildbus.agents.golang.guards import with_guards
from guildbus.agents.golang.syntax import parse, syntax_fault

BEFORE = """package lru

func New(capacity int) *Cache {
	// One at least.
	if capacity < 1 {
		capacity = 1
	}
	return &Cache{capacity: capacity}
}

func (c *Cache) Cut(n int) {
	if n < 0 {
		n = -n
	}
	if n > c.capacity {
		n = c.capacity
	}
	c.capacity = n
}
"""
AFTER = """package lru

func New(capacity int) *Cache {
	c := &Cache{}
	c.capacity = capacity
	return c
}

func (c *Cache) Cut(n int) {
	c.capacity = n
}
"""


def test_the_guards_of_parameters_stand_at_the_head_of_their_functions_again() -> None:
    found = with_guards(BEFORE, AFTER)
    assert syntax_fault(parse(found)) is None
    guard = "{\n\tif capacity < 1 {\n\t\tcapacity = 1\n\t}\n\tc := &Cache{}"
    assert f"func New(capacity int) *Cache {guard}" in found
    assert "func (c *Cache) Cut(n int) {\n\tif n < 0 {\n\t\tn = -n\n\t}\n\tc.capacity = n" in found
    assert "n > c.capacity" not in found, "it speaks of more than parameters"
    assert with_guards(BEFORE, found) == found, "they are not there twice"


@pytest.mark.parametrize(
    "head",
    [
        "if capacity < 1 {\n\t\treturn nil\n\t}",
        "if capacity < 1 {\n\t\tpanic(capacity)\n\t}",
        "if capacity < 1 {\n\t\tcapacity = 1\n\t} else {\n\t\tcapacity = 2\n\t}",
        "if least := 1; capacity < least {\n\t\tcapacity = least\n\t}",
        "if capacity < fewest {\n\t\tcapacity = fewest\n\t}",
        "x := capacity\n\tif capacity < 1 {\n\t\tcapacity = 1\n\t}",
    ],
)
def test_what_does_more_than_that_is_no_guard(head: str) -> None:
    before = BEFORE.replace("if capacity < 1 {\n\t\tcapacity = 1\n\t}", head, 1)
    assert head in before
    only = before[: before.index("func (c *Cache) Cut")]
    assert with_guards(only, AFTER) == AFTER


def test_functions_of_other_parameters_or_names_get_none() -> None:
    for other in (AFTER.replace("capacity int", "size int").replace("= capacity", "= size"), "package lru\n"):
        assert with_guards(BEFORE[: BEFORE.index("func (c *Cache) Cut")], other) == other
