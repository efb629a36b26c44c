"""Fixers of what go vet says of a test's own messages: they change what is printed, never what is checked.

Read `table.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import Complaint, Rewrite, replace, tokens
from guildbus.agents.golang.flow import arguments_of
from guildbus.agents.golang.syntax import Edit, leaves, text_of

_LITERALS = ("interpreted_string_literal", "raw_string_literal")
_PRINTS = {"Error": "Errorf", "Fatal": "Fatalf", "Log": "Logf"}


def wrong_verb(complaint: Complaint) -> Rewrite | None:
    """`Errorf format %d has arg got of wrong type string`: `%v` prints anything."""
    call = complaint.node("call_expression")
    arguments = arguments_of(call) if call is not None else []
    format_at = next((i for i, one in enumerate(arguments) if one.type in _LITERALS), -1)
    wanted = tokens(complaint.word("argument"))
    places = [i for i, one in enumerate(arguments) if i > format_at and leaves(one) == wanted]
    if format_at < 0 or len(places) != 1:
        return None
    verbs = _verbs(arguments[format_at])
    number = places[0] - format_at - 1
    if number >= len(verbs) or len(verbs) != len(arguments) - format_at - 1:
        return None
    start, end, verb = verbs[number]
    if verb != complaint.word("verb"):
        return None
    return Rewrite(f"{text_of(arguments[places[0]])} is printed by %v", (Edit(start, end, "%v"),))


def spare_arguments(complaint: Complaint) -> Rewrite | None:
    """`Errorf call needs 2 args but has 3 args`: those behind the last verb are printed by nothing."""
    call = complaint.node("call_expression")
    arguments = arguments_of(call) if call is not None else []
    format_at = next((i for i, one in enumerate(arguments) if one.type in _LITERALS), -1)
    used = format_at + 1 + len(_verbs(arguments[format_at])) if format_at >= 0 else 0
    spare = arguments[used:]
    if used <= format_at + 1 or len(arguments) - format_at - 1 != int(complaint.word("given")) or not spare:
        return None
    told = ", ".join(text_of(one) for one in spare)
    cut = Edit(arguments[used - 1].end_byte, spare[-1].end_byte)
    return Rewrite(f"{told} has no verb that prints it", (cut,))


def plain_print(complaint: Complaint) -> Rewrite | None:
    """`t.Error` with a format string is `t.Errorf`."""
    call = complaint.node("call_expression")
    function = call.child_by_field_name("function") if call is not None else None
    field = function.child_by_field_name("field") if function is not None else None
    arguments = arguments_of(call) if call is not None else []
    if field is None or text_of(field) not in _PRINTS or not arguments or arguments[0].type not in _LITERALS:
        return None
    if len(_verbs(arguments[0])) != len(arguments) - 1:
        return None
    return Rewrite(f"{text_of(field)} takes no format", (replace(field, _PRINTS[text_of(field)]),))


def _verbs(literal: Node) -> list[tuple[int, int, str]]:
    """(first byte, byte behind, text) of every verb of a format; [] where one is not of a plain kind."""
    data = literal.text or b""
    found, index = [], 0
    while (index := data.find(b"%", index)) >= 0:
        end = index + 1
        while end < len(data) and chr(data[end]) in "+-# 0123456789.":
            end += 1
        if end >= len(data) or (not chr(data[end]).isalpha() and data[end] != ord("%")):
            return []
        if data[end] != ord("%"):
            start = literal.start_byte + index
            found.append((start, literal.start_byte + end + 1, data[index : end + 1].decode()))
        index = end + 1
    return found
