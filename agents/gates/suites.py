"""Gates on test files: the tests are there, they run, call the package and really assert.

Read `table.py` next.
"""

from guildbus.agents.gates.context import PASSED, GateContext, Outcome, fixed, rejected
from guildbus.agents.golang.assertions import Suite, TestSummary
from guildbus.agents.golang.comparisons import early_ends, empty_tables, self_comparisons
from guildbus.agents.golang.signatures import is_test_function, takes_testing
from guildbus.agents.golang.syntax import (
    Edit,
    GoFile,
    apply_edits,
    declarations,
    line_of,
    remove_declarations,
    text_of,
)


def suite_of(file: GoFile, context: GateContext) -> Suite:
    """The assertions of a draft, seen with the package's other test files."""
    return Suite(file, context.under_test(file), context.other_test_files)


def tests_present(file: GoFile, context: GateContext) -> Outcome:
    """Every expected TestXxx is there, and at least one; a near miss in spelling is renamed."""
    if not context.is_test:
        return PASSED
    found = {each.name: each for each in declarations(file) if is_test_function(each.node)}
    missing = [name for name in context.task.tests if name not in found]
    expected = set(context.task.tests)
    strays = [each for each in declarations(file) if takes_testing(each.node) and each.name not in expected]
    edits, renamed = [], []
    for name in missing:
        near = [each for each in strays if _plain(each.name) == _plain(name)]
        node = near[0].node.child_by_field_name("name") if len(near) == 1 else None
        if node is not None and near[0].kind == "func":
            edits.append(Edit(node.start_byte, node.end_byte, name))
            renamed.append(f"{near[0].name} became {name}")
    if edits:
        return fixed(apply_edits(file, edits), ", ".join(renamed))
    if missing:
        wanted = ", ".join(f"func {name}(t *testing.T)" for name in missing)
        return rejected(f"missing tests: write {wanted}")
    return PASSED if found else rejected("there is no test: write func TestXxx(t *testing.T)")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def tests_run(file: GoFile, context: GateContext) -> Outcome:
    """Nothing skips a test or ends the process."""
    for node, what in early_ends(file) if context.is_test else ():
        return rejected(f"{what} is not allowed in a test: let every test run to its end", line_of(node))
    return PASSED


def tests_can_fail(file: GoFile, context: GateContext) -> Outcome:
    """No value is compared with itself, and no table is empty."""
    if not context.is_test:
        return PASSED
    for node in self_comparisons(file):
        text = " ".join(text_of(node).split())
        return rejected(
            f"`{text}` compares a value with itself: compare it with a fixed value", line_of(node)
        )
    for loop in empty_tables(suite_of(file, context)):
        return rejected("the table of this loop has no rows, so nothing is tested: write rows", line_of(loop))
    return PASSED


def tests_call_package(file: GoFile, context: GateContext) -> Outcome:
    """Every TestXxx reaches the package's own code; unexpected tests that don't are dropped."""
    if not context.is_test:
        return PASSED
    tests = suite_of(file, context).tests()
    idle = [test for test in tests if not test.reaches_code]
    return _drop_or_refuse(file, context, idle, tests, "never calls the package's own code: call it")


def tests_assert(file: GoFile, context: GateContext) -> Outcome:
    """Every TestXxx can fail on what the code under test gives; unexpected ones that can't are dropped."""
    if not context.is_test:
        return PASSED
    tests = suite_of(file, context).tests()
    idle = [test for test in tests if not test.asserts]
    complaint = ""
    if idle and not idle[0].fails:
        complaint = "checks nothing: compare the result and call t.Errorf if it is wrong"
    elif idle:
        complaint = "checks nothing of the package: put the result of a call into the if before t.Errorf"
    return _drop_or_refuse(file, context, idle, tests, complaint)


def _drop_or_refuse(
    file: GoFile,
    context: GateContext,
    idle: list[TestSummary],
    tests: tuple[TestSummary, ...],
    complaint: str,
) -> Outcome:
    """Drop tests that check nothing, unless the plan expects them or none would be left.

    A test that cannot fail is no loss: dropping it weakens nothing.
    """
    if not idle:
        return PASSED
    expected = [test for test in idle if test.name in context.task.tests]
    if expected or len(idle) == len(tests):
        culprit = (expected or idle)[0]
        return rejected(f"{culprit.name} {complaint}", culprit.line)
    names = {test.name for test in idle}
    reason = f"dropped {', '.join(sorted(names))}: {complaint.split(':')[0]}"
    return fixed(remove_declarations(file, names), reason, idle[0].line)


def cases_kept(file: GoFile, context: GateContext) -> Outcome:
    """A test is never weakened: no fewer asserting cases than before."""
    if not context.is_test or not context.min_cases:
        return PASSED
    cases = count(file, context)
    if cases >= context.min_cases:
        return PASSED
    return rejected(f"only {cases} test cases, the file had {context.min_cases}: keep every case")


def count(file: GoFile, context: GateContext) -> int:
    """The asserting cases of a test file, 0 for an implementation."""
    return sum(test.cases for test in suite_of(file, context).tests()) if context.is_test else 0
