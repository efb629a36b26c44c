"""Which mutants the compiler's listing can prove equivalent, and by which symbol it must show them. Pure.

The listing of a package holds what was compiled. A constant is not in it, nor is a generic function, which is
compiled where it is used: for those an equal listing proves nothing, and the mutants stay in the score. For
all others the listing must really show the symbol that the mutant changes. The comparison is in `script.py`.
"""

from guildbus.agents.golang.syntax import Declaration, declarations, find, parse, receiver_type
from guildbus.agents.teeth.mutants import Mutant


def symbol_of(source: str, mutant: Mutant) -> str:
    """A piece of the listing's line for what the mutant changes: `.GCD STEXT`; '' if it has none."""
    for found in declarations(parse(source)):
        if found.node.start_byte <= mutant.start and mutant.end <= found.node.end_byte:
            return _symbol(found)
    return ""


def _symbol(found: Declaration) -> str:
    last = found.name.rsplit(".", 1)[-1]
    if found.kind == "var":
        return f".{last} S"
    if found.kind == "func":
        generic = found.node.child_by_field_name("type_parameters") is not None
        return "" if generic else f".{last} STEXT"
    receiver = found.node.child_by_field_name("receiver")
    if found.kind != "method" or receiver is None or any(find(receiver, "generic_type")):
        return ""
    base = receiver_type(found.node)
    return f".(*{base}).{last} STEXT" if any(find(receiver, "pointer_type")) else f".{base}.{last} STEXT"
