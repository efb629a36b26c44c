"""Gates on what a file declares: nothing twice, no tests in implementations, the stated API.

Read `imports.py` next.
"""

from guildbus.agents.gates.context import PASSED, GateContext, Outcome, fixed, rejected
from guildbus.agents.golang.signatures import mismatch, parse_signature, takes_testing
from guildbus.agents.golang.syntax import Declaration, GoFile, declarations, parse, remove_declarations

_REPEATABLE = {"init"}


def no_tests_in_implementation(file: GoFile, context: GateContext) -> Outcome:
    """Functions that take a handle of package testing are removed from implementation files."""
    if context.is_test:
        return PASSED
    doomed = [found for found in declarations(file) if takes_testing(found.node)]
    if not doomed:
        return PASSED
    reason = f"removed {_names(doomed)}: tests belong in a _test.go file"
    return _without(file, doomed, reason, "it holds only tests; write the implementation")


def no_main(file: GoFile, context: GateContext) -> Outcome:
    """No func main outside of package main; no TestMain, which can end a run without its tests."""
    doomed = []
    for found in declarations(file):
        stray_main = found.name == "main" and context.task.package != "main"
        if found.kind == "func" and (stray_main or (context.is_test and found.name == "TestMain")):
            doomed.append(found)
    if not doomed:
        return PASSED
    return _without(file, doomed, f"removed func {_names(doomed)}", "it holds only func main")


def no_redeclaration(file: GoFile, context: GateContext) -> Outcome:
    """A name that another file of the package declares is dropped from the draft.

    A test file loses its copies of the code under test (also of stated names whose
    implementation is not there yet), and methods on types that it lost.
    """
    taken = set(context.implementation_names)
    if context.is_test:
        taken |= context.api_names
        taken |= {found.name for other in context.other_test_files for found in declarations(other)}
    taken -= _REPEATABLE
    types = {name.split(".")[0] for name in taken}
    own_types = {found.name for found in declarations(file) if found.kind == "type"}
    lost = own_types & types if context.is_test else own_types & taken
    doomed = [
        found
        for found in declarations(file)
        if found.name in taken | lost or (found.kind == "method" and found.name.split(".")[0] in lost)
    ]
    if not doomed:
        return PASSED
    where = "the test must call the package's own" if context.is_test else "another file declares it"
    refusal = f"it only repeats {_names(doomed)}, which the package already has"
    return _without(file, doomed, f"removed the copy of {_names(doomed)}: {where}", refusal)


def declared_api(file: GoFile, context: GateContext) -> Outcome:
    """An implementation declares what the spec states, with its signatures.

    Where several files share a folder nobody says which declares what: then only what is
    declared has to match.
    """
    if context.is_test:
        return PASSED
    declared = {found.name: found for found in declarations(file)}
    wrong, line = [], 0
    for signature in context.api:
        stated = parse_signature(signature.text)
        if stated is None or (stated.name not in declared and not context.sole_implementation):
            continue
        complaint = mismatch(stated, file)
        if complaint:
            wrong.append(complaint)
            line = line or (declared[stated.name].line if stated.name in declared else 0)
    return rejected("; ".join(wrong), line) if wrong else PASSED


def _without(file: GoFile, doomed: list[Declaration], reason: str, refusal: str) -> Outcome:
    """The file without these declarations; refused if nothing is left."""
    names = {found.name for found in doomed}
    content = remove_declarations(file, names)
    if not declarations(parse(content)):
        return rejected(f"nothing is left of the file: {refusal}", doomed[0].line)
    return fixed(content, reason, doomed[0].line)


def _names(found: list[Declaration]) -> str:
    return ", ".join(dict.fromkeys(each.name for each in found))
