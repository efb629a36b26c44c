"""The web view of a guild: runs, messages, files, evidence, the swarm, dead letters (docs/ui.md).

    serving.py       the socket, the token, uvicorn; what `guildbus ui` calls
    security.py      who is answered: this machine, this token, this page
    app.py           the routes, put together
    asking.py        what the page asks for; acting.py: what it does
    feed.py          a run as server-sent events, from the journal's tail
    reading.py       the journal, read in a thread for the views
    pulse.py         the swarm and the list of runs, kept fresh for all pages at once
    starting.py      builds that were started here, each a process of its own
    vitals.py        a run in one line, folded message by message
    views_*.py       a run's messages in, JSON out. Pure
    static/          the page: plain modules and style sheets, no build step

Read `app.py` next.
"""
