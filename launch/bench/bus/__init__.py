"""`guildbus bench bus`: what a message costs on this bus and on others, side by side in one run.

Every arm is three processes: a server, a side that asks and a side that answers. An agent is one connection
of a side. All arms carry the same bodies in the same pattern: a request to one agent, its answer back.

    load.py        what is asked of an arm, what it measured, medians over repeats: plain data
    sides.py       the interfaces of an arm's two client sides, and the loops that drive them
    forwarder.py   the bare ROUTER forwarder, with the thinnest clients
    thin.py        this bus, with clients as thin as the forwarder's: docs/protocol.md and nothing else
    shipped.py     this bus, with the client that agents use
    nats.py        NATS request/reply
    jetstream.py   JetStream: stored with `sync_interval: always`, pulled and acked
    autogen.py     AutoGen's gRPC runtime
    arms.py        the table of arms
    process.py     the main of every process of an arm, and the parent's end of it
    depth.py       what a message costs when a million others wait
    running.py     the whole run, interleaved
    report.py      ratios, tables, docs/performance.md
    plot.py        the picture

Read `sides.py` next.
"""
