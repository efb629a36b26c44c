"""Calls of a model: one request to an OpenAI-compatible endpoint, streamed.

Streaming is not for show: it lets a live view count tokens, and cancelling the task closes the
HTTP connection, so that the server stops computing an answer that nobody wants.

Whatever goes wrong at the endpoint comes out as one `ModelError` with a remedy, never as a
library's traceback. The error texts are in `guildbus.agents.model_errors`; the store that makes
sure that no completed call is paid twice is `guildbus.agents.completions`; who starts a server
is `guildbus.launch.model_servers`.
"""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from guildbus.agents.model_errors import SEE_LOG, ConnectionLost, endpoint_errors, place, unusable
from guildbus.agents.runaway import loop_start
from guildbus.protocols.errors import ModelError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

CONNECT_TIMEOUT_S = 5.0
PING_TIMEOUT_S = 10.0
STREAM_PAUSES_S = (0.5, 2.0)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REPETITION = "repetition"

OnTokens = Callable[[int], None]
"""Called with the tokens that have arrived so far (chunks, before the server's own count)."""

Answer = tuple[str, str, tuple[int, int]]
"""The text, the finish reason, and (prompt, completion) tokens."""


class ModelEntry(BaseModel):
    """One model of the roster, as the configuration gives it.

    `base_url` ends in `/v1`; None means that guildbus serves the model itself and sets the URL
    when its server runs (`served_at`). `api_key_env` names an environment variable: the key
    itself is read at the call, and is never stored, logged or put into an error.
    `timeout_s` bounds a whole call, waiting in the server's queue included. `extra` goes into
    the request's body as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str | None = None
    temperature: float = Field(default=0.2, ge=0, le=2)
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=2048, ge=1)
    stop: tuple[str, ...] = ()
    timeout_s: float = Field(default=600.0, gt=0)
    max_retries: int = Field(default=3, ge=0, le=10)
    extra: dict[str, Any] = {}

    @property
    def managed(self) -> bool:
        """Whether guildbus has to serve it."""
        return self.base_url is None

    def served_at(self, base_url: str) -> "ModelEntry":
        """The same model at a server that now runs."""
        return self.model_copy(update={"base_url": base_url})


class ChatMessage(BaseModel):
    """One message of a prompt; `role` is system, user or assistant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    content: str


class ChatRequest(BaseModel):
    """A prompt and how to sample; what is None is taken from the model's entry.

    `candidate_index` tells apart drafts that are asked for with the same prompt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    temperature: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    candidate_index: int = Field(default=0, ge=0)


class Completion(BaseModel):
    """What a model answered. `finish_reason` "length" means that the text is cut off, "repetition" that it
    was ended because it went round in circles.

    Token counts are the server's; one that counts nothing leaves `prompt_tokens` at 0 and
    `completion_tokens` at the number of chunks. `started_at` is seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    finish_reason: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    started_at: float
    wall_s: float = Field(ge=0)
    model: str
    key: str
    cached: bool = False


def sampling(entry: ModelEntry, request: ChatRequest) -> dict[str, Any]:
    """The parameters of a call: the request's own, then the entry's."""
    values: dict[str, Any] = {
        "temperature": entry.temperature if request.temperature is None else request.temperature,
        "top_p": entry.top_p,
        "max_tokens": entry.max_tokens if request.max_tokens is None else request.max_tokens,
    }
    stop = entry.stop if request.stop is None else request.stop
    if stop:
        values["stop"] = list(stop)
    if request.seed is not None:
        values["seed"] = request.seed
    return values


def completion_key(entry: ModelEntry, request: ChatRequest) -> str:
    """SHA-256, in hex, of all that decides an answer: model id, parameters, prompt, candidate.

    The URL is not part of it: the same model on another port gives the same answers.
    """
    content = {
        "model": entry.model,
        "parameters": {**sampling(entry, request), "extra": entry.extra},
        "messages": [[message.role, message.content] for message in request.messages],
        "candidate": request.candidate_index,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class ChatModel:
    """A model at an endpoint. One HTTP client, made at the first call; `aclose` it at the end."""

    def __init__(self, entry: ModelEntry, environ: Mapping[str, str] | None = None) -> None:
        self.entry = entry
        self._environ = os.environ if environ is None else environ
        self._client: AsyncOpenAI | None = None

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        """Ask once. 429, 5xx and lost connections are tried again, with growing pauses.

        Raises ModelError for an endpoint that is down, too slow, or answers nonsense.
        """
        started_at, start = time.time(), time.monotonic()
        client = self._connected()
        async with endpoint_errors(self.entry, self._key()), asyncio.timeout(self.entry.timeout_s):
            text, reason, usage = await self._answer(client, request, on_tokens)
        if not text.strip():
            raise unusable(self.entry, f"an answer without any text (finish_reason {reason!r})")
        return Completion(
            text=text,
            finish_reason=reason,
            prompt_tokens=usage[0],
            completion_tokens=usage[1],
            started_at=started_at,
            wall_s=time.monotonic() - start,
            model=self.entry.model,
            key=completion_key(self.entry, request),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _answer(
        self, client: "AsyncOpenAI", request: ChatRequest, on_tokens: OnTokens | None
    ) -> Answer:
        """The client itself tries again until an answer begins; here, when one breaks off."""
        for pause_s in STREAM_PAUSES_S[: self.entry.max_retries]:
            try:
                async with endpoint_errors(self.entry, self._key()):
                    return await self._stream(client, request, on_tokens)
            except ConnectionLost:
                await asyncio.sleep(pause_s)
        return await self._stream(client, request, on_tokens)

    async def _stream(
        self, client: "AsyncOpenAI", request: ChatRequest, on_tokens: OnTokens | None
    ) -> Answer:
        # The client's overloads list the words of one vendor; a prompt is a plain list here.
        create: Any = client.chat.completions.with_raw_response.create
        raw = await create(
            model=self.entry.model,
            messages=[message.model_dump() for message in request.messages],
            stream=True,
            stream_options={"include_usage": True},
            extra_body=self.entry.extra or None,
            **sampling(self.entry, request),
        )
        kind = raw.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            await raw.http_response.aclose()
            raise unusable(self.entry, f"{kind or 'no content type'} where an event stream was due")
        stream: AsyncStream[ChatCompletionChunk] = raw.parse()
        try:
            return await _collect(self.entry, stream, on_tokens)
        finally:
            await stream.close()

    def _key(self) -> str | None:
        return read_key(self.entry, self._environ)

    def _connected(self) -> "AsyncOpenAI":
        if self._client is None:
            self._client = open_client(self.entry, self._key(), self.entry.timeout_s)
        return self._client


async def _collect(
    entry: ModelEntry, stream: "AsyncStream[ChatCompletionChunk]", on_tokens: OnTokens | None
) -> Answer:
    pieces: list[str] = []
    reason, usage = "", (0, 0)
    async for chunk in stream:
        text, ended, counted = _read(entry, chunk)
        reason, usage = ended or reason, counted or usage
        if text:
            pieces.append(text)
            if on_tokens is not None:
                on_tokens(len(pieces))
            if "\n" in text and (cut := loop_start(so_far := "".join(pieces))) is not None:
                return so_far[:cut], REPETITION, (usage[0], usage[1] or len(pieces))
    if not reason:
        if pieces:
            raise ConnectionLost("the answer broke off in the middle", where=place(entry), remedy=SEE_LOG)
        raise unusable(entry, "a stream without a choice")
    return "".join(pieces), reason, (usage[0], usage[1] or len(pieces))


def _read(entry: ModelEntry, chunk: "ChatCompletionChunk") -> "tuple[str, str, tuple[int, int] | None]":
    """Text, finish reason and tokens of one chunk; it is typed, but holds whatever was sent."""
    try:
        counts = chunk.usage
        usage = (int(counts.prompt_tokens), int(counts.completion_tokens)) if counts else None
        for choice in chunk.choices or ():
            text = choice.delta.content if choice.delta else None
            return str(text or ""), str(choice.finish_reason or ""), usage
    except (AttributeError, TypeError, ValueError):
        raise unusable(entry, "a stream that is not one of chat completion chunks") from None
    return "", "", usage


def read_key(entry: ModelEntry, environ: Mapping[str, str]) -> str | None:
    """The API key, if the entry names one. Raises ModelError if the environment has none."""
    if entry.api_key_env is None:
        return None
    key = environ.get(entry.api_key_env, "")
    if not key:
        raise ModelError(
            f"the environment variable {entry.api_key_env} is not set",
            where=f"model {entry.name}",
            remedy=f"export {entry.api_key_env} with the endpoint's API key",
        )
    return key


def open_client(entry: ModelEntry, key: str | None, timeout_s: float) -> "AsyncOpenAI":
    """An `openai` client for this entry; ModelError if nothing serves the model yet."""
    if entry.base_url is None:
        raise ModelError(
            "the model has no server yet",
            where=f"model {entry.name}",
            remedy="start one with `guildbus models serve`, or give the entry a base_url",
        )
    import openai

    # A proxy of the environment is for the world, not for a server on this machine.
    trust_env = urlsplit(entry.base_url).hostname not in LOOPBACK
    timeout = openai.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
    return openai.AsyncOpenAI(
        api_key=key or "none",
        base_url=entry.base_url,
        timeout=timeout,
        max_retries=entry.max_retries,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=trust_env, timeout=timeout),
    )


async def ping(entry: ModelEntry, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The model ids that the endpoint lists at `/v1/models`.

    Raises ModelError if it is down or answers nonsense. One try, so that a person is told soon.
    """
    key = read_key(entry, os.environ if environ is None else environ)
    client = open_client(entry.model_copy(update={"max_retries": 0}), key, PING_TIMEOUT_S)
    try:
        async with endpoint_errors(entry, key), asyncio.timeout(PING_TIMEOUT_S):
            raw = await client.models.with_raw_response.list()
            listing = json.loads(raw.http_response.content)
    finally:
        await client.close()
    models = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(models, list):
        raise unusable(entry, "JSON that is no list of models")
    return tuple(str(model["id"]) for model in models if isinstance(model, dict) and "id" in model)
