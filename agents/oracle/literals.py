"""Values as Go writes them: reading the literals of a test's row, and writing a corrected one. Pure.

Only what is certain is read: literals, signs, the composite literals of slices, maps and structs, and the
bounds of package math. A value is written as a row of the type would hold it; nothing is written for a
type that has no literal (an error, a time). Next: `rows.py`, which finds the rows.
"""

import ast
import json
from collections.abc import Mapping, Sequence

from tree_sitter import Node

from guildbus.agents.go_fragments import expression
from guildbus.agents.golang.syntax import text_of
from guildbus.agents.oracle.gotypes import Callable, GoType
from guildbus.agents.oracle.values import Json, fits

_BOUNDS = {
    "math.MaxInt": 2**63 - 1,
    "math.MinInt": -(2**63),
    "math.MaxInt64": 2**63 - 1,
    "math.MinInt64": -(2**63),
    "math.MaxInt32": 2**31 - 1,
    "math.MinInt32": -(2**31),
    "math.MaxUint32": 2**32 - 1,
}


class NoLiteral(Exception):
    """The expression is no plain value of the type."""


def read_literal(node: Node | str, of: GoType) -> Json:
    """The value of a Go expression of a type. Raises NoLiteral."""
    found = expression(node) if isinstance(node, str) else node
    if found is None:
        raise NoLiteral("is no Go expression")
    value = _read(found, of)
    if not fits(value, of):
        raise NoLiteral(f"{text_of(found)} is no {of.text}")
    return value


def read_call(node: Node, callable_: Callable) -> Json:
    """The case that a call of a function with literal arguments is. Raises NoLiteral."""
    arguments = node.child_by_field_name("arguments")
    given = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
    return case_of(callable_, given)


def case_of(callable_: Callable, given: Sequence[Node]) -> Json:
    """The case of a function called with these argument expressions. Raises NoLiteral."""
    args: list[Json] = []
    for index, parameter in enumerate(callable_.parameters):
        if parameter.variadic and parameter.type.elem is not None:
            args.append([read_literal(node, parameter.type.elem) for node in given[index:]])
            given = given[:index]
            break
        if index >= len(given):
            raise NoLiteral(f"{callable_.name} takes {len(callable_.parameters)} arguments")
        args.append(read_literal(given[index], parameter.type))
    if len(given) > len(callable_.parameters):
        raise NoLiteral(f"{callable_.name} takes {len(callable_.parameters)} arguments")
    return {"call": callable_.full_name, "args": args}


def _read(node: Node, of: GoType) -> Json:
    text = text_of(node)
    match node.type:
        case "parenthesized_expression":
            return _read(node.named_children[0], of)
        case "unary_expression" if text.startswith(("-", "+")):
            value = _read(node.named_children[-1], of)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise NoLiteral(text)
            return -value if text.startswith("-") else value
        case "unary_expression" if text.startswith("&") and of.elem is not None:
            return _read(node.named_children[-1], of.elem)
        case "true" | "false":
            return node.type == "true"
        case "nil":
            return _nil(of)
        case "int_literal":
            number = ast.literal_eval(_python_int(text))
            return float(number) if of.kind == "float" else number
        case "float_literal":
            return float(text.replace("_", ""))
        case "rune_literal":
            return ord(_unquoted(f'"{text[1:-1]}"' if text != "'\"'" else '"\\""'))
        case "interpreted_string_literal":
            return _unquoted(text)
        case "raw_string_literal":
            return text[1:-1]
        case "selector_expression" if text in _BOUNDS:
            return _BOUNDS[text]
        case "composite_literal":
            body = node.child_by_field_name("body")
            if body is not None:
                return _composite(body, of)
        case "literal_value":
            return _composite(node, of)
        case "literal_element":
            return _read(node.named_children[0], of)
        case "type_conversion_expression" | "call_expression":
            return _conversion(node, of)
    raise NoLiteral(f"{text} is no literal")


def _conversion(node: Node, of: GoType) -> Json:
    """`[]byte("x")`, `int64(3)`: a conversion of one literal to a stated type."""
    inner = node.child_by_field_name("operand")
    arguments = node.child_by_field_name("arguments")
    if inner is None and arguments is not None and len(arguments.named_children) == 1:
        head = node.child_by_field_name("function")
        if head is not None and "".join(text_of(head).split()) == "".join(of.text.split()):
            inner = arguments.named_children[0]
    if inner is None:
        raise NoLiteral(f"{text_of(node)} is no literal")
    if of.kind == "bytes":
        import base64

        data = _read(inner, GoType("string", "string"))
        return {"bytes": base64.b64encode(str(data).encode()).decode()}
    return _read(inner, of)


def _nil(of: GoType) -> Json:
    if of.kind == "list":
        return []
    if of.kind == "map":
        return {"map": []}
    if of.kind in ("error", "pointer", "any"):
        return None
    raise NoLiteral(f"nil is no {of.text}")


def _composite(body: Node, of: GoType) -> Json:
    cells = [child for child in body.named_children if child.type != "comment"]
    if of.kind == "pointer" and of.elem is not None:
        return _composite(body, of.elem)
    if of.kind in ("list", "array") and of.elem is not None:
        if any(cell.type == "keyed_element" for cell in cells):
            raise NoLiteral("keyed elements")
        return [_read(cell, of.elem) for cell in cells]
    if of.kind == "map" and of.key is not None and of.elem is not None:
        pairs = []
        for cell in cells:
            if cell.type != "keyed_element" or len(cell.named_children) != 2:
                raise NoLiteral("a map without keys")
            key, value = cell.named_children
            pairs.append([_read(key, of.key), _read(value, of.elem)])
        return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0], separators=(",", ":")))}
    if of.kind == "struct":
        return _struct(cells, of)
    raise NoLiteral(f"no {of.text}")


def _struct(cells: Sequence[Node], of: GoType) -> Json:
    types = dict(of.fields)
    if not any(cell.type == "keyed_element" for cell in cells):
        if cells and len(cells) != len(types):
            raise NoLiteral("too few fields")
        given = dict(zip(types, cells, strict=bool(cells)))
    else:
        given = {
            text_of(c.named_children[0]): c.named_children[-1] for c in cells if len(c.named_children) == 2
        }
    if not given.keys() <= types.keys():
        raise NoLiteral("unknown fields")
    return {name: _read(given[name], part) if name in given else zero(part) for name, part in types.items()}


def zero(of: GoType) -> Json:
    """The zero value of a type."""
    plain: Mapping[str, Json] = {
        "bool": False,
        "string": "",
        "float": 0.0,
        "time": 0.0,
        "duration": 0.0,
        "list": [],
        "bytes": {"bytes": ""},
        "map": {"map": []},
        "pointer": None,
        "error": None,
        "any": None,
    }
    if of.kind == "struct":
        return {name: zero(part) for name, part in of.fields}
    if of.kind == "array" and of.elem is not None:
        return [zero(of.elem) for _ in range(of.length)]
    return plain.get(of.kind, 0)


def write_literal(value: Json, of: GoType) -> str:
    """The Go literal of a value. Raises NoLiteral where the type has none."""
    match of.kind:
        case "bool":
            return "true" if value else "false"
        case "int" | "byte":
            return str(value)
        case "rune":
            char = chr(value)
            return f"'{char}'" if char.isprintable() and char not in "'\\" else str(value)
        case "float" if isinstance(value, int | float):
            return repr(value)
        case "string" if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        case "list" | "array" if of.elem is not None:
            if not value and of.kind == "list":
                return "nil"
            element = of.elem
            return f"{of.text}{{{', '.join(_element(one, element) for one in value)}}}"
        case "map" if of.key is not None and of.elem is not None:
            key, elem = of.key, of.elem
            pairs = (f"{_element(k, key)}: {_element(v, elem)}" for k, v in value["map"])
            return f"{of.text}{{{', '.join(pairs)}}}"
        case "struct":
            fields = (f"{name}: {write_literal(value[name], part)}" for name, part in of.fields)
            return f"{of.text}{{{', '.join(fields)}}}"
        case "pointer" if of.elem is not None:
            return "nil" if value is None else f"&{write_literal(value, of.elem)}"
        case "error" if value is None:
            return "nil"
    raise NoLiteral(f"a {of.text} has no literal")


def write_call(callable_: Callable, args: Sequence[Json]) -> str:
    """A call as a person reads it: `Clamp(7, 10, 0)`. Values without a literal are shown as JSON."""
    shown: list[str] = []
    for parameter, value in zip(callable_.parameters, args[-len(callable_.parameters) :], strict=False):
        of = parameter.type
        values = value if parameter.variadic and of.elem is not None else [value]
        each = of.elem if parameter.variadic and of.elem is not None else of
        for one in values:
            try:
                shown.append(write_literal(one, each))
            except NoLiteral:
                shown.append(json.dumps(one, ensure_ascii=False))
    return f"{callable_.full_name}({', '.join(shown)})"


def _element(value: Json, of: GoType) -> str:
    """Inside a composite literal a struct's type may be left out."""
    text = write_literal(value, of)
    return text.removeprefix(of.text) if of.kind == "struct" else text


def _python_int(text: str) -> str:
    plain = text.replace("_", "")
    octal = len(plain) > 1 and plain[0] == "0" and plain.isdecimal()
    return f"0o{plain[1:]}" if octal else plain


def _unquoted(text: str) -> str:
    """A Go string literal's value. Go's escapes that JSON has not are those that Python has."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise NoLiteral(f"{text} has an escape that is not read") from None
    if not isinstance(value, str) or "\\x" in text or "\\N" in text:
        raise NoLiteral(f"{text} is not read")
    return value
