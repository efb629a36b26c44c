"""How it starts: the command line, configuration, processes, and what a person sees.

    cli/             one module a group of commands; `app.py` puts them together
    config.py        guild.toml, read once
    specfile.py      YAML -> Spec, every mistake with its line; spec_meaning.py finds those of the whole
    swarm.py         which processes make a swarm, and where they meet
    membership.py    whose classes are in it beside ours, and the message types of all its processes
    supervisor.py    starts, watches, restarts and stops them (supervision.py decides)
    process.py       one child; nursery.py forks those that are ours (forking.py asks it to)
    warden.py        what outlives a swarm, and leaves nothing of it behind
    model_files.py   the embedded model: where it comes from, its hash
    model_servers.py the managed model server
    api.py           guildbus.Swarm, which the commands stand on (asked.py: what it is given; results.py)
    building.py      one build, from spec to files on disk (attending.py; bystanders.py: who is waited for)
    live.py          the live view in the terminal; ui/ the one in the browser
    report.py        what a build reports, from its messages
    run_log.py       a run as the journal has it; run_list.py lists all runs
    tracing.py       a run as a causal tree; handling.py, about.py and filtering.py belong to it
    live_trace.py    the same as it happens; message_view.py opens one message
    exports/         Mermaid, Perfetto, OTLP, one HTML file
    log_view.py      what the processes have logged
    agent_lookup.py  agents by what a person calls them; scaffold.py writes a package for a new one
    conformance/     whether an agent keeps the promises that the bus builds on
    reference/       the pages of docs/reference, made from the code
    dead_letters.py  what nobody could handle, and what became of it (requeueing.py says so to a swarm)

Read `api.py` next, then `building.py`.
"""
