"""A swarm: which processes it is made of, where they meet, and the record that others find it by.

`child_specs` is pure: a configuration in, command lines out. `RunningSwarm` starts them under the
supervisor and keeps `run/swarm.json` true while they live: `status`, `down` and a second `build` read it.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from guildbus.agents.contracts import subscriptions
from guildbus.agents.roster import BUILT_IN, emitted_types
from guildbus.agents.settings import AgentSettings
from guildbus.bus.locks import lock_of
from guildbus.bus.permissions import ANY_TYPE, OPERATOR
from guildbus.launch.access import is_tcp, key_files
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.membership import UNDERTAKER, checked_members, message_names
from guildbus.launch.places import make_private
from guildbus.launch.process import ChildSpec
from guildbus.launch.serving import Fleet, Served
from guildbus.launch.supervisor import ChildStatus, Supervisor
from guildbus.launch.telemetry import telemetry_settings

BROKER = "broker"
AGENT_MODULES = (
    "guildbus.agents.main",
    "guildbus.agents.runtime",
    "guildbus.bus.client",
    "guildbus.protocols.registry",
    *(entry.partition(":")[0] for entry in BUILT_IN.values()),
)
"""What an agent process needs before it can say HELLO."""
TELEMETRY_MODULES = ("guildbus.agents.telemetry.observed", "guildbus.agents.telemetry.provider")
"""What it needs besides where telemetry is on: imported once, they cost what one agent would pay."""
Owner = Literal["build", "resume", "cancel", "replay", "up", "program"]
"""The command that started a swarm, or a program of somebody's own that did."""


@dataclass(frozen=True, slots=True)
class SwarmPaths:
    """Where a configuration keeps what its swarm shares."""

    state_dir: Path

    @property
    def journal(self) -> Path:
        """The broker's journal."""
        return self.state_dir / "journal.db"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.state_dir / "logs"

    @property
    def settings(self) -> Path:
        """One settings file an agent."""
        return self.state_dir / "run" / "agents"

    @property
    def record(self) -> Path:
        """What runs now."""
        return self.state_dir / "run" / "swarm.json"


def place_lock(config: GuildConfig) -> Path:
    """The lock that whoever runs a swarm on this state folder holds."""
    return config.runtime_dir / "swarm.lock"


def traces_of(config: GuildConfig) -> dict[Path, tuple[Path, ...]]:
    """What a swarm that was killed leaves in the state folder, by the lock that guards it."""
    paths = SwarmPaths(config.state_dir)
    traces: dict[Path, tuple[Path, ...]] = {lock_of(paths.journal): (), place_lock(config): (paths.record,)}
    if config.endpoint.startswith("ipc://"):
        socket = Path(config.endpoint.removeprefix("ipc://"))
        traces[lock_of(socket)] = (socket,)
    return traces


def replica_names(agent: AgentTable) -> tuple[str, ...]:
    """The process names of one line of the roster: its name, or name-1, name-2 ..."""
    if agent.replicas == 1:
        return (agent.name,)
    return tuple(f"{agent.name}-{number}" for number in range(1, agent.replicas + 1))


def process_names(config: GuildConfig) -> tuple[str, ...]:
    """The names of all agent processes of a roster."""
    return tuple(name for agent in config.agents for name in replica_names(agent))


def agent_settings(
    config: GuildConfig,
    agent: AgentTable,
    name: str,
    fleet: Fleet,
    *,
    unsafe: bool,
    messages: tuple[str, ...] = (),
) -> AgentSettings:
    """What one agent process is told. `fleet` are its models, each at a URL that answers.

    `messages` are the types beside ours, as `membership.message_names` has them.
    """
    paths = SwarmPaths(config.state_dir)
    server_key, client_key = key_files(config, agent.name) or ("", None)
    return AgentSettings(
        name=name,
        role=agent.role,
        entry=agent.entry,
        endpoint=config.endpoint,
        server_key=server_key,
        client_key=client_key,
        journal=paths.journal,
        state_dir=config.state_dir,
        cache_dir=config.cache_dir,
        models=fleet,
        candidates=agent.candidates,
        temperature=agent.temperature,
        temperatures=agent.temperatures,
        budget=agent.budget,
        unsafe_no_sandbox=unsafe,
        messages=messages,
        telemetry=telemetry_settings(config.telemetry, os.environ),
    )


def permissions(config: GuildConfig) -> dict[str, list[str]]:
    """{role: the types that it may publish}, for the broker. ConfigError for a class that is not there."""
    table: dict[str, set[str]] = {OPERATOR: {ANY_TYPE}}
    for agent in config.agents:
        table.setdefault(agent.role, set()).update(emitted_types(agent.role, agent.entry))
    return {role: sorted(types) for role, types in table.items()}


def child_specs(
    config: GuildConfig, *, only_run: str | None = None, crew: Collection[str] | None = None
) -> list[ChildSpec]:
    """The broker first, then all agents at once.

    With `only_run` the broker leaves the open messages of other runs in the journal. `crew` are the roles to
    start; None starts the whole roster. A build does not depend on its finishers, nor does its swarm.
    ConfigError for a class that is not there, or could not work here.
    """
    heard = [one for one in checked_members(config) if crew is None or one.role in crew]
    paths = SwarmPaths(config.state_dir)
    limits = asdict(config.limits.for_broker()) | {"undertaker": UNDERTAKER, "only_run": only_run}
    python = (sys.executable, "-P", "-m")
    told = telemetry_settings(config.telemetry, os.environ) is not None
    broker = ChildSpec(
        name=BROKER,
        argv=(
            *python,
            "guildbus.bus.main",
            "--endpoint",
            config.endpoint,
            "--journal",
            str(paths.journal),
            "--limits",
            json.dumps(limits),
            "--keep-days",
            str(config.limits.keep_days),
            "--max-bytes",
            str(config.limits.max_message_bytes),
            "--max-connections",
            str(config.limits.max_connections),
            *(("--keys", str(config.keys_dir)) if is_tcp(config.endpoint) else ()),
            *(("--metrics", config.broker.metrics) if config.broker.metrics else ()),
            "--permissions",
            json.dumps(permissions(config)),
            "--subscriptions",
            json.dumps(subscriptions(heard)),
        ),
        log_path=paths.logs / f"{BROKER}.log",
        preload=("guildbus.bus.main",),
    )
    agents = [
        ChildSpec(
            name=name,
            argv=(*python, "guildbus.agents.main", "--settings", str(paths.settings / f"{name}.json")),
            log_path=paths.logs / f"{name}.log",
            env=agent.env,
            ready_timeout_s=30.0,
            stage=1,
            critical=agent.role not in config.build.finishers,
            preload=AGENT_MODULES + TELEMETRY_MODULES * told,
        )
        for agent in config.agents
        if crew is None or agent.role in crew
        for name in replica_names(agent)
    ]
    return [broker, *agents]


class RunningSwarm:
    """A swarm under this process. `served` are the models that run; `owner` says who started it.

    `only_run` and `crew` are those of `child_specs`.
    """

    def __init__(
        self,
        config: GuildConfig,
        served: Served,
        *,
        owner: Owner,
        unsafe: bool = False,
        only_run: str | None = None,
        crew: Collection[str] | None = None,
        on_event: Callable[[ChildStatus], None] = lambda status: None,
    ) -> None:
        self.config = config
        self._served = served
        self._owner = owner
        self._unsafe = unsafe
        self._only_run = only_run
        self._whole = crew is None
        self._paths = SwarmPaths(config.state_dir)
        self._on_event = on_event
        self._started_at = time.time()
        self._ready = False
        specs = child_specs(config, only_run=only_run, crew=crew)
        self._supervisor = Supervisor(specs, traces=traces_of(config), on_event=self._heard)

    async def start(self) -> None:
        """Start all processes. Raises InfrastructureError, and then nothing is left running."""
        make_private(self.config.state_dir)
        make_private(self.config.runtime_dir)
        self._paths.logs.mkdir(exist_ok=True)
        self._paths.settings.mkdir(exist_ok=True)
        messages = message_names(self.config)
        for agent in self.config.agents:
            for name in replica_names(agent):
                fleet = self._served.fleets.get(agent.name, ())
                settings = agent_settings(
                    self.config, agent, name, fleet, unsafe=self._unsafe, messages=messages
                )
                path = self._paths.settings / f"{name}.json"
                path.write_text(settings.model_dump_json(indent=1), encoding="utf-8")
        try:
            await self._supervisor.start()
        except BaseException:
            await self.stop()
            raise
        self._ready = True
        self._write_record()

    async def wait(self) -> None:
        """Return when the swarm was stopped; InfrastructureError if it cannot go on."""
        await self._supervisor.wait()

    async def stop(self) -> None:
        """Stop all processes, and forget the record."""
        await self._supervisor.stop()
        if (record := read_record(self.config)) is None or record["pid"] == os.getpid():
            self._paths.record.unlink(missing_ok=True)

    def _heard(self, status: ChildStatus) -> None:
        if self._ready:
            self._write_record()
        self._on_event(status)

    def _write_record(self) -> None:
        record = {
            "pid": os.getpid(),
            "owner": self._owner,
            "only_run": self._only_run,
            "whole": self._whole,
            "endpoint": self.config.endpoint,
            "journal": str(self._paths.journal),
            "started_at": self._started_at,
            "models": self._served.urls,
            "processes": [
                {
                    "name": s.name,
                    "pid": s.pid,
                    "phase": str(s.phase),
                    "since": s.since,
                    "restarts": s.restarts,
                }
                for s in self._supervisor.statuses()
            ],
        }
        replace_file(self._paths.record, json.dumps(record, indent=1))


def read_record(config: GuildConfig) -> dict[str, Any] | None:
    """The record of the swarm that runs on this state folder; None if none does."""
    try:
        record: dict[str, Any] = json.loads(SwarmPaths(config.state_dir).record.read_text(encoding="utf-8"))
        owner = psutil.Process(record["pid"])
        if owner.create_time() > record["started_at"] + 1 or owner.status() == psutil.STATUS_ZOMBIE:
            return None
    except (FileNotFoundError, psutil.NoSuchProcess, ValueError, KeyError):
        return None
    return record


def owner_of(record: dict[str, Any]) -> str:
    """Who started the swarm of this record, for people."""
    return "a program" if record["owner"] == "program" else f"`guildbus {record['owner']}`"


def serves(record: dict[str, Any], run: str, requested_at: float | None) -> bool:
    """Whether the swarm of this record works for a run; `requested_at` is None for one that is to come.

    A broker that keeps to one run takes every message that is published to it; what it parks are the runs
    that it finds in the journal when it starts.
    """
    if not record.get("whole", True):
        return False
    if requested_at is None or record.get("only_run") in (None, run):
        return True
    broker: dict[str, Any] = next(one for one in record["processes"] if one["name"] == BROKER)
    return bool(requested_at >= broker["since"])


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name, path)
