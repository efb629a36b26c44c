"""Who speaks: the agents, and what they need to think.

    agent.py        an agent is a class with a role and typed handlers
    context.py      what a handler is given: the run so far, time, a voice; tools.py: models, the sandbox
    runtime.py      HELLO, leases, validation, time limits, acknowledgements
    main.py         one agent process
    roster.py       which class plays which role
    contracts.py    whether the classes of a swarm fit together; vocabulary.py: the types that they speak

    planner.py      spec -> plan -> drafts, stage by stage; closes the run
    go_dev.py       writes implementation files     } specialist.py is what they share;
    go_test.py      writes test files               } prompting.py makes their prompts, begun.py a
                                                    } reply's beginning
    gate_keeper.py  deterministic gates             gates/ holds them, one a function
    verifier.py     build, vet, test in a sandbox   judging.py, selection.py, sandbox
    repair_router.py  routes repairs, stops honestly  ladder.py is its pure mind
                                                    (rungs.py, convicting.py, disputing.py)

    finishing.py    who is asked to improve what is green    edits.py: what an edit may not do
    prompt_files.py, said_of.py     for finishers and other agents of somebody else's

A handler's answer is a function of the journal's prefix that ends with its message: no agent keeps
state of its own, so any of them can die at any time. Read `agent.py` next.
"""
