"""The tables of `guild.toml`, a line for each field: limits, build, models, agents.

They only know what a value may be; defaults that depend on the machine, and how the file's
entries are laid over the built-in ones, are in `config.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from guildbus.agents.models import ModelEntry
from guildbus.bus.state import Limits
from guildbus.protocols.messages.build import FINISHER_SECONDS, BuildOptions

DEFAULT_MODEL = "default"
LLAMA_MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
MLX_MODEL = "mlx-community/Qwen2.5-Coder-7B-Instruct-4bit"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _from_here(path: Path, info: ValidationInfo) -> Path:
    """Paths in the file are relative to its folder, and `~` is the user's home."""
    base: Mapping[str, Path] = info.context or {}
    if path.parts[:1] == ("~",):
        return base.get("home", Path("~")).joinpath(*path.parts[1:])
    return base.get("folder", Path()) / path


FilePath = Annotated[Path, AfterValidator(_from_here)]


class Table(BaseModel):
    """One table of the file: frozen, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BusTable(Table):
    """`[bus]`: where the broker listens. `bus = "ipc:///a/path"` alone is short for its endpoint."""

    endpoint: str = Field(default="", pattern=r"^$|^ipc:///.+|^tcp://[A-Za-z0-9._-]+:[0-9]{1,5}$")
    """`ipc:///a/path` in a folder of yours alone, or `tcp://host:port`; empty: in the state folder."""
    server_key: str = Field(default="", pattern=r"^$|^[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}$")
    """TCP: the broker's public key; empty is that in the state folder, where the broker runs here."""
    client_key: FilePath | None = None
    """TCP: the key file of all agents and commands here; without it each has its own in the state folder."""

    @model_validator(mode="before")
    @classmethod
    def _endpoint_alone(cls, stated: object) -> object:
        return {"endpoint": stated} if isinstance(stated, str) else stated


class BrokerTable(Table):
    """`[broker]`: what the broker shows of itself."""

    metrics: str = Field(default="", pattern=r"^$|^[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}$")
    """`127.0.0.1:9464`: where it serves Prometheus metrics at /metrics; empty: nowhere."""


class TelemetryTable(Table):
    """`[telemetry]`: OpenTelemetry over OTLP/HTTP. The standard OTEL_* variables go before it."""

    enabled: bool | None = None
    """Unset: if `endpoint` or OTEL_EXPORTER_OTLP_ENDPOINT is set. It needs the extra `otel`."""
    endpoint: str = Field(default="", pattern=r"^$|^https?://.+")
    """The collector, such as `http://127.0.0.1:4318`; empty: what OTEL_EXPORTER_OTLP_ENDPOINT says."""


class LimitsTable(Table):
    """`[limits]`: how patient the bus is, and how much it takes."""

    lease_s: float = Field(default=30.0, gt=0, le=3600)
    """Seconds that an agent may hold a message without renewing its lease."""
    heartbeat_s: float = Field(default=2.0, gt=0, le=60)
    """Seconds between two signs of life of an agent."""
    silent_s: float = Field(default=10.0, gt=0, le=600)
    """Seconds of silence after which an agent counts as dead."""
    max_attempts: int = Field(default=5, ge=1, le=100)
    """Deliveries of one message before it is a dead letter."""
    max_message_bytes: int = Field(default=8 * 2**20, ge=64 * 2**10, le=2**30)
    """The largest message that the broker takes."""
    queue_bound: int = Field(default=100_000, ge=1)
    """Messages that one role's queue holds before publishers are told to wait."""
    max_connections: int = Field(default=256, ge=8, le=65_536)
    """Connections that the broker keeps open at once."""
    keep_days: float = Field(default=30.0, ge=0.01, le=36_500)
    """Days that a run stays in the journal after its last event, and its messages' ids as long again."""

    @model_validator(mode="after")
    def _patient_enough(self) -> "LimitsTable":
        if self.silent_s <= self.heartbeat_s:
            raise ValueError("silent_s must be longer than heartbeat_s, or every agent counts as dead")
        return self

    def for_broker(self) -> Limits:
        """The routing's part of them."""
        return Limits(
            lease_s=self.lease_s,
            heartbeat_s=self.heartbeat_s,
            silent_s=self.silent_s,
            max_attempts=self.max_attempts,
            queue_bound=self.queue_bound,
        )


class BuildTable(Table):
    """`[build]`: defaults of `guildbus build`; the command line goes before them."""

    candidates: int = Field(default=BuildOptions().candidates, ge=1, le=16)
    """Drafts that are asked for at once."""
    max_rounds: int = Field(default=BuildOptions().max_rounds, ge=1, le=50)
    """Repairs before an honest stop."""
    max_seconds: float | None = Field(default=None, ge=0.1)
    """Seconds that a build may take, from the command's start; None sets no limit."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens, prompts and answers, that its model calls may cost; None sets no limit."""
    examine: bool = False
    """Whether independent references are written, and implementations and tests held to what they settle."""
    settle: bool = True
    """Whether references are written for a failing row that a vote did not mend, to settle it."""
    teeth_seconds: float = Field(default=20.0, ge=0, le=3600)
    """Seconds that measuring a green's suite by mutants may take; 0 leaves it out."""
    finishers: tuple[Name, ...] = ()
    """The roles that are asked, in this order, to improve a green package."""
    finisher_seconds: float = Field(default=FINISHER_SECONDS, ge=1, le=3600)
    """Seconds that each of them may take, the judging of its edit included."""

    @model_validator(mode="after")
    def _each_once(self) -> "BuildTable":
        twice = [role for role in self.finishers if self.finishers.count(role) > 1]
        if twice:
            raise ValueError(f"finishers names {twice[0]!r} twice: each is asked once")
        return self


class ModelTable(Table):
    """`[models.NAME]`: a model, either at an endpoint (`base_url`) or served by guildbus (`managed`)."""

    model: str = Field(default="", max_length=512)
    """The name that the endpoint knows, or the model to serve; empty is the embedded default."""
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """An OpenAI-compatible endpoint, up to and with `/v1`."""
    managed: Literal["llama", "mlx"] | None = None
    """The server that guildbus starts and supervises for it."""
    adapter: FilePath | None = None
    """A LoRA adapter that the managed server loads on top of the model."""
    port: int = Field(default=0, ge=0, le=65535)
    """The managed server's port on 127.0.0.1; 0 takes a free one."""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the API key."""
    temperature: float = Field(default=0.2, ge=0, le=2)
    """The sampling temperature of a first candidate."""
    max_tokens: int = Field(default=2048, ge=16, le=131_072)
    """The longest answer; one that is cut off looks like a syntax error."""
    timeout_s: float = Field(default=600.0, gt=0, le=86_400)
    """Seconds that one call may take, waiting in the server's queue included."""

    @model_validator(mode="after")
    def _one_place(self) -> "ModelTable":
        if (self.base_url is None) == (self.managed is None):
            raise ValueError("give either base_url (an endpoint) or managed ('llama' or 'mlx')")
        if self.base_url is not None and not self.model:
            raise ValueError("a model at an endpoint needs its name there: set model")
        if self.base_url is not None and self.adapter is not None:
            raise ValueError("adapter is for managed models: an endpoint loads its own")
        return self

    def entry(self, name: str) -> ModelEntry:
        """What the agents need to call it; a managed one gets its URL when its server runs."""
        return ModelEntry(
            name=name,
            model=self.model or (MLX_MODEL if self.managed == "mlx" else LLAMA_MODEL),
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            timeout_s=self.timeout_s,
        )


class AgentTable(Table):
    """`[[agents]]`: one line of the roster. An entry with a built-in's name changes only what it states."""

    role: Name
    """The role whose messages it takes."""
    name: Name = ""
    """The agent's own name; empty is its role."""
    entry: str = Field(default="", max_length=256)
    """An entry point of the group `guildbus.agents`, or `module:Class`; empty is the role's entry point."""
    replicas: int = Field(default=1, ge=1, le=64)
    """Processes of it."""
    model: Name = DEFAULT_MODEL
    """The model that it uses, a name of `[models]`."""
    fallback: tuple[Name, ...] = ()
    """The models that it turns to when the first does not get further, in this order."""
    adapter: FilePath | None = None
    """A LoRA adapter of its own, on top of its managed model."""
    candidates: int | None = Field(default=None, ge=1, le=16)
    """The most drafts that it makes at once; None leaves it to the build."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Its sampling temperature; None leaves it to the model."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables that its process gets on top."""

    @property
    def fleet(self) -> tuple[str, ...]:
        """Its models, in the order in which they are tried."""
        return (self.model, *self.fallback)
