"""`guildbus keys`: who may come in when the bus listens on TCP."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.launch.config import GuildConfig

app = typer.Typer(no_args_is_help=True, help="The keys of a bus on TCP: who may come in, as what.")

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Line = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A key's name, its roles, and the agents that may use it."""


@app.command("new")
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The key's name: an agent's, or `operator`.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role that it opens; the agent's own.")] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="An agent that may use it, `*` and `?` allowed; NAME and NAME-*.")
    ] = None,
    public: Annotated[str, typer.Option(help="The public half of a pair that was made elsewhere.")] = "",
    roster: Annotated[
        bool, typer.Option("--roster", help="One for each agent of the roster and the operator, if missing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a key and let it in; a broker that runs takes it up within a second."""
    from guildbus.bus.keys import Keyring
    from guildbus.protocols.errors import UsageError

    config = config_of(ctx)
    keyring = Keyring(config.keys_dir)
    if roster == bool(name) or (roster and (role or agent or public)):
        raise UsageError("give either a name or --roster, and options only with a name", where="keys new")
    if roster:
        keyring.prepare()
        present = {key.name for key in keyring.allowed()[0].values()}
        wanted = [line for line in roster_lines(config) if line[0] not in present]
    else:
        (_, own_roles, own_agents) = _line_for(config, name)
        wanted = [(name, tuple(role or own_roles), tuple(agent or own_agents))]
    made: list[dict[str, Any]] = []
    for key_name, roles, agents in wanted:
        key, path = keyring.new(key_name, roles, agents, public)
        made.append({"name": key.name, "public": key.public, "file": None if path is None else str(path)})
    if as_json:
        print_json({"server_key": keyring.server_key(), "new": made})
        return
    for one in made:
        place = f"  {one['file']}" if one["file"] else ""
        typer.echo(f"{one['name']}  {one['public']}{place}")
    typer.echo(f"server_key  {keyring.server_key()}")


@app.command("list")
def list_keys(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """The broker's public key, and every key that may come in: its roles and agents."""
    from guildbus.bus.keys import Keyring
    from guildbus.protocols.errors import ConfigError

    keyring = Keyring(config_of(ctx).keys_dir)
    found, mistakes = keyring.allowed()
    if mistakes:
        raise ConfigError("\n".join(mistakes), where=str(keyring.allowed_path), remedy="mend or remove it")
    rows: list[dict[str, Any]] = [
        {"name": key.name, "public": key.public, "roles": list(key.roles), "agents": list(key.agents)}
        for key in found.values()
    ]
    server_key = keyring.server_key() if keyring.path_of("server").exists() else None
    if as_json:
        print_json({"server_key": server_key, "keys": rows})
        return
    if server_key is None:
        out().print("no keys yet: `guildbus keys new --roster` makes them")
        return
    typer.echo(f"server_key  {server_key}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("key", "roles", "agents", "public"):
        table.add_column(column, no_wrap=column == "public")
    for row in rows:
        table.add_row(row["name"], ", ".join(row["roles"]), ", ".join(row["agents"]), _plain(row["public"]))
    out().print(table)


@app.command("revoke")
def revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Take a key off the list. Whoever is connected with it is cut off within a second."""
    from guildbus.bus.keys import Keyring

    key = Keyring(config_of(ctx).keys_dir).revoke(name)
    typer.echo(f"revoked {key.name}  {key.public}")


def roster_lines(config: "GuildConfig") -> list[Line]:
    """What keys the roster and the command line need."""
    from guildbus.bus.permissions import OPERATOR

    agents: list[Line] = [(a.name, (a.role,), (a.name, f"{a.name}-*")) for a in config.agents]
    return [*agents, (OPERATOR, (OPERATOR,), ("cli-*",))]


def _line_for(config: "GuildConfig", name: str) -> Line:
    """The roster's line of this name; the role of the same name for what is not in the roster."""
    lines = {line[0]: line for line in roster_lines(config)}
    return lines.get(name, (name, (name,), (name, f"{name}-*")))


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)
