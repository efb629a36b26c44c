"""Go source as data: read and edited on syntax trees, never by pattern.

The way of understanding, a file a step:

    syntax.py      source -> tree, its first syntax error, its top-level declarations, edits by byte range
    scopes.py      each identifier -> the local declaration that it means, or none
    imports.py     what is imported, which package qualifiers are used, edits that add and remove imports
    signatures.py  declarations compared with what a spec states, modulo parameter names
    api.py         the exported face of a file, without any function body
    flow.py        which values of a test derive from the code under test
    assertions.py  what the tests of a file really check; how many cases they have
    comparisons.py checks that can never fail: x != x, an empty table, t.Skip
    stubs.py       a function emptied, to see whether a suite notices
    source.py      a file function by function, for agents of somebody else's
    toolchain.py   the real go and gofmt, the only part that runs processes

All but the last are pure functions. Read `syntax.py` next.
"""
