"""`guild.toml` as one frozen value, read once and passed down.

Everything has a default, so that no file is needed. A key that nobody knows is an error that
names file and key: a setting with a typo must not be ignored in silence. API keys are never in
the file: `api_key_env` names the environment variable that holds one.

    state_dir = "~/guild-state"

    [build]
    candidates = 5

    [models.big]
    base_url = "http://127.0.0.1:11434/v1"
    model = "qwen2.5-coder:14b"

    [[agents]]                      # changes the built-in go-dev
    role = "go-dev"
    fallback = ["big"]

    [[agents]]                      # adds one of somebody else's
    role = "go-review"
    entry = "my_package.review:GoReview"

Each field is described in `config_tables.py` and `model_table.py`; where the file is looked for, and where
state is kept, is in `places.py`.
"""

import os
import tomllib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from guildbus.agents.chat import ModelEntry
from guildbus.launch.config_tables import (
    OF_WHO_ASKS,
    AgentTable,
    BrokerTable,
    BuildTable,
    BusTable,
    LimitsTable,
    TelemetryTable,
)
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.model_table import DEFAULT_MODEL, KEY_NAMES, NO_KEY, ModelTable
from guildbus.launch.places import Host, cache_dir, find_config, state_dir
from guildbus.launch.tables import FilePath, Name, Table
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.draft import Author

ROLES = ("planner", "go-dev", "go-test", "gate-keeper", "verifier", "repair-router")
REFERENCE = "reference"
WITNESSING_ROLES = (REFERENCE, "oracle")
"""They run unless neither `[build] settle` nor `examine` asks for them."""
MODEL_KEYS = frozenset({"model", "fallback", "adapter"})
"""What an agent's line says of its models."""
LONGEST_SOCKET_PATH_BYTES = 100

_SHAPES = {
    "endpoint": "must be of the form 'ipc:///a/path' or 'tcp://host:port'; for telemetry 'http://host:4318'",
    "metrics": "must be of the form '127.0.0.1:9464'",
    "server_key": "must be a public key: 40 characters of Z85, as `guildbus keys list` shows it",
    "base_url": "must be an URL of the form 'http://127.0.0.1:8080/v1'",
    "api_key_env": "must be the name of an environment variable, never a key",
}


def default_models(host: Host) -> dict[str, ModelTable]:
    """One model, served by guildbus: MLX on Apple Silicon, llama.cpp elsewhere."""
    return {DEFAULT_MODEL: ModelTable(managed="mlx" if host.apple_silicon else "llama")}


def default_roster(*, witnesses: bool = True) -> tuple[AgentTable, ...]:
    """The built-in six, one process each, and the two that bring witnesses where those are asked for.

    A test is mended row by row, so go-test drafts one file.
    """
    fewer = {"go-test": 1}
    roles = (*ROLES, *WITNESSING_ROLES) if witnesses else ROLES
    return tuple(AgentTable(role=role, name=role, candidates=fewer.get(role)) for role in roles)


class GuildConfig(Table):
    """The whole configuration. Make it with `load_config`, which fills in what depends on the host."""

    state_dir: FilePath
    """Journals, runs, logs and sockets."""
    cache_dir: FilePath
    """Models and Go's build cache."""
    bus: BusTable = BusTable()
    """Where the broker listens, and the keys that TCP needs."""
    broker: BrokerTable = BrokerTable()
    """What the broker shows of itself."""
    telemetry: TelemetryTable = TelemetryTable()
    """Whether, and where to, spans and metrics are sent."""
    limits: LimitsTable = LimitsTable()
    """How patient the bus is, and how much it takes."""
    build: BuildTable = BuildTable()
    """Defaults of a build."""
    models: dict[Name, ModelTable] = Field(default_factory=dict)
    """The models that agents can use, by name."""
    agents: tuple[AgentTable, ...] = Field(default_factory=default_roster)
    """The roster: the built-in eight (or six) and what the file adds."""

    @model_validator(mode="after")
    def _names_fit(self) -> "GuildConfig":
        taken: set[str] = set()
        for agent in self.agents:
            if agent.name in taken:
                raise ValueError(f"two agents are called {agent.name!r}: give one another name")
            taken.add(agent.name)
            for model in agent.fleet:
                if model not in self.models:
                    hint = did_you_mean(model, self.models)
                    raise ValueError(f"the agent {agent.name!r} names the unknown model {model!r}{hint}")
        roles = {agent.role for agent in self.agents}
        for role in self.build.finishers:
            if role not in roles:
                hint = did_you_mean(role, roles)
                raise ValueError(
                    f"[build] finishers names the role {role!r}, which no agent plays{hint}: "
                    "add [[agents]] for it"
                )
        return self

    @model_validator(mode="after")
    def _has_effect(self) -> "GuildConfig":
        for agent in self.agents:
            vain = sorted(agent.model_fields_set & OF_WHO_ASKS)
            if vain and not agent.may_ask:
                raise ValueError(f"the agent {agent.name!r} asks no model: {vain[0]} is without effect there")
            if agent.adapter is not None and all(self.models[m].managed is None for m in agent.fleet):
                raise ValueError(
                    f"the agent {agent.name!r} has an adapter, and none of its models is managed: "
                    "load it at the endpoint, and name it there as a model"
                )
        return self

    @model_validator(mode="after")
    def _no_key_in_env(self) -> "GuildConfig":
        keys = {model.api_key_env for model in self.models.values() if model.api_key_env is not None}
        for agent in self.agents:
            if written := sorted(keys & agent.env.keys()):
                raise ValueError(
                    f"the agent {agent.name!r} has the API key {written[0]} in its env: a key is never in "
                    "this file; export it, and every agent has it"
                )
        return self

    @property
    def runtime_dir(self) -> Path:
        """Where sockets and locks are; `places.make_private` makes it."""
        return self.state_dir / "run"

    @property
    def keys_dir(self) -> Path:
        """The broker's key, the list of keys that may come in, and those of this machine's agents."""
        return self.state_dir / "keys"

    @property
    def endpoint(self) -> str:
        """Where the broker listens. ConfigError if the path is too long for a socket."""
        if self.bus.endpoint:
            return self.bus.endpoint
        path = self.runtime_dir / "bus.sock"
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH_BYTES:
            raise ConfigError(
                f"the path is too long for a socket: {LONGEST_SOCKET_PATH_BYTES} bytes at most",
                where=str(path),
                remedy="set state_dir, or GUILDBUS_STATE_DIR, to a shorter path",
            )
        return f"ipc://{path}"

    def agent(self, name: str) -> AgentTable:
        """One line of the roster; KeyError if there is none."""
        return {agent.name: agent for agent in self.agents}[name]

    @property
    def further_models(self) -> dict[str, int]:
        """How many models each author's fleet has beyond its first; of several fleets the shortest counts."""
        counts: dict[str, int] = {}
        for agent in self.agents:
            if agent.role in get_args(Author):
                beyond = len(agent.fallback)
                counts[agent.role] = min(beyond, counts.get(agent.role, beyond))
        return {role: count for role, count in counts.items() if count}

    def model_entries(self, agent: AgentTable) -> tuple[ModelEntry, ...]:
        """The models of an agent, in the order in which they are tried."""
        return tuple(self.models[name].entry(name) for name in agent.fleet)


def load_config(host: Host, asked: Path | None = None) -> GuildConfig:
    """The configuration of this host. ConfigError names the file and the key of every mistake."""
    path = find_config(host, asked)
    if path is None:
        return parse_config("", "(defaults)", host, host.cwd)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8 text", where=str(path)) from error
    return parse_config(text, str(path), host, path.parent)


def parse_config(text: str, where: str, host: Host, folder: Path) -> GuildConfig:
    """The configuration in TOML text; `folder` is what relative paths in it are relative to."""
    try:
        stated = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"the TOML is broken: {error}", where=where) from error
    context = {"home": host.home, "folder": folder}
    try:
        file = _File.model_validate(stated, context=context)
        values = {name: getattr(file, name) for name in file.model_fields_set}
        values["state_dir"] = state_dir(host, file.state_dir)
        values["cache_dir"] = cache_dir(host, file.cache_dir)
        values["models"] = default_models(host) | file.models
        values["agents"] = _roster(file.agents, witnesses=file.build.settle or file.build.examine)
        return GuildConfig.model_validate(values)
    except ValidationError as error:
        raise _config_error(error, where) from error


def with_finishers(config: GuildConfig, roles: Sequence[str]) -> GuildConfig:
    """The configuration with these finishers and no others; one that is not in the roster joins it.

    ConfigError for a role that is named twice, or is no name.
    """
    there = {agent.role for agent in config.agents}
    try:
        added = [AgentTable(role=role, name=role) for role in dict.fromkeys(roles) if role not in there]
        build = BuildTable.model_validate(config.build.model_dump() | {"finishers": tuple(roles)})
        values = {name: getattr(config, name) for name in GuildConfig.model_fields}
        return GuildConfig.model_validate(values | {"build": build, "agents": (*config.agents, *added)})
    except ValidationError as error:
        raise _config_error(error, "--finishers") from error


class _File(Table):
    """The file as it is written, before defaults that depend on the host."""

    state_dir: FilePath | None = None
    cache_dir: FilePath | None = None
    bus: BusTable = BusTable()
    broker: BrokerTable = BrokerTable()
    telemetry: TelemetryTable = TelemetryTable()
    limits: LimitsTable = LimitsTable()
    build: BuildTable = BuildTable()
    models: dict[Name, ModelTable] = Field(default_factory=dict)
    agents: tuple[AgentTable, ...] = ()


def _roster(stated: tuple[AgentTable, ...], *, witnesses: bool) -> tuple[AgentTable, ...]:
    """The built-in roster with the file's entries laid over it, and the new ones after it."""
    roster = {agent.name: agent for agent in default_roster(witnesses=witnesses)}
    added = []
    for entry in stated:
        name = entry.name or entry.role
        changes = {key: getattr(entry, key) for key in entry.model_fields_set} | {"name": name}
        if name in roster and roster[name].role == entry.role:
            roster[name] = roster[name].model_copy(update=changes)
        else:
            added.append(entry.model_copy(update={"name": name}))
    said = {key for entry in stated if entry.role == REFERENCE for key in entry.model_fields_set}
    _follow_developer(roster, said)
    return (*roster.values(), *added)


def _follow_developer(roster: dict[str, AgentTable], stated: AbstractSet[str]) -> None:
    """References are written by go-dev's models unless a file says otherwise: it need not name them twice."""
    if REFERENCE in roster and not stated & MODEL_KEYS:
        models = {key: getattr(roster["go-dev"], key) for key in MODEL_KEYS}
        roster[REFERENCE] = roster[REFERENCE].model_copy(update=models)


def _config_error(error: ValidationError, where: str) -> ConfigError:
    """One error for all mistakes: the first as `what` and `where`, the others on lines of their own."""
    lines = []
    for mistake in error.errors(include_url=False, include_input=False, include_context=False):
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"]).lstrip(
            "."
        )
        what = str(mistake["msg"]).removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            *above, last = mistake["loc"]
            what = f"unknown key {str(last)!r}{did_you_mean(str(last), _known_keys(above))}"
            if above[:1] == ["models"] and str(last).lower().replace("-", "_") in KEY_NAMES:
                what = NO_KEY
        elif mistake["type"] == "missing":
            what = "the key is missing"
        elif mistake["type"] == "string_pattern_mismatch":
            what = _SHAPES.get(str(mistake["loc"][-1]), "letters, digits, '.', '_' and '-' only, 64 at most")
        elif mistake["type"] in {"tuple_type", "model_type", "dict_type"}:
            what = "must be [[...]] entries" if mistake["type"] == "tuple_type" else "must be a table"
        lines.append((f"{where}: {key}" if key else where, what))
    (first_where, first), *others = lines
    return ConfigError(first + "".join(f"\n{place}: {what}" for place, what in others), where=first_where)


def _known_keys(location: list[int | str]) -> list[str]:
    """The keys of the table at a place such as `agents, 0`."""
    table: type[BaseModel] = _File
    for part in location:
        field = table.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if _is_table(kind)]
        table = inner[0] if inner else table
    return list(table.model_fields)


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Table)
