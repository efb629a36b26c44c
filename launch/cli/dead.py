"""`guildbus dead list`, `show`, `requeue`, `drop`: what nobody could handle, and what to do about it."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.looking import JsonOption
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.bus.records import Damaged
    from guildbus.launch.dead_letters import DeadLetter

app = typer.Typer(no_args_is_help=True, help="Messages that nobody could handle.")

LettersArgument = Annotated[list[str], typer.Argument(help="Ids of dead letters, or the start of one.")]


@app.command("list")
def list_letters(
    ctx: typer.Context,
    show_all: Annotated[bool, typer.Option("--all", help="Also those requeued or dropped.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The dead letters, oldest first."""
    letters, damaged = _read(ctx)
    shown = [letter for letter in letters if show_all or letter.fate == "dead"]
    if as_json:
        print_json([_summary(letter) for letter in shown])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (
        "id",
        "run",
        "type",
        "queue",
        "attempts",
        "died",
        "code",
        *(["state"] if show_all else []),
    ):
        table.add_column(column)
    for letter in shown:
        one = _summary(letter)
        died = one["died_at"][:19].replace("T", " ")
        cells = [one["id"], one["run"], one["type"], one["queue"], str(one["attempts"]), died, one["code"]]
        table.add_row(*cells, *([one["state"]] if show_all else []))
    out().print(table if shown else "no dead letters")
    for record in damaged:
        out().print(f"not listed: {record}", markup=False)


@app.command("show")
def show_letter(
    ctx: typer.Context,
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="A dead letter's id, or the start of one.")],
    as_json: JsonOption = False,
) -> None:
    """One dead letter: why each attempt failed, its envelope, its body."""
    from guildbus.launch.dead_letters import find_letter

    letter = find_letter(_read(ctx)[0], letter_id)
    told = _summary(letter) | {
        "failures": [_failure(attempt) for attempt in letter.failures],
        "envelope": letter.envelope.to_header(),
        "body": _body(letter),
    }
    if as_json:
        print_json(told)
        return
    console = out()
    console.print(f"{told['type']} to {told['queue']}, run {told['run']}: {told['state']}", markup=False)
    for failure in told["failures"]:
        head = f"attempt {failure['attempt']}  {failure['at'][:19].replace('T', ' ')}"
        console.print(f"  {head}  {failure['agent'] or '-'}  {failure['code']}", markup=False)
        console.print(f"    {failure['reason']}", markup=False)
    if told["copies"]:
        console.print(f"requeued as {', '.join(told['copies'])}", markup=False)
    for name in ("envelope", "body"):
        console.print(f"{name}:", markup=False)
        console.print_json(data=told[name])


@app.command("requeue")
def requeue_letters(ctx: typer.Context, letters: LettersArgument, as_json: JsonOption = False) -> None:
    """Send dead letters once more to the swarm that is up; their runs go on."""
    from guildbus.launch.requeueing import requeue

    found = _named(ctx, letters)
    copies = asyncio.run(requeue(config_of(ctx), found))
    if as_json:
        pairs = zip(found, copies, strict=True)
        print_json([{"id": one.id, "copy": copy.id, "run": copy.subject} for one, copy in pairs])
        return
    for copy in copies:
        out().print(
            f"requeued as {copy.id}: `guildbus trace {copy.subject}` shows what becomes of it", markup=False
        )


@app.command("drop")
def drop_letters(
    ctx: typer.Context,
    letters: LettersArgument,
    reason: Annotated[str, typer.Option(help="Why, for those who read the trace.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let dead letters rest: they are listed no more."""
    from guildbus.launch.requeueing import drop

    found = _named(ctx, letters)
    asyncio.run(drop(config_of(ctx), found, reason))
    if as_json:
        print_json([{"id": letter.id, "run": letter.envelope.subject} for letter in found])
        return
    for letter in found:
        out().print(f"dropped {letter.id}", markup=False)


def _read(ctx: typer.Context) -> "tuple[list[DeadLetter], list[Damaged]]":
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.requeueing import read_letters
    from guildbus.launch.swarm import SwarmPaths

    return read_letters(SwarmPaths(config_of(ctx).state_dir).journal, swarm_registry(config_of(ctx)))


def _named(ctx: typer.Context, wanted: list[str]) -> "list[DeadLetter]":
    from guildbus.launch.dead_letters import find_letter

    known, _ = _read(ctx)
    return list({letter.id: letter for letter in (find_letter(known, one) for one in wanted)}.values())


def _summary(letter: "DeadLetter") -> dict[str, Any]:
    from guildbus.protocols.envelope import format_time

    death = letter.death
    return {
        "id": letter.id,
        "run": letter.envelope.subject,
        "type": letter.envelope.type,
        "queue": letter.envelope.to or "",
        "state": letter.fate,
        "attempts": death.attempt if death is not None else 0,
        "died_at": format_time(death.at) if death is not None else "",
        "code": death.code if death is not None else "",
        "reason": death.reason if death is not None else "",
        "copies": list(letter.copies),
    }


def _failure(attempt: Any) -> dict[str, Any]:
    from guildbus.protocols.envelope import format_time

    return {
        "attempt": attempt.attempt,
        "at": format_time(attempt.at),
        "agent": attempt.agent,
        "code": attempt.code,
        "reason": attempt.reason,
    }


def _body(letter: "DeadLetter") -> Any:
    """The body as plain data. A body that nobody can read may be why it died, and is shown as its error."""
    from guildbus.protocols.codec import unpack_map
    from guildbus.protocols.errors import InvalidBody

    try:
        fields = unpack_map(letter.packet.body, where=letter.envelope.type)
    except InvalidBody as error:
        return {"unreadable": str(error), "bytes": len(letter.packet.body)}
    return json.loads(json.dumps(fields, default=repr))  # a strange body may hold what JSON has no word for
