"""What one agent process is told at its start: a JSON file that `launch` writes and `main.py` reads."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from guildbus.agents.chat import Budget, ModelEntry


class TelemetrySettings(BaseModel):
    """Where spans and metrics go: `endpoint` is a collector's base URL; '' leaves it to OTEL_* variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = ""


class AgentSettings(BaseModel):
    """Who the agent is, where the bus is, and what it may use.

    `server_key` (the broker's public key) and `client_key` (a file) are for an endpoint on TCP.
    `entry` names a class (`module:Class`) for a role that is not built in. `models` are tried in order.
    `candidates` bounds what a request asks for; None leaves it. `temperature` goes before what prompts and
    models say for a first candidate, `temperatures` for all. `budget` is what it may spend on one run.
    `messages` names the swarm's message types that are not ours (`module:Class`, see `vocabulary.py`).
    `offline` are the keys of the stored completions that may be used; with it no endpoint is ever asked.
    `patience` multiplies the time that a measurement may take, which decides nothing. `telemetry` says where
    spans and metrics go; None tells nothing, and imports nothing for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    entry: str = ""
    endpoint: str
    server_key: str = ""
    client_key: Path | None = None
    journal: Path
    state_dir: Path
    cache_dir: Path
    models: tuple[ModelEntry, ...] = ()
    candidates: int | None = None
    temperature: float | None = None
    temperatures: tuple[float, ...] = ()
    budget: Budget = Budget()
    parallel_calls: int = 2
    unsafe_no_sandbox: bool = False
    messages: tuple[str, ...] = ()
    offline: frozenset[str] | None = None
    patience: float = 1.0
    telemetry: TelemetrySettings | None = None
