"""Deterministic gates: what a draft must be before the toolchain spends time on it (design §5).

    context.py       what a gate may know, and what it answers
    package.py       syntax, package clause, directives, the package's own qualifier
    declarations.py  redeclared names, test functions in implementations, the stated API
    imports.py       unused, forbidden and missing imports
    suites.py        tests that are there, run, call the package and really assert
    table.py         the gates in order, and `run_gates`

Every gate is one pure function `(GoFile, GateContext) -> Outcome`. Read `context.py` next.
"""
