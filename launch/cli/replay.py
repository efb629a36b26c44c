"""`guildbus replay`."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guildbus.launch.cli.console import GREEN, RED, out, print_json
from guildbus.launch.cli.outcome import JsonOption, UnsafeOption, conclude, open_view, run_to_end
from guildbus.launch.cli.resuming import RunArgument
from guildbus.launch.cli.state import config_of
from guildbus.protocols.errors import UsageError

if TYPE_CHECKING:
    from guildbus.launch.config import GuildConfig
    from guildbus.launch.run_log import RunLog


def replay(
    ctx: typer.Context,
    run: RunArgument = "last",
    message: Annotated[
        str,
        typer.Option(
            "--from",
            help="Fork the run at this message: its seq, or a part of its id.",
            show_default=False,
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --from: what changes, such as model=big or go-dev.temperature=0.9."),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="With --from: where the package goes; out/<run> by default.")
    ] = None,
    as_json: JsonOption = False,
    unsafe_no_sandbox: UnsafeOption = False,
) -> None:
    """Run a recorded run again, offline, and compare; or, with --from, anew from one message on."""
    from guildbus.launch.attending import named_run, read_log
    from guildbus.launch.membership import swarm_registry

    config = config_of(ctx)
    log = read_log(config, named_run(config, run), swarm_registry(config))
    if message:
        _fork(config, log, message, settings or [], out_dir, as_json=as_json, unsafe=unsafe_no_sandbox)
    if settings or out_dir is not None:
        raise UsageError(
            "a replay changes nothing and writes nothing",
            where="--set" if settings else "--out",
            remedy="name with --from the message at which the run is to fork",
        )
    _rehearse(config, log, as_json=as_json, unsafe=unsafe_no_sandbox)


def _rehearse(config: "GuildConfig", log: "RunLog", *, as_json: bool, unsafe: bool) -> None:
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.replay import answering
    from guildbus.launch.replay.rehearsal import rehearse
    from guildbus.launch.run_log import Line

    console = out()

    def tell(line: Line, answers: int) -> None:
        if not as_json:
            name = line.envelope.type.rpartition(".v")[0]
            said = f"{answers or 'no'} answer{'s' * (answers > 1)}, as recorded"
            console.print(f"  {line.seq:>6}  {name:<24}{line.envelope.to or '':<16}{said}", markup=False)

    if not as_json:
        console.print(f"replaying {log.run}: {len(log.lines)} messages", markup=False)
    found = asyncio.run(rehearse(config, log, unsafe=unsafe, on_turn=tell))
    if as_json:
        print_json(answering.as_json(found, swarm_registry(config)))
    else:
        for text in answering.as_text(found):
            console.print(text, markup=False)
    raise typer.Exit(GREEN if found.difference is None else RED)


def _fork(
    config: "GuildConfig",
    log: "RunLog",
    message: str,
    settings: list[str],
    out_dir: Path | None,
    *,
    as_json: bool,
    unsafe: bool,
) -> None:
    started_at = time.time()
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.replay.branch import branch_at, read_settings
    from guildbus.launch.replay.forking import fork
    from guildbus.launch.swarm import process_names

    changes = read_settings(settings, config)
    branch = branch_at(log, message, changes)
    view = open_view(f"{branch.run}: {branch.title}", process_names(config), as_json=as_json)
    published: list[str] = []
    work = fork(
        changes,
        branch,
        out_dir or Path("out") / branch.run,
        view,
        swarm_registry(config),
        unsafe=unsafe,
        started_at=started_at,
        on_published=published.append,
    )
    conclude(run_to_end(work, view, published), as_json=as_json)
