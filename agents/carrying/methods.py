"""The methods of strings, lists, dicts and sets. Pure.

What changes a list or dict is a statement of Go: it is emitted, and there is no value. Next: `helpers.py`.
"""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from guildbus.agents.carrying.functions import only, sort_in_place
from guildbus.agents.carrying.types import (
    BOOL,
    INT,
    RUNE,
    STRING,
    NotCarried,
    StillOpen,
    Value,
    by_runes,
    copied,
    element,
    empty_map,
    fitted,
    is_ordered,
    list_of,
    settled,
    tuple_of,
)
from guildbus.agents.oracle.gotypes import GoType

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer

_KINDS_OF_RUNE = {
    "isalpha": "unicode.IsLetter",
    "isdigit": "unicode.IsDigit",
    "isdecimal": "unicode.IsDigit",
    "isspace": "unicode.IsSpace",
    "isupper": "unicode.IsUpper",
    "islower": "unicode.IsLower",
    "isalnum": "isLetterOrDigit",
}
_SAME_TEXT = {"lower": "strings.ToLower", "casefold": "strings.ToLower", "upper": "strings.ToUpper"}
_SAME_RUNE = {"lower": "unicode.ToLower", "casefold": "unicode.ToLower", "upper": "unicode.ToUpper"}


Method = Callable[["Writer", Value, ast.Call], Value]


_NO_VALUE = Value("", GoType("any", ""))


def _is_kind(name: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        kind = _KINDS_OF_RUNE[name]
        if held.type.kind == "rune":
            return Value(f"{kind}({fitted(held, RUNE).text})", BOOL)
        return Value(f"isEach({held.text}, {kind})", BOOL)

    return write


def _changed_case(name: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        if held.type.kind == "rune":
            return Value(f"{_SAME_RUNE[name]}({fitted(held, RUNE).text})", RUNE)
        return Value(f"{_SAME_TEXT[name]}({held.text})", STRING)

    return write


def _by_strings(function: str, of: GoType) -> Method:
    """A method whose arguments are strings, and which is a function of package strings."""

    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        given = [w.value(arg, STRING).text for arg in node.args]
        return Value(f"strings.{function}({', '.join([fitted(held, STRING).text, *given])})", of)

    return write


def _stripped(plain: str, cut: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        text = fitted(held, STRING).text
        if not node.args:
            ends = "" if plain == "TrimSpace" else ", unicode.IsSpace"
            return Value(f"strings.{plain}({text}{ends})", STRING)
        return Value(f"strings.{cut}({text}, {w.value(only(node), STRING).text})", STRING)

    return write


def _split(w: "Writer", held: Value, node: ast.Call) -> Value:
    if not node.args:
        return Value(f"strings.Fields({held.text})", list_of(STRING))
    return Value(f"strings.Split({held.text}, {w.value(only(node), STRING).text})", list_of(STRING))


def _join(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`sep.join(parts)`; runes are a string already."""
    parts = by_runes(w.value(only(node)))
    elem = element(parts.type)
    if elem.kind == "rune" and held.text == '""':
        return Value(f"string({parts.text})", STRING)
    if elem.kind != "string":
        raise NotCarried(f"{elem.text} joined")
    return Value(f"strings.Join({parts.text}, {fitted(held, STRING).text})", STRING)


def _appended(w: "Writer", held: Value, node: ast.Call) -> Value:
    """As a statement; `statements.py` has put the type in already."""
    elem = settled(element(held.type))
    w.emit(f"{held.text} = append({held.text}, {w.value(only(node), elem).text})")
    return _NO_VALUE


def _extended(w: "Writer", held: Value, node: ast.Call) -> Value:
    more = w.value(only(node))
    more = by_runes(more)
    w.emit(f"{held.text} = append({held.text}, {fitted(more, held.type).text}...)")
    return _NO_VALUE


def _inserted(w: "Writer", held: Value, node: ast.Call) -> Value:
    place, item = node.args
    text = w.value(item, element(held.type)).text
    w.emit(f"{held.text} = slices.Insert({held.text}, {w.value(place, INT).text}, {text})")
    return _NO_VALUE


def _popped(w: "Writer", held: Value, node: ast.Call) -> Value:
    """The element, in a variable, since the list is a shorter one then."""
    last = not node.args or ast.unparse(node.args[0]) == "-1"
    place = f"len({held.text})-1" if last else w.value(only(node), INT).text
    item = Value(f"{held.text}[{place}]", element(held.type))
    item = w.kept(item, "taken") if w.wants_result else _NO_VALUE
    if last:
        w.emit(f"{held.text} = {held.text}[:{place}]")
    else:
        w.emit(f"{held.text} = slices.Delete({held.text}, {place}, {place}+1)")
    return item


def _removed(w: "Writer", held: Value, node: ast.Call) -> Value:
    item = w.value(only(node), element(held.type))
    index = w.fresh("at")
    w.emit(f"if {index} := slices.Index({held.text}, {item.text}); {index} >= 0 {{")
    w.emit(f"{held.text} = slices.Delete({held.text}, {index}, {index}+1)")
    w.emit("}")
    return _NO_VALUE


def _index(w: "Writer", held: Value, node: ast.Call) -> Value:
    return Value(f"slices.Index({held.text}, {w.value(only(node), element(held.type)).text})", INT)


def _sort(w: "Writer", held: Value, node: ast.Call) -> Value:
    sort_in_place(w, held, node.keywords)
    return _NO_VALUE


def _reverse(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"slices.Reverse({held.text})")
    return _NO_VALUE


def _copy(w: "Writer", held: Value, node: ast.Call) -> Value:
    return copied(held)


def _clear(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"{held.text} = {empty_map(held.type) if held.type.kind == 'map' else 'nil'}")
    return _NO_VALUE


def _got(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`d.get(key, default)`."""
    if len(node.args) != 2 or not isinstance(node.func, ast.Attribute):
        raise NotCarried("`get` without a default")
    if held.type.key is None:
        w.learn_part(
            node.func.value, settled(w.value(node.args[1]).type), settled(w.value(node.args[0]).type)
        )
        held = w.value(node.func.value)
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    inner = f"{held.operand}.values" if is_ordered(held.type) else held.operand
    key = w.value(node.args[0], held.type.key)
    default = w.value(node.args[1], held.type.elem)
    if default.text in ("0", '""', "false"):
        return Value(f"{inner}[{key.text}]", held.type.elem)
    found, ok = w.fresh("found"), w.fresh("ok")
    w.emit(f"{found}, {ok} := {inner}[{key.text}]")
    w.emit(f"if !{ok} {{")
    w.emit(f"{found} = {default.text}")
    w.emit("}")
    return Value(found, held.type.elem)


def delete_key(w: "Writer", held: Value, key: ast.expr) -> None:
    """`del d[key]`."""
    if held.type.key is None:
        raise StillOpen("a dict that nothing was put into")
    text = w.value(key, held.type.key).text
    w.emit(f"{held.operand}.remove({text})" if is_ordered(held.type) else f"delete({held.text}, {text})")


def _popped_key(w: "Writer", held: Value, node: ast.Call) -> Value:
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    inner = f"{held.operand}.values" if is_ordered(held.type) else held.operand
    key = w.value(node.args[0], held.type.key)
    item = Value(f"{inner}[{key.text}]", held.type.elem)
    item = w.kept(item, "taken") if w.wants_result else _NO_VALUE
    delete_key(w, held, node.args[0])
    return item


def _moved(w: "Writer", held: Value, node: ast.Call) -> Value:
    if held.type.key is None:
        raise StillOpen("a dict that nothing was put into")
    if node.keywords or not is_ordered(held.type):
        raise NotCarried("moving to the front")
    w.emit(f"{held.operand}.moveToEnd({w.value(only(node), held.type.key).text})")
    return _NO_VALUE


def _popped_item(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`popitem(last=False)`: the oldest key goes, as a statement."""
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    first = len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is False
    place = f"{held.operand}.keys[{'0' if first else f'len({held.operand}.keys)-1'}]"
    key = w.kept(Value(place, held.type.key), "key")
    if not w.wants_result:
        w.emit(f"{held.operand}.remove({key.text})")
        return _NO_VALUE
    item = w.kept(Value(f"{held.operand}.values[{key.text}]", held.type.elem), "taken")
    w.emit(f"{held.operand}.remove({key.text})")
    of = tuple_of((held.type.key, held.type.elem))
    return Value(f"{of.text}{{{key.text}, {item.text}}}", of)


def _added(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"{held.operand}[{w.value(only(node), element(held.type)).text}] = true")
    return _NO_VALUE


def _discarded(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"delete({held.text}, {w.value(only(node), element(held.type)).text})")
    return _NO_VALUE


METHODS: dict[tuple[str, str], Method] = {
    **{("string", name): _is_kind(name) for name in _KINDS_OF_RUNE},
    **{("string", name): _changed_case(name) for name in _SAME_TEXT},
    ("string", "strip"): _stripped("TrimSpace", "Trim"),
    ("string", "lstrip"): _stripped("TrimLeftFunc", "TrimLeft"),
    ("string", "rstrip"): _stripped("TrimRightFunc", "TrimRight"),
    ("string", "startswith"): _by_strings("HasPrefix", BOOL),
    ("string", "endswith"): _by_strings("HasSuffix", BOOL),
    ("string", "replace"): _by_strings("ReplaceAll", STRING),
    ("string", "count"): _by_strings("Count", INT),
    ("string", "split"): _split,
    ("string", "join"): _join,
    ("list", "append"): _appended,
    ("list", "extend"): _extended,
    ("list", "insert"): _inserted,
    ("list", "pop"): _popped,
    ("list", "remove"): _removed,
    ("list", "index"): _index,
    ("list", "sort"): _sort,
    ("list", "reverse"): _reverse,
    ("list", "copy"): _copy,
    ("list", "clear"): _clear,
    ("map", "get"): _got,
    ("map", "pop"): _popped_key,
    ("map", "move_to_end"): _moved,
    ("map", "popitem"): _popped_item,
    ("map", "clear"): _clear,
    ("map", "add"): _added,
    ("map", "discard"): _discarded,
    ("map", "remove"): _discarded,
}
