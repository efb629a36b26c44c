"""Teeth: the mutation score of a test suite. A green suite that kills no mutant proves nothing.

    mutants.py       a mutant; all of a file, and a sample that is even over functions (pure)
    expressions.py   the operators on expressions: arithmetic, conditions, constants, slices (pure)
    statements.py    the operators on statements: returns, deletions, break and continue (pure)
    schema.py        all mutants in one program, chosen by an environment variable (pure)
    equivalence.py   which mutants a compiler's listing can prove equivalent (pure)
    script.py        what runs in the sandbox, and what it printed (pure)
    workspace.py     the folder that the sandbox sees: the module, its variants, the script
    measuring.py     find, build, run and count: the edge, and the place to start reading
    telling.py       in what mutants differ from the code, as tests see it: another edge
    shown.py         a mutant as a small diff, a measurement as a message
    in_build.py      the same at the end of a build, bounded and harmless

A mutant is *killed* if a test fails, panics or does not come to an end; it *survived* if every test that can
reach it passes. One whose compiled package is identical to the original's is *equivalent*, one that the
compiler refuses is *not compiled*; neither counts. The score is killed / (killed + survived).
"""
