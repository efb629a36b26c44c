"""`guildbus up`, `down`, `status`."""

import asyncio
from typing import Annotated, Any

import typer
from rich.table import Table

from guildbus.launch.cli.console import GREEN, RED, out, print_json
from guildbus.launch.cli.outcome import UnsafeOption
from guildbus.launch.cli.state import Settings, config_of


def up(ctx: typer.Context, unsafe_no_sandbox: UnsafeOption = False) -> None:
    """Start the swarm in the background; builds use it until `guildbus down`."""
    from guildbus.launch.background import start_in_background

    settings: Settings = ctx.find_root().obj
    record = start_in_background(config_of(ctx), settings.asked, unsafe=unsafe_no_sandbox)
    out().print(f"the swarm is up: {len(record['processes'])} processes, pid {record['pid']}")


def down(ctx: typer.Context) -> None:
    """Stop the swarm that `guildbus up` started."""
    from guildbus.launch.background import stop_in_background

    stopped = stop_in_background(config_of(ctx))
    out().print("the swarm is down" if stopped else "no swarm was up")


def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """What runs: broker, agents with their processes, queues, model. Exit code 1 if nothing does."""
    from guildbus.launch.status import read_status

    found = asyncio.run(read_status(config_of(ctx)))
    if as_json:
        print_json(found)
    elif found["broker"] is None:
        out().print("no swarm is running: `guildbus up` starts one, `guildbus build SPEC` brings its own")
    else:
        _print_status(found)
    raise typer.Exit(GREEN if found["broker"] is not None else RED)


def _print_status(found: dict[str, Any]) -> None:
    console = out()
    broker = found["broker"]
    console.print(f"broker  pid {broker['pid']}  up {broker['up_s']:.0f} s  {broker['endpoint']}")
    if broker["refused"]:
        counts = ", ".join(f"{code} {count}" for code, count in sorted(broker["refused"].items()))
        console.print(f"refused {counts}")
    journal = broker["journal"]
    if journal.get("state") == "read-only":
        console.print(f"journal read-only: {journal['reason']}", markup=False)
    if journal.get("damaged"):
        console.print(f"journal {journal['damaged']} damaged places: see the broker's log", markup=False)
    agents = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "role", "pid", "state", "run", "credits"):
        agents.add_column(column)
    for agent in found["agents"]:
        agents.add_row(
            agent["name"],
            agent["role"],
            str(agent["pid"] or "-"),
            agent["state"],
            agent["run"] or "-",
            str(agent["credits"]),
        )
    console.print(agents)
    queues = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("queue", "ready", "leased", "dead"):
        queues.add_column(column)
    for queue in found["queues"]:
        queues.add_row(queue["role"], str(queue["ready"]), str(queue["leased"]), str(queue["dead"]))
    console.print(queues)
    for name, model in found["model"].items():
        console.print(f"model   {name}  {model['url']}  pid {model['pid'] or '-'}")
