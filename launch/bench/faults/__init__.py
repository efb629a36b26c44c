"""The fault suite: the bus is broken on purpose, and an independent reader says what its journal kept.

    scenario.py      what a scenario is, and what it reports
    runner.py        all of them in order; report.py shows and writes the figures
    arena.py         one broker, its agents and a customer in a folder of their own
    zygote.py        forks the processes that are to be killed; children.py is the bench's end of it
    hosting.py       the broker as a child, with the faults that a process can suffer inside
    workload.py      an agent that does a piece of work and says so
    reader.py        the judge: reads the journal with SQLite, zlib and msgpack, and imports nothing of ours

    and one file a scenario

Every scenario asks for the same zeros. A message that was confirmed and has no final outcome, or none of its
effects, is *lost*; a second effect is *double*; whatever does not end in its bounded time *hangs*; what
came from nobody who may speak, or arrived damaged and passed for good, was *let in*.
"""
