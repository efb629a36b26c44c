"""A mutant, all mutants of a file, and a sample of them. Pure; read `expressions.py` next."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from tree_sitter import Node

from guildbus.agents.golang.syntax import GoFile, declarations, parse, walk
from guildbus.agents.teeth.expressions import EXPRESSION_OPERATORS
from guildbus.agents.teeth.statements import STATEMENT_OPERATORS

Change = tuple[int, int, str]
"""The bytes from, up to, and what takes their place."""
Operator = Callable[[Node], Iterator[Change]]

OPERATORS: tuple[tuple[str, Operator], ...] = (*EXPRESSION_OPERATORS, *STATEMENT_OPERATORS)

UNTOUCHED = frozenset({"import_declaration", "package_clause", "type_declaration", "comment", "array_type"})
"""What has no behaviour, or only one that the compiler sees."""


@dataclass(frozen=True, order=True)
class Mutant:
    """One small change. `file` is relative to the module; `start` and `end` are bytes of its text.

    `function` is `GCD`, `Stack.Push`, or the variable or constant that it changes; `line` counts from 1.
    """

    file: str
    start: int
    end: int
    replacement: str
    operator: str
    function: str
    line: int

    def applied(self, source: str) -> str:
        """The whole file with this change."""
        data = source.encode()
        return (data[: self.start] + self.replacement.encode() + data[self.end :]).decode()


def find_mutants(file: str, source: str) -> tuple[Mutant, ...]:
    """Every mutant of one Go file, in the order of the text; () if it cannot be parsed.

    Whether each compiles is not known yet.
    """
    parsed = parse(source)
    if parsed.root.has_error:
        return ()
    found: dict[Change, Mutant] = {}
    for name, top in _owners(parsed):
        for node in _touched(top):
            for operator, changes in OPERATORS:
                for start, end, text in changes(node):
                    if parsed.data[start:end] != text.encode():
                        line = parsed.data.count(b"\n", 0, start) + 1
                        mutant = Mutant(file, start, end, text, operator, name, line)
                        found.setdefault((start, end, text), mutant)
    return tuple(sorted(found.values()))


def sampled(mutants: Sequence[Mutant], cap: int, seed: int) -> tuple[Mutant, ...]:
    """At most `cap` of them, in the order to run them: a random one of each function in turn.

    So any beginning of the answer is spread evenly over the functions too. The same seed gives the same.
    """
    drawn = random.Random(seed)
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in sorted(mutants):
        groups.setdefault((mutant.file, mutant.function), []).append(mutant)
    for group in groups.values():
        drawn.shuffle(group)
    rounds = chain.from_iterable(zip_longest(*groups.values()))
    return tuple(mutant for mutant in rounds if mutant is not None)[:cap]


def _owners(file: GoFile) -> Iterator[tuple[str, Node]]:
    """Each function, and each initialised variable or constant, under its first name."""
    seen: set[int] = set()
    for found in declarations(file):
        part = found.node.child_by_field_name("body" if found.kind in ("func", "method") else "value")
        if part is not None and part.start_byte not in seen:
            seen.add(part.start_byte)
            yield found.name, part


def _touched(node: Node) -> Iterator[Node]:
    skip = -1
    for found in walk(node):
        if found.start_byte < skip:
            continue
        if found.type in UNTOUCHED:
            skip = found.end_byte
            continue
        yield found
