"""The tables of `guild.toml`, a line for each field: limits, build, agents.

They only know what a value may be; defaults that depend on the machine, and how the file's
entries are laid over the built-in ones, are in `config.py`. Models have a file of their own,
`model_table.py`.
"""

from pydantic import Field, model_validator

from guildbus.agents.chat import Budget
from guildbus.agents.roster import BUILT_IN
from guildbus.bus.state import Limits
from guildbus.launch.model_table import DEFAULT_MODEL
from guildbus.launch.tables import FilePath, Name, Table, Temperature
from guildbus.protocols.messages.build import FINISHER_SECONDS, BuildOptions

ASKING_ROLES = ("go-dev", "go-test", "reference")
"""The built-in roles that ask a model."""
OF_WHO_ASKS = frozenset(
    ("model", "fallback", "adapter", "temperature", "temperatures", "budget_tokens", "budget_seconds")
)
"""What would be without effect in the line of an agent that asks none."""


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
    examine: bool = True
    """Whether independent references are written, and implementations and tests held to what they settle."""
    settle: bool = True
    """Without `examine`: whether references settle a test that still fails after its author's next turn."""
    teeth_seconds: float = Field(default=20.0, ge=0, le=3600)
    """Seconds that measuring a green's suite by mutants may take; 0 leaves it out."""
    teeth: float = Field(default=0.8, ge=0, le=1)
    """The mutation score below which settled cases become new rows of the suite; 0 adds none."""
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
    """The models that it turns to, in this order: the first cannot answer, or is spent, or mends nothing."""
    adapter: FilePath | None = None
    """A LoRA adapter of its own, on top of its managed model."""
    candidates: int | None = Field(default=None, ge=1, le=16)
    """The most drafts that it makes at once; None leaves it to the build."""
    temperature: Temperature | None = None
    """The sampling temperature of its first candidate; None leaves it to the model, and that to the agent."""
    temperatures: tuple[Temperature, ...] = ()
    """A ladder of temperatures, one a candidate and a refused try; beyond its end all but the first again."""
    budget_tokens: int | None = Field(default=None, ge=1)
    """Tokens, prompts and answers, that it may spend in one run; None sets no limit."""
    budget_seconds: float | None = Field(default=None, gt=0)
    """Seconds that its calls of one run may take together; None sets no limit."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables that its process gets on top."""

    @model_validator(mode="after")
    def _one_ladder(self) -> "AgentTable":
        if self.temperature is not None and self.temperatures:
            raise ValueError("give temperature (of a first candidate) or temperatures (of all), not both")
        return self

    @property
    def may_ask(self) -> bool:
        """Whether it is given models: our specialists are, and whoever is not ours."""
        return self.role in ASKING_ROLES or bool(self.entry) or self.role not in BUILT_IN

    @property
    def budget(self) -> Budget:
        """What it may spend in one run."""
        return Budget(tokens=self.budget_tokens, seconds=self.budget_seconds)

    @property
    def fleet(self) -> tuple[str, ...]:
        """Its models, in the order in which they are tried."""
        return (self.model, *self.fallback)
