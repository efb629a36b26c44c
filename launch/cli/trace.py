"""`guildbus trace`: a run as a tree, live, opened at one message, or in another program's format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guildbus.bus.tail import JournalReader
    from guildbus.launch.filtering import Wanted
    from guildbus.launch.tracing import Row
    from guildbus.protocols.registry import Registry

STYLES = {"": "", "good": "green", "bad": "red", "dim": "dim"}
FORMATS = "text, json, mermaid, perfetto, otlp, html"


def trace(
    ctx: typer.Context,
    run: Annotated[str | None, typer.Argument(help="A run's name, a part of it, or `last`.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Each message as it comes, until the run has ended.")
    ] = False,
    message: Annotated[
        str, typer.Option(help="Open one message: its number in the trace, or the start of its id.")
    ] = "",
    contexts: Annotated[bool, typer.Option("--contexts", help="What each model call's prompt held.")] = False,
    agent: Annotated[str, typer.Option(help="Only what this agent sent, took or handled.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Only this type; `draft.*` is a pattern.")] = "",
    file: Annotated[str, typer.Option(help="Only what is about this file.")] = "",
    number: Annotated[int | None, typer.Option("--round", help="Only this round, from 0.")] = None,
    form: Annotated[str, typer.Option("--format", help=FORMATS)] = "text",
    target: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
) -> None:
    """Every message of a run as a causal tree, with times, tokens and verdicts."""
    from guildbus.bus.tail import JournalReader
    from guildbus.launch.filtering import Wanted
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.run_log import find_run
    from guildbus.launch.swarm import SwarmPaths

    wanted = Wanted(agent, kind, file, number)
    _check(form, follow=follow, message=message, contexts=contexts, target=target)
    config = config_of(ctx)
    registry = swarm_registry(config)
    reader = JournalReader(SwarmPaths(config.state_dir).journal)
    try:
        if message:
            _open_message(reader, registry, message, None if run is None else find_run(reader, run), form)
        elif follow:
            _follow(reader, registry, find_run(reader, run or "last"), wanted, form)
        else:
            name = find_run(reader, run or "last")
            _show(reader, registry, name, wanted, form, target, contexts=contexts)
    finally:
        reader.close()


def _check(form: str, *, follow: bool, message: str, contexts: bool, target: Path | None) -> None:
    from guildbus.protocols.errors import UsageError

    if form not in FORMATS.split(", "):
        raise UsageError(f"unknown format {form!r}", where="--format", remedy=FORMATS)
    if (follow or message) and form not in ("text", "json"):
        asked = "--follow" if follow else "--message"
        raise UsageError(f"{asked} cannot be given as {form}", where="--format", remedy="text or json")
    if contexts and form != "text":
        raise UsageError(
            "--contexts is text", where="--format", remedy="the manifests are in `--format json` too"
        )
    if target is not None and (follow or message or contexts):
        raise UsageError(
            "only a whole run goes to a file", where="--out", remedy="redirect the output with >"
        )


def _show(
    reader: "JournalReader",
    registry: "Registry",
    run: str,
    wanted: "Wanted",
    form: str,
    target: Path | None,
    *,
    contexts: bool,
) -> None:
    from guildbus.launch import exports, tracing
    from guildbus.launch.filtering import filtered
    from guildbus.launch.run_log import read_run

    log = read_run(reader, run, registry)
    if form == "text" and target is None:
        out().print(f"run {log.run}: {len(log.lines)} messages", markup=False)
        if contexts:
            _print(tracing.Row(line) for line in tracing.contexts(filtered(log, wanted)))
        else:
            _print(tracing.tree_rows(log, wanted))
        return
    if form == "text":
        text = "".join(f"{line}\n" for line in tracing.render_tree(log, wanted))
    else:
        text = exports.rendered(filtered(log, wanted), form)
    _write(text, target)


def _write(text: str, target: Path | None) -> None:
    import sys

    from guildbus.protocols.errors import UsageError

    if target is None:
        sys.stdout.write(text)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=str(target), remedy="name another file for --out"
        ) from error
    out().print(f"{target}: {len(text.encode())} bytes", markup=False)


def _print(rows: "Iterable[Row]") -> None:
    from guildbus.launch.printable import printable

    console = out()
    for row in rows:
        console.print(printable(row.text), markup=False, style=STYLES[row.look])


def _follow(reader: "JournalReader", registry: "Registry", run: str, wanted: "Wanted", form: str) -> None:
    import json
    import sys

    from guildbus.launch.live_trace import Follower, followed
    from guildbus.launch.tracing import line_as_json

    for line, row in followed(reader, run, registry, Follower(wanted)):
        if form == "text":
            _print([row])
        elif line is not None:
            sys.stdout.write(json.dumps(line_as_json(line), ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _open_message(
    reader: "JournalReader", registry: "Registry", wanted: str, run: str | None, form: str
) -> None:
    from guildbus.launch.message_view import message_view
    from guildbus.launch.run_log import find_message, read_run
    from guildbus.launch.tracing import line_as_json

    found = find_message(reader, wanted, run)
    log = read_run(reader, found.packet.envelope.subject, registry)
    if form == "json":
        print_json(line_as_json(next(line for line in log.lines if line.seq == found.seq)))
        return
    from rich.padding import Padding
    from rich.syntax import Syntax

    from guildbus.launch.message_view import plain
    from guildbus.launch.printable import printable

    console = out()
    for passage in message_view(log, found.seq):
        if console.is_terminal and passage.language not in ("", "text"):
            code = Syntax(
                printable(passage.text), passage.language, background_color="default", word_wrap=True
            )
            console.print(Padding(code, (0, 0, 0, passage.indent + 2)))
            continue
        for text in plain(iter([passage])):
            console.print(printable(text), markup=False)
