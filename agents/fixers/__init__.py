"""Deterministic fixers: mistakes that the Go toolchain names precisely, and that have one certain mending.

    complaint.py    what a fixer gets (a complaint with its place in the tree) and gives
    variables.py    unused variables and labels, `:=` against `=`
    conversions.py  widening conversions, max and min of integers, runes written as strings
    names.py        upper and lower case, the qualifier in an external test package
    functions.py    missing returns behind what never comes back, second copies of a declaration
    printing.py     what go vet says of format strings in tests
    table.py        the fixers in order, and `apply_fixers`

A gate judges a draft alone, before anything runs; a fixer answers a complaint about a whole tree. What is
certain and what is not: docs/adr/0020-certain-rewrites-only.md. Read `complaint.py` next.
"""
