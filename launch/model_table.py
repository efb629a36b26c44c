"""`[models.NAME]` of `guild.toml`: where a model is, how it is asked, and what it may be asked for.

An API key has no place in it: the file is read by many and copied about. `api_key_env` names the variable of
the environment that holds the key, and whatever looks like a key written down is refused, without being
repeated.
"""

from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from guildbus.agents.chat import Budget, ModelEntry, RateLimits
from guildbus.launch.tables import FilePath, Table, Temperature

DEFAULT_MODEL = "default"
LLAMA_MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
MLX_MODEL = "mlx-community/Qwen2.5-Coder-7B-Instruct-4bit"
CONTINUE: Final = {"continue_final_message": True, "add_generation_prompt": False}
"""What vLLM and SGLang must be told to go on from a begun reply; llama.cpp's server needs no telling."""
RETRIES = 3
MANAGED_RETRIES = 6
"""A server of our own that died is started again, and loads its model: half a minute of patience."""

KEY_NAMES: Final = frozenset(
    {"api_key", "apikey", "key", "token", "api_token", "secret", "password", "authorization"}
)
"""What people call the key that they would write down."""
NO_KEY: Final = (
    "an API key is never written into this file: export it, and name its variable with api_key_env "
    "(draw a new key if this file was ever shared)"
)


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
    """The managed server's port on 127.0.0.1, the next ones for further adapters; 0 takes free ones."""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the API key."""
    temperature: Temperature | None = None
    """The sampling temperature of a first candidate; None leaves it to the agent."""
    temperatures: tuple[Temperature, ...] = ()
    """A ladder of temperatures, one a candidate and a refused try; beyond its end all but the first again."""
    max_tokens: int | None = Field(default=None, ge=16, le=131_072)
    """The longest answer; None leaves it to the agent. One that is cut off looks like a syntax error."""
    continues: bool | None = None
    """Whether its server goes on from a begun reply; None: managed 'llama' does, others do not."""
    timeout_s: float = Field(default=600.0, gt=0, le=86_400)
    """Seconds that one call may take, waiting in the server's queue and trying again included."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=600)
    """Seconds until the endpoint must have taken a connection."""
    stall_timeout_s: float = Field(default=120.0, gt=0, le=86_400)
    """Seconds of silence, once an answer has begun, after which it is given up and asked for again."""
    max_retries: int | None = Field(default=None, ge=0, le=20)
    """How often a call is tried again after what may pass; None is 3, and 6 for a managed server."""
    parallel: int | None = Field(default=None, ge=1, le=1024)
    """Calls at once, of all agents together; None sets no limit."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Calls in any minute, of all agents together, tries included; None sets no limit."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens in any minute, prompts and answers, of all agents together; None sets no limit."""
    budget_tokens: int | None = Field(default=None, ge=1)
    """Tokens, prompts and answers, that one run may spend on it; None sets no limit."""
    budget_seconds: float | None = Field(default=None, gt=0)
    """Seconds that one run's calls of it may take together; None sets no limit."""

    @field_validator("base_url")
    @classmethod
    def _no_key_in_url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "must be an address alone, such as 'http://127.0.0.1:8080/v1': no user, password or ?query; "
                "a key comes from the environment, by api_key_env"
            )
        return url

    @model_validator(mode="after")
    def _one_place(self) -> "ModelTable":
        if (self.base_url is None) == (self.managed is None):
            raise ValueError("give either base_url (an endpoint) or managed ('llama' or 'mlx')")
        if self.base_url is not None and not self.model:
            raise ValueError("a model at an endpoint needs its name there: set model")
        if self.base_url is not None and self.adapter is not None:
            raise ValueError("adapter is for managed models: an endpoint loads its own")
        if self.base_url is not None and self.port:
            raise ValueError("port is for managed models: an endpoint's is part of base_url")
        if self.managed is not None and self.api_key_env is not None:
            raise ValueError("api_key_env is for endpoints: a managed server asks for no key")
        if self.temperature is not None and self.temperatures:
            raise ValueError("give temperature (of a first candidate) or temperatures (of all), not both")
        return self

    def entry(self, name: str) -> ModelEntry:
        """What the agents need to call it; a managed one gets its URL when its server runs."""
        llama = self.managed == "llama"
        continues = llama if self.continues is None else self.continues
        retries = MANAGED_RETRIES if self.managed is not None else RETRIES
        return ModelEntry(
            name=name,
            model=self.model or (MLX_MODEL if self.managed == "mlx" else LLAMA_MODEL),
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            temperature=self.temperature,
            temperatures=self.temperatures,
            max_tokens=self.max_tokens,
            continues=continues,
            begun_extra=CONTINUE if continues and not llama else {},
            timeout_s=self.timeout_s,
            connect_timeout_s=self.connect_timeout_s,
            stall_timeout_s=self.stall_timeout_s,
            max_retries=retries if self.max_retries is None else self.max_retries,
            limits=RateLimits(
                parallel=self.parallel,
                requests_per_minute=self.requests_per_minute,
                tokens_per_minute=self.tokens_per_minute,
            ),
            budget=Budget(tokens=self.budget_tokens, seconds=self.budget_seconds),
        )
