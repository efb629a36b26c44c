"""The values that a spec states: `GCD(12, 18) = 6`, in `examples:` and in its prose.

A stated value outranks every other witness (design §6), so what is not certain is not taken.
In prose a stretch counts only if its function is a plain one of the stated API with exactly
one result, its arguments and its value are Go literals that fit the signature's kinds, and
the sentence does not turn it round (`never GCD(0,5)=0`). `=`, `==`, arrows, what follows a `>>>` prompt
and, where the value ends the clause, `is` are read. Two different values for one call cancel each other.

    (GCD(8,15)=1)                 GCD(8, 15) -> 1
    GCD(0,0) is 0.                GCD(0, 0) -> 0
    >>> GCD(4,6) 2                GCD(4, 6) -> 2
    GCD(9,3) => 3                 GCD(9, 3) -> 3
    GCD(0,5) is 5 times ...       refused: the sentence goes on
    Reverse(s) = s, F(1) = F(2)   refused: no literals
"""

import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from guildbus.agents.go_fragments import closing, expression, literal_end, of_type, text_of
from guildbus.agents.stated import arity, flat, parameter_types
from guildbus.protocols.spec import Example, Signature

_EQUALS = re.compile(r"\s*(==?)(?![=>])\s*")
_ARROW = re.compile(r"\s*(={1,2}>|-{1,2}>|➞|→|⇒)\s*")
_PROMPT = re.compile(r">>>\s*$")
_PRINTED = re.compile(r"\s+")
_IS = re.compile(r"\s+(?:is|returns|gives)\s+")
_TURNED_ROUND = re.compile(
    r"\b(not|never|cannot|wrong|wrongly|incorrect|incorrectly|instead|rather|buggy|bug|mistake|forbidden)\b|n't\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.;:(](?=\s|$|\()|\(")
_NUMBER = re.compile(r"[+-]?(0[xXbBoO][0-9a-fA-F_]+|\d[\d_]*(\.\d+)?([eE][+-]?\d+)?)(?![\w])")
_WORD = re.compile(r"(true|false|nil)\b")
_COMPOSITE = re.compile(r"&?(\[\d*\]|map\[|\*?[A-Z]\w*\{)")
_GOES_ON = re.compile(r"\s*((?!>>>)[-+*/%^|&<>]|\.\w|\(|\[)")
_CLAUSE_GOES_ON = re.compile(r"\s*(?![,.;:)\]`]|and\b|$)")

_LITERALS = frozenset(
    [
        "int_literal",
        "float_literal",
        "imaginary_literal",
        "rune_literal",
        "interpreted_string_literal",
        "raw_string_literal",
        "true",
        "false",
        "nil",
        "composite_literal",
    ]
)
_NO_LITERALS = ("call_expression", "selector_expression", "func_literal")
_AROUND_LITERALS = frozenset({"unary_expression", "parenthesized_expression", "binary_expression"})
_INTS = frozenset(
    [
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uintptr",
        "byte",
        "rune",
    ]
)
_KINDS: dict[str, frozenset[str]] = {
    "string": frozenset({"interpreted_string_literal", "raw_string_literal"}),
    "bool": frozenset({"true", "false"}),
    "error": frozenset({"nil"}),
    **{name: frozenset({"int_literal", "rune_literal"}) for name in _INTS},
    **{name: frozenset({"int_literal", "float_literal"}) for name in ("float32", "float64")},
}


def parse_example(text: str, *, folder: str = "") -> Example:
    """One entry of `examples:`, `F(args) = value`. ValueError says what is wrong with it."""
    source = text.strip()
    head = re.match(r"([A-Z]\w*)\(", source)
    end = closing(source, head.end() - 1, limit=len(source)) + 1 if head else 0
    equals = _EQUALS.match(source, end) if end else None
    if head is None or equals is None:
        raise ValueError(f"{source!r} is not of the form 'F(args) = value', with an exported function")
    call, want = _call(source[:end]), expression(source[equals.end() :])
    if call is None or want is None or not _is_literal(want):
        raise ValueError(f"{source!r} must have Go literals as arguments and as its value")
    return Example(function=head.group(1), call=_spelled(call), want=text_of(want), folder=folder)


def examples_in(prose: str, signatures: Sequence[Signature], *, folder: str = "") -> tuple[Example, ...]:
    """The values that a package's prose states about the functions of its API, each call once."""
    text = flat(prose)
    wants: dict[str, list[Example]] = {}
    for signature in signatures:
        shape = arity(signature)
        if shape is None or shape[2] != 1:
            continue
        for head in re.finditer(rf"(?<![\w.]){re.escape(signature.name)}(?=\()", text):
            for example in _example_at(text, head.start(), head.end(), signature, folder):
                wants.setdefault(example.call, []).append(example)
    return tuple(found[0] for found in wants.values() if len({example.want for example in found}) == 1)


def fits(example: Example, signature: Signature) -> str:
    """Why an example cannot be about this signature; '' if it can."""
    shape, call = arity(signature), _call(example.call)
    want = expression(example.want)
    if shape is None or call is None or want is None:
        return f"{signature.name} is no plain function"
    parameters, variadic, results = shape
    arguments = _arguments(call)
    if results != 1:
        return f"{signature.name} has {results} results, and a value can only be stated for one"
    if len(arguments) < parameters - 1 or (len(arguments) != parameters and not variadic):
        return f"{signature.name} takes {parameters} arguments, not {len(arguments)}"
    types = parameter_types(signature)
    for value, type_name in [*zip(arguments, types[:-1], strict=False), (want, types[-1])]:
        if not _has_kind(value, type_name):
            return f"{text_of(value)} is no {type_name}"
    return ""


def _example_at(text: str, start: int, opening: int, signature: Signature, folder: str) -> Iterator[Example]:
    end = closing(text, opening) + 1
    call = _call(text[start:end]) if end else None
    if call is None or _turned_round(text, start):
        return
    prompted = _PROMPT.search(text, max(0, start - 5), start)
    operator = (_PRINTED if prompted else _EQUALS).match(text, end) or _ARROW.match(text, end)
    spoken = None if operator else _IS.match(text, end)
    joint = operator or spoken
    value = _value_at(text, joint.end()) if joint else ""
    if joint is None or not value:
        return
    after = joint.end() + len(value)
    if _GOES_ON.match(text, after) or (spoken and _CLAUSE_GOES_ON.match(text, after)):
        return
    example = Example(function=signature.name, call=_spelled(call), want=value, folder=folder)
    if not fits(example, signature):
        yield example


def _turned_round(text: str, start: int) -> bool:
    """Whether the clause before `start` denies what follows."""
    clause = [end.end() for end in _CLAUSE_END.finditer(text, max(0, start - 200), start)]
    return _TURNED_ROUND.search(text, clause[-1] if clause else max(0, start - 200), start) is not None


def _value_at(text: str, start: int) -> str:
    """The Go literal that begins at `start`, or ''."""
    char = text[start : start + 1]
    if char in {'"', "`", "'"}:
        end = literal_end(text, start)
        value = text[start:end] if end > start + 1 else ""
    elif match := _NUMBER.match(text, start) or _WORD.match(text, start):
        value = match.group()
    elif match := _COMPOSITE.match(text, start):
        brace = text.find("{", start)
        end = closing(text, brace) if brace >= 0 else -1
        value = text[start : end + 1] if end >= 0 else ""
    else:
        value = ""
    node = expression(value) if value else None
    return value if node is not None and _is_literal(node) else ""


def _call(source: str) -> Node | None:
    """The call expression that `source` is, if all its arguments are literals."""
    node = expression(source)
    if node is None or node.type != "call_expression":
        return None
    return node if all(_is_literal(argument) for argument in _arguments(node)) else None


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    return [] if arguments is None else list(arguments.named_children)


def _spelled(call: Node) -> str:
    """The call with one space after each comma, so that one call has one spelling."""
    name = text_of(call.child_by_field_name("function"))
    return f"{name}({', '.join(text_of(argument) for argument in _arguments(call))})"


def _is_literal(node: Node) -> bool:
    """A literal, or operators over literals; names are only let in as types of composite ones."""
    pending: list[Node | None] = [node]
    while pending:
        current = pending.pop()
        if current is None:
            return False
        if current.type == "composite_literal":
            body = current.child_by_field_name("body")
            if body is None or of_type(body, *_NO_LITERALS):
                return False
        elif current.type == "type_conversion_expression":
            pending.append(current.child_by_field_name("operand"))
        elif current.type in _AROUND_LITERALS:
            pending.extend(current.named_children)
        elif current.type not in _LITERALS:
            return False
    return True


def _has_kind(value: Node, type_name: str) -> bool:
    """Whether a literal can have a type; types that are not predeclared take any composite or nil."""
    leaves = of_type(value, *_LITERALS)
    kinds = _KINDS.get(type_name)
    if kinds is None:
        return True
    return bool(leaves) and all(leaf.type in kinds for leaf in leaves)
