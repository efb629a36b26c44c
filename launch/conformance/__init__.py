"""The conformance kit: whether an agent keeps the promises that the bus builds on, tried in ten ways.

    findings.py      what a check says: what is wrong, where, what to do
    subject.py       the agent on trial, the histories that it is tried with, and the kit's limits
    histories.py     a run's messages, recorded by `guildbus trace --format json` or made up
    making_up.py     a message from the fields of its class
    outcomes.py      what came of one delivery, and where two of them differ
    bench.py         what a check works with
    telling.py       a history in envelopes, as a journal has it
    stage.py         one instance of the agent, driven by the real runtime
    stage_bus.py     the bus, model and sandbox that it talks to there
    memory_stage.py  the agent on the in-memory bus
    loop_watch.py    how long the event loop was held, and by which line
    checks.py        six checks that compare outcomes
    hardships.py     three that make things hard: the real routing, withdrawals, parts that fail
    fresh.py         answers from fresh processes (`repeat.py` is what runs there)
    schema.py        the agent's own message types against their recorded form
    recording.py     writes that form down
    finishing.py     a green package, for the tests of a finisher
    playing.py       an agent on the in-memory bus, for its author's own tests
    kit.py           all of them in order, and a report

Authors see it as `guildbus.testing`, and as `guildbus agents check`. docs/conformance.md says what each check
means. Read `kit.py` next.
"""
