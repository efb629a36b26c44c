"""Carrying a small Python program over into Go, by rules and without a model.

A small model writes Python that is right more often than Go that is. When the code of a build is convicted
and a program agrees with the verdict, that program is carried over and proposed like any other candidate: it
has to pass the gates, build, pass the tests and give what the other witnesses give. A program that uses what
the rules do not know is left to go-dev ([ADR
0054](../../docs/adr/0054-a-right-program-is-carried-over.md)).

    program.py       functions and classes: the way in
    routines.py      what can be called, and how Go declares it
    variables.py     where a variable is declared, and of what type
    statements.py    statements, of them
    assignments.py   those that assign
    expressions.py   expressions: names, parts, and what the others are made of
    operators.py     arithmetic, `and` and `or`, comparisons
    displays.py      lists, dicts and texts written out, comprehensions
    loops.py         what a `for` goes over
    calls.py         calls of the program's own functions, and of what Python brings along:
    functions.py     built-in functions
    methods.py       the methods of strings, lists, dicts and sets
    types.py         the types, and from one to another
    helpers.py       the Go that stands beside it

Read `program.py` first.
"""
