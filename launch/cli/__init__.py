"""The command line: typer commands, thin over `launch/api.py` and the rest of `launch`.

    app.py       the commands put together, and errors turned into exit codes
    console.py   printing: text for people, JSON for scripts
    build.py     build, plan, score
    resuming.py  resume, cancel
    outcome.py   what those share: view, Ctrl-C, result
    swarm.py     up, down, status
    looking.py   runs, trace
    ui.py        ui
    dead.py      dead list, show, requeue, drop
    models.py    models list, pull, serve
    bench.py     bench faults, bus
    agents.py    agents list, new, check
    guild.py     protocols export, doctor

Exit codes (design §8): 0 green or done, 1 honest red, 2 bad usage or bad spec, 3 infrastructure,
130 interrupted.
"""

import sys


def main() -> None:
    """The `guildbus` command. Its imports are in here, so that Ctrl-C is heeded from the first moment."""
    try:
        from guildbus.launch.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
