"""Gates on imports: unused ones go, forbidden ones are refused, missing ones of the library come.

Read `suites.py` next.
"""

from guildbus.agents.gates.context import PASSED, GateContext, Outcome, fixed, rejected
from guildbus.agents.golang.imports import (
    Import,
    add_imports,
    imports,
    library_path,
    prune_imports,
    qualified_uses,
    remove_imports,
)
from guildbus.agents.golang.syntax import GoFile, line_of, parse

FORBIDDEN = ("C", "unsafe", "plugin", "syscall", "os/exec", "net", "log/syslog")
"""Refused with everything below them, unless the spec allows them."""

HARMLESS = frozenset({"net/url", "net/netip", "net/mail", "net/textproto"})
"""Below `net`, but they only parse text."""


def imports_pruned(file: GoFile, context: GateContext) -> Outcome:
    """No import that nothing uses."""
    content, doomed = prune_imports(file)
    if not doomed:
        return PASSED
    return fixed(content, f"removed unused imports: {_paths(doomed)}", doomed[0].line)


def imports_allowed(file: GoFile, context: GateContext) -> Outcome:
    """Only the standard library, the module's own packages and what the spec allows."""
    invented = []
    for found in imports(file):
        complaint = _complaint(found, context)
        if not complaint:
            continue
        if found.path not in context.stdlib and library_path(found.name, context.stdlib) and not found.alias:
            invented.append(found)
            continue
        return rejected(complaint, found.line)
    if not invented:
        return PASSED
    meant = {library_path(found.name, context.stdlib) for found in invented}
    content = add_imports(parse(remove_imports(file, invented)), meant)
    return fixed(content, f"{_paths(invented)} became {', '.join(sorted(meant))}", invented[0].line)


def imports_added(file: GoFile, context: GateContext) -> Outcome:
    """`fmt.Sprintf` without an import of fmt gets one, where the name leaves no doubt."""
    imported = {found.name for found in imports(file)}
    package_level = {name.split(".")[0] for name in context.api_names | context.implementation_names}
    missing: set[str] = set()
    line = 0
    for use in qualified_uses(file):
        if use.package in imported | package_level or not use.member[:1].isupper():
            continue
        path = _path_for(use.package, context)
        if not path:
            continue
        if is_forbidden(path, context):
            return rejected(
                f"package {path} is not allowed: write it without {use.package}", line_of(use.node)
            )
        missing.add(path)
        line = line or line_of(use.node)
    if not missing:
        return PASSED
    return fixed(add_imports(file, missing), f"added imports: {', '.join(sorted(missing))}", line)


def is_forbidden(path: str, context: GateContext) -> bool:
    """Whether the spec would have to allow this package."""
    if path in context.allow_imports or path in HARMLESS:
        return False
    return any(path == banned or path.startswith(f"{banned}/") for banned in FORBIDDEN)


def _complaint(found: Import, context: GateContext) -> str:
    path = found.path
    if path in context.allow_imports:
        return ""
    if is_forbidden(path, context):
        return f'import "{path}" is not allowed: write it without'
    if path in context.packages:
        return ""
    if path == context.import_path:
        return "" if context.external_package else "a package cannot import itself"
    if path not in context.stdlib or "internal" in path.split("/") or path.startswith("vendor/"):
        return f'import "{path}" is not in the standard library: use only the standard library'
    if path.split("/")[0] == "testing" and not context.is_test:
        return f'import "{path}" belongs in _test.go files only'
    return f'write `import "{path}"`, not a dot import' if found.alias == "." else ""


def _path_for(name: str, context: GateContext) -> str:
    own = [
        path for path, package in context.packages.items() if package == name and path != context.import_path
    ]
    return own[0] if len(own) == 1 else library_path(name, context.stdlib)


def _paths(found: list[Import] | tuple[Import, ...]) -> str:
    return ", ".join(f'"{each.path}"' for each in found)
