"""A function emptied: the same file, in which one function returns zero values at once.

The verifier runs the suite over it: a suite that stays green would bless anything. The original
body stays behind the return, unreachable, so that imports and variables are still used and no
line moves. Read `toolchain.py` next.
"""

from tree_sitter import Node

from guildbus.agents.golang.syntax import Edit, GoFile, apply_edits, declarations, parse, text_of


def stub_function(source: str, name: str) -> str:
    """`source` with function `name` (or method `Type.Method`) returning zero values.

    KeyError if there is no such function.
    """
    file = parse(source)
    return apply_edits(file, [_stub(file, name)])


def stubbable(source: str) -> tuple[str, ...]:
    """The exported functions and methods of a file that return something, in order.

    Only these can be emptied with a visible effect that a suite must notice.
    """
    names = []
    for found in declarations(parse(source)):
        if found.kind in ("func", "method") and found.node.child_by_field_name("result") is not None:
            last = found.name.rsplit(".", 1)[-1]
            if last[:1].isupper():
                names.append(found.name)
    return tuple(names)


def _stub(file: GoFile, name: str) -> Edit:
    for found in declarations(file):
        body = found.node.child_by_field_name("body")
        if found.name == name and found.kind in ("func", "method") and body is not None:
            start = body.start_byte + 1
            return Edit(start, start, f" {_zero_return(found.node)};")
    raise KeyError(name)


def _zero_return(function: Node) -> str:
    result = function.child_by_field_name("result")
    if result is None:
        return "return"
    if result.type != "parameter_list":
        types = [text_of(result)]
    else:
        if any(part.children_by_field_name("name") for part in result.named_children):
            return "return"
        stated = (part.child_by_field_name("type") for part in result.named_children)
        types = [text_of(node) for node in stated if node is not None]
    zeros = [f"guildbusZero{index}" for index in range(len(types))]
    variables = "; ".join(f"var {zero} {stated}" for zero, stated in zip(zeros, types, strict=True))
    return f"{variables}; return {', '.join(zeros)}" if zeros else "return"
