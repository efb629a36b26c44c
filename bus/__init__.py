"""How messages travel: a broker in a process of its own, and the clients that talk to it.

    events.py     what happens to the broker, and what it does about it: plain data
    queues.py     pure: one queue a role; who gets the next message
    timers.py     pure: leases, delays and deadlines that run out
    routing.py    pure: event in, actions out; the clock is passed in
    notices.py    pure: who subscribes to what, and what they are told
    journal.py    the SQLite write-ahead journal: the only durable state
    records.py    its schema and checksums
    opening.py    it is checked before anything builds on it; wal.py, integrity.py and salvage.py belong to it
    restoring.py  the open messages, by pages
    retention.py  old runs are let go of
    broker.py     the edge: one ZeroMQ socket, one loop, group commit
    main.py       its process: options, signals, the line that says it is ready
    listening.py  its ear; speaking.py is its mouth
    standstill.py what it does while the disk refuses
    outbox.py     the edge: what a turn has to say, by peer, in as few ZeroMQ messages as can be
    late_log.py   a process's log, imported when there is first something to say; log_bridge.py belongs to it
    locks.py      a lock that its holder removes, and that a crash leaves open
    interface.py  the bus as agents see it (a Protocol), the same for every transport
    session.py    pure: the client's side of the conversation (resend, reconnect)
    line.py       the edge: a client's socket and session, shared by its event loop and a beating thread
    client.py     the edge: the ZeroMQ client, an asyncio face on a line
    memory.py     the same bus without sockets or files; also the test double
    tail.py       reading the journal from outside: histories, traces, following
    lifeline.py   a child ends when its parent is gone

The promises are in docs/protocol.md and ../docs/architecture.md. Read `routing.py` next.
"""
