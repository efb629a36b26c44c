"""Fixers of names: a wrong case where one name differs by case only, a missing package in an external test.

Read `missing.py` next.
"""

from guildbus.agents.fixers.complaint import FUNCTIONS, Complaint, Rewrite, enclosing, replace
from guildbus.agents.golang.imports import add_imports, imports
from guildbus.agents.golang.syntax import Edit, GoFile, declarations, package_name, parse, text_of


def other_case(complaint: Complaint) -> Rewrite | None:
    """`undefined: gcd` where the package declares GCD, and no other name that reads alike."""
    node, name = complaint.node("identifier", "type_identifier"), complaint.word("name")
    if node is None or text_of(node) != name:
        return None
    function = enclosing(node, *FUNCTIONS)
    local = {
        b.name
        for b in complaint.scopes.bindings
        if function is not None and function.start_byte <= b.node.start_byte < function.end_byte
    }
    own = package_name(complaint.file)
    files = [file for file in _package(complaint) if package_name(file) == own]
    package = {found.name for file in files for found in declarations(file)}
    alike = {other for other in local | package if other.casefold() == name.casefold() and other != name}
    if len(alike) != 1 or (alike & local and not alike & package):
        return None
    meant = alike.pop()
    return Rewrite(f"{name} is {meant}", (replace(node, meant),))


def named_member(complaint: Complaint) -> Rewrite | None:
    """`t.foo undefined (..., but does have field Foo)`: the compiler says which name is there."""
    node = complaint.node("field_identifier", "identifier", "type_identifier")
    meant = complaint.word("meant")
    if node is None or text_of(node).casefold() != meant.casefold():
        return None
    return Rewrite(f"{text_of(node)} is {meant}", (replace(node, meant),))


def external_name(complaint: Complaint) -> Rewrite | None:
    """In package foo_test the tested package's exported names need its qualifier."""
    node, name = complaint.node("identifier", "type_identifier"), complaint.word("name")
    package = package_name(complaint.file).removesuffix("_test")
    path = complaint.around.import_path
    if node is None or text_of(node) != name or package == package_name(complaint.file) or not path:
        return None
    taken = {b.name for b in complaint.scopes.bindings} | {
        found.name for found in declarations(complaint.file)
    }
    exported = {
        found.name
        for other in _package(complaint)
        if package_name(other) == package
        for found in declarations(other)
        if found.name[:1].isupper()
    }
    if name not in exported or package in taken:
        return None
    known = next((found for found in imports(complaint.file) if found.path == path), None)
    qualifier = known.name if known is not None else package
    qualified = Edit(node.start_byte, node.start_byte, f"{qualifier}.")
    reason = f"{name} belongs to package {package}"
    return Rewrite(reason, (qualified,) if known is not None else (qualified, _import(complaint, path)))


def _import(complaint: Complaint, path: str) -> Edit:
    """The edit that adds an import: the stretch of the text in which `add_imports` makes it another one."""
    before, after = complaint.file.data, add_imports(complaint.file, {path}).encode()
    start = _same(before, after)
    rest = _same(before[start:][::-1], after[start:][::-1])
    return Edit(start, len(before) - rest, after[start : len(after) - rest].decode())


def _same(before: bytes, after: bytes) -> int:
    """How many bytes two texts begin with alike."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(before), len(after)))


def _package(complaint: Complaint) -> list[GoFile]:
    return [complaint.file, *(parse(source) for source in complaint.around.package.values())]
