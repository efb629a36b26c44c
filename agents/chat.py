"""What a model is asked, and what it answers: the entry, the request, the completion. Data, and no calls.

`ModelEntry` is one model of `guild.toml` as its callers see it. What decides an answer decides its key
(`completion_key`), and only that: how often a call may be tried again, or what it may cost, is not part of
it. The calls are in `guildbus.agents.models`.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_TEMPERATURE: Final = 0.2
DEFAULT_MAX_TOKENS: Final = 2048

OnTokens = Callable[[int], None]
"""Called with the tokens that have arrived so far (chunks, before the server's own count)."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Value):
    """What may be spent in one run: tokens (prompts and answers), seconds of model calls. None: no limit."""

    tokens: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)

    @property
    def limited(self) -> bool:
        """Whether there is anything to look after."""
        return self.tokens is not None or self.seconds is not None


class RateLimits(_Value):
    """What an endpoint takes from all processes of this state folder together. None: no limit."""

    parallel: int | None = Field(default=None, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)

    @property
    def limited(self) -> bool:
        """Whether there is anything to look after."""
        return (self.parallel, self.requests_per_minute, self.tokens_per_minute) != (None, None, None)


class ModelEntry(_Value):
    """One model of the roster, as the configuration gives it.

    `base_url` ends in `/v1`; None means that guildbus serves the model itself and sets the URL
    when its server runs (`served_at`). `api_key_env` names an environment variable: the key
    itself is read at the call, and is never stored, logged or put into an error. `extra` goes into
    the request's body as it is; `adapter` tells apart what one base answers with different adapters.

    `temperature` is that of a first candidate, `temperatures` those of all; with neither, and without
    `max_tokens`, whoever asks decides. `timeout_s` bounds a whole call, waiting in the server's queue
    and trying again included; `stall_timeout_s` is the longest silence once an answer has begun.

    `continues` says that its server goes on from a last message of the role assistant, and answers with what
    comes after it; `begun_extra` is what it must be told in the body of such a request.
    """

    name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    temperatures: tuple[float, ...] = ()
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: tuple[str, ...] = ()
    timeout_s: float = Field(default=600.0, gt=0)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    stall_timeout_s: float = Field(default=120.0, gt=0)
    max_retries: int = Field(default=3, ge=0, le=20)
    continues: bool = False
    begun_extra: dict[str, Any] = {}
    limits: RateLimits = RateLimits()
    budget: Budget = Budget()
    adapter: str = ""
    extra: dict[str, Any] = {}

    @property
    def managed(self) -> bool:
        """Whether guildbus has to serve it."""
        return self.base_url is None

    def served_at(self, base_url: str) -> "ModelEntry":
        """The same model at a server that now runs."""
        return self.model_copy(update={"base_url": base_url})


class ChatMessage(_Value):
    """One message of a prompt; `role` is system, user or assistant."""

    role: str
    content: str


class ChatRequest(_Value):
    """A prompt and how to sample; what is None is taken from the model's entry.

    A last message of the role assistant is the beginning of the answer, for a model that `continues`.
    `candidate_index` tells apart drafts that are asked for with the same prompt.
    """

    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    temperature: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    candidate_index: int = Field(default=0, ge=0)


class Completion(_Value):
    """What a model answered. `finish_reason` "length" means that the text is cut off, "repetition" that it
    was ended because it went round in circles.

    Token counts are the server's; one that counts nothing leaves `prompt_tokens` at 0 and
    `completion_tokens` at the number of chunks. `started_at` is seconds since the epoch; `wall_s` holds
    what the call waited, for its turn and before it was tried again.
    """

    text: str
    finish_reason: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    started_at: float
    wall_s: float = Field(ge=0)
    model: str
    key: str
    cached: bool = False

    @property
    def cut(self) -> bool:
        """Whether it was ended before the model had finished, maybe in the middle of a line."""
        return self.finish_reason in ("length", "repetition")


def extra_body(entry: ModelEntry, request: ChatRequest) -> dict[str, Any]:
    """What goes into the body of a call beside the prompt and its sampling."""
    begun = request.messages[-1].role == "assistant"
    return entry.extra | entry.begun_extra if begun else entry.extra


def sampling(entry: ModelEntry, request: ChatRequest) -> dict[str, Any]:
    """The parameters of a call: the request's own, then the entry's, then the defaults."""
    values: dict[str, Any] = {
        "temperature": _first(request.temperature, entry.temperature, DEFAULT_TEMPERATURE),
        "top_p": entry.top_p,
        "max_tokens": _first(request.max_tokens, entry.max_tokens, DEFAULT_MAX_TOKENS),
    }
    stop = entry.stop if request.stop is None else request.stop
    if stop:
        values["stop"] = list(stop)
    if request.seed is not None:
        values["seed"] = request.seed
    return values


def completion_key(entry: ModelEntry, request: ChatRequest) -> str:
    """SHA-256, in hex, of all that decides an answer: model id, adapter, parameters, prompt, candidate.

    The URL is not part of it: the same model on another port gives the same answers.
    """
    content = {
        "model": entry.model,
        "parameters": {**sampling(entry, request), "extra": entry.extra},
        "messages": [[message.role, message.content] for message in request.messages],
        "candidate": request.candidate_index,
    }
    if entry.adapter:
        content["adapter"] = entry.adapter
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
