"""Gates on the file as a whole: syntax, package clause, directives, the package's own qualifier.

Read `declarations.py` next.
"""

from guildbus.agents.gates.context import PASSED, GateContext, Outcome, fixed, rejected
from guildbus.agents.golang.imports import Import, imports, qualified_uses, remove_imports, usual_name
from guildbus.agents.golang.scopes import Scopes
from guildbus.agents.golang.syntax import (
    Edit,
    GoFile,
    SyntaxFault,
    apply_edits,
    declarations,
    find,
    line_of,
    package_clause,
    package_name,
    parse,
    syntax_fault,
    text_of,
)

_REMOVED = ("//go:build", "// +build", "//+build", "//go:generate", "//line ", "/*line ")
_REFUSED = ("//go:embed", "//go:linkname", "//export ", "//go:cgo_")


def parses(file: GoFile, context: GateContext) -> Outcome:
    """The text is a Go file. gofmt names the place better than an error-tolerant tree does."""
    fault = syntax_fault(file)
    if fault is None:
        return PASSED
    formatted = context.formatter(file.source)
    if isinstance(formatted, SyntaxFault):
        fault = formatted
    lines = max(1, len(file.source.rstrip().splitlines()))
    if "EOF" in fault.message or fault.line > lines:
        return rejected(
            f"the file ends too early ({fault.message}); write the whole file, shorter", fault.line
        )
    return rejected(f"syntax error: {fault.message}", fault.line)


def clause(file: GoFile, context: GateContext) -> Outcome:
    """The package clause is the plan's."""
    name, node = package_name(file), package_clause(file)
    if node is None or name in (context.task.package, context.external_package):
        return PASSED
    content = apply_edits(file, [Edit(node.start_byte, node.end_byte, context.task.package)])
    return fixed(content, f"package {name} became package {context.task.package}", line_of(node))


def directives(file: GoFile, context: GateContext) -> Outcome:
    """No build tags, go:generate or line directives (removed); no go:embed, linkname, cgo (refused)."""
    edits, removed, line = [], [], 0
    for comment in find(file.root, "comment"):
        text = text_of(comment)
        if text.startswith(_REFUSED):
            return rejected(f"remove the directive {text.split()[0]}: it is not allowed", line_of(comment))
        if text.startswith(_REMOVED):
            edits.append(Edit(comment.start_byte, comment.end_byte))
            removed.append(text.split("\n")[0])
            line = line or line_of(comment)
    if not edits:
        return PASSED
    return fixed(apply_edits(file, edits), f"removed the directive {', '.join(removed)}", line)


def own_qualifier(file: GoFile, context: GateContext) -> Outcome:
    """Inside package numkit, `numkit.GCD` is `GCD`, and the package does not import itself."""
    if package_name(file) != context.task.package or package_name(file) == context.external_package:
        return PASSED
    own = [found for found in imports(file) if _is_own(found, context)]
    names = {found.name for found in own if found.alias not in (".", "_")}
    if context.task.package not in {found.name for found in imports(file) if found not in own}:
        names.add(context.task.package)
    scopes = Scopes(file)
    uses = [use for use in qualified_uses(file, scopes) if use.package in names]
    if not own and not uses:
        return PASSED
    taken = {binding.name for binding in scopes.bindings} | {
        found.name
        for found in declarations(file)
        if found.name not in context.api_names | context.implementation_names
    }
    for use in uses:
        if use.member in taken:
            return rejected(
                f"write {use.member} instead of {use.package}.{use.member}: the file is in package "
                f"{context.task.package} itself; and name nothing else {use.member}",
                line_of(use.node),
            )
    line = own[0].line if own else line_of(uses[0].node)
    content = apply_edits(file, [Edit(use.node.start_byte, use.operand.end_byte + 1) for use in uses])
    after = parse(content)
    content = remove_imports(after, [found for found in imports(after) if _is_own(found, context)])
    return fixed(content, f"the file is in package {context.task.package} itself: qualifier dropped", line)


def _is_own(found: Import, context: GateContext) -> bool:
    """The package's own import, also under a path that the model made up."""
    if found.path == context.import_path:
        return True
    invented = found.path not in context.stdlib and found.path not in context.packages
    return invented and usual_name(found.path) == context.task.package


def gofmt(file: GoFile, context: GateContext) -> Outcome:
    """The text is in gofmt's form. What tree-sitter lets pass and Go does not is refused here."""
    formatted = context.formatter(file.source)
    if isinstance(formatted, SyntaxFault):
        return rejected(f"syntax error: {formatted.message}", formatted.line)
    return PASSED if formatted == file.source else fixed(formatted, "formatted")
