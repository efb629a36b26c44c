"""The fixers in order, and how they are applied: each to the message that it knows, together in one pass.

Patterns read the toolchain's messages, never Go source. A rewrite that would change what a test asserts, or
whose result is no Go, is dropped. Read `guildbus.agents.mending` next: who applies them, and how often.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from guildbus.agents.fixers import (
    conversions,
    functions,
    hoisting,
    missing,
    names,
    printing,
    texts,
    variables,
)
from guildbus.agents.fixers.complaint import Complaint, Fixer, Neighbours, Rewrite
from guildbus.agents.golang.asserted import asserted
from guildbus.agents.golang.scopes import Scopes
from guildbus.agents.golang.syntax import Edit, GoFile, apply_edits, parse, syntax_fault
from guildbus.protocols.messages.verification import Diagnostic, Fix

_OPERAND = r"(?P<expression>.+) \((?:variable|value|constant)[^()]* of type (?P<given>\w+)\)"
_MISMATCH = (
    r"^invalid operation: (?P<expression>.+) \(mismatched types (?P<given>[\w ]+) and (?P<wanted>[\w ]+)\)"
)

FIXERS: tuple[tuple[str, re.Pattern[str], Fixer], ...] = tuple(
    (name, re.compile(pattern), fixer)
    for name, pattern, fixer in (
        ("unused-variable", r"^(?:declared and not used: )(?P<name>\w+)$", variables.unused_variable),
        ("unused-variable", r"^(?P<name>\w+) declared and not used$", variables.unused_variable),
        ("no-new-variable", r"^no new variables on left side of :=", variables.no_new_variable),
        (
            "ignored-results",
            r"^assignment mismatch: (?P<given>\d+) variables? but (?P<call>\S+) returns (?P<wanted>\d+) ",
            variables.ignored_results,
        ),
        ("unused-label", r"^label (?P<name>\w+) defined and not used$", variables.unused_label),
        ("other-case", r"^undefined: (?P<name>\w+)$", names.other_case),
        ("external-name", r"^undefined: (?P<name>\w+)$", names.external_name),
        ("first-assignment", r"^undefined: (?P<name>\w+)$", variables.first_assignment),
        ("hoisted", r"^undefined: (?P<name>\w+)$", hoisting.hoisted),
        ("error-value", r"^undefined: (?P<name>\w+)$", missing.error_value),
        ("absolute-value", r"^undefined: (?P<name>abs)$", missing.absolute_value),
        ("named-member", r" but does have (?:field|method) (?P<meant>\w+)\)$", names.named_member),
        ("named-member", r"^undefined: [\w.]+ \(but have (?P<meant>\w+)\)$", names.named_member),
        ("integer-bound", rf"^cannot use {_OPERAND} as (?P<wanted>\w+) value", conversions.integer_bound),
        ("widened", rf"^cannot use {_OPERAND} as (?P<wanted>\w+) value", conversions.widened),
        ("one-byte", rf"^cannot use {_OPERAND} as (?P<wanted>string) value", texts.one_byte),
        ("one-byte", _MISMATCH, texts.one_byte),
        (
            "from-the-end",
            r"^invalid argument: index (?P<index>-\d+) \(constant of type int\) must not be negative",
            texts.from_the_end,
        ),
        ("one-character", _MISMATCH, texts.one_character),
        ("text-literal", _MISMATCH, texts.text_literal),
        ("rune-literal", _MISMATCH, conversions.rune_literal),
        ("matched", _MISMATCH, conversions.matched),
        ("unreached-end", r"^missing return$", functions.unreached_end),
        (
            "second-copy",
            r"^(?:\w+ redeclared in this block|method \S+ already declared)",
            functions.second_copy,
        ),
        (
            "wrong-verb",
            r"f format (?P<verb>%\S+) has arg (?P<argument>.+) of wrong type ",
            printing.wrong_verb,
        ),
        (
            "spare-arguments",
            r"f call needs \d+ args? but has (?P<given>\d+) args?$",
            printing.spare_arguments,
        ),
        ("plain-print", r" call has possible (?:Printf )?formatting directive ", printing.plain_print),
    )
)
"""(name, the message that it knows, the fixer). Of several for one message the first that is certain acts."""


@dataclass(frozen=True)
class Fixed:
    """A file after one pass: its text, and what was done to it."""

    content: str
    fixes: tuple[Fix, ...] = ()


def apply_fixers(source: str, diagnostics: Iterable[Diagnostic], around: Neighbours) -> Fixed:
    """One pass over a file: every complaint about it that has a certain mending is mended.

    Of rewrites that touch the same bytes the first wins; the others get their turn in the next pass.
    """
    file = parse(source)
    if syntax_fault(file) is not None:
        return Fixed(source)
    scopes = Scopes(file)
    edits: list[Edit] = []
    fixes: list[Fix] = []
    for diagnostic in diagnostics:
        if diagnostic.file != around.path or not diagnostic.column:
            continue
        for name, rewrite in _rewrites(file, scopes, diagnostic, around):
            fresh = [edit for edit in rewrite.edits if edit not in edits]
            if any(_touch(edit, known) for edit in fresh for known in edits):
                continue
            if not fresh or not _harmless(file, [*edits, *fresh], around):
                continue
            edits += fresh
            fixes.append(Fix(path=around.path, fixer=name, line=diagnostic.line, reason=rewrite.reason))
            break
    return Fixed(apply_edits(file, edits), tuple(fixes)) if fixes else Fixed(source)


def _rewrites(
    file: GoFile, scopes: Scopes, diagnostic: Diagnostic, around: Neighbours
) -> Iterable[tuple[str, Rewrite]]:
    offset = _offset(file, diagnostic)
    for name, pattern, fixer in FIXERS:
        words = pattern.search(diagnostic.message.partition("\n")[0])
        if words is None or offset is None:
            continue
        rewrite = fixer(Complaint(file, scopes, offset, words, around))
        if rewrite is not None:
            yield name, rewrite


def _offset(file: GoFile, diagnostic: Diagnostic) -> int | None:
    """The byte of a place: Go counts columns in bytes. None if the file has no such place."""
    lines = file.data.split(b"\n")
    if diagnostic.line > len(lines):
        return None
    start = sum(len(line) + 1 for line in lines[: diagnostic.line - 1])
    offset = start + diagnostic.column - 1
    return offset if offset < len(file.data) else None


def _touch(edit: Edit, other: Edit) -> bool:
    if edit.start == edit.end or other.start == other.end:
        return edit.start <= other.end and other.start <= edit.end
    return edit.start < other.end and other.start < edit.end


def _harmless(file: GoFile, edits: list[Edit], around: Neighbours) -> bool:
    """Still a Go file, and a test asserts what it asserted."""
    after = parse(apply_edits(file, edits))
    if syntax_fault(after) is not None:
        return False
    return not around.is_test or asserted(after) == asserted(file)
