"""Calls of a model: one request to an OpenAI-compatible endpoint, streamed.

Streaming is not for show: it lets a live view count tokens, and cancelling the task closes the
HTTP connection, so that the server stops computing an answer that nobody wants.

Whatever goes wrong at the endpoint comes out as one `ModelError` with a remedy, never as a
library's traceback. What is asked and answered is in `chat.py`; the error texts are in `model_errors.py`,
what is tried again, and when, in `retrying.py`, rate limits in `throttle.py`; the store that makes sure that
no completed call is paid twice is `completions.py`; who starts a server is `guildbus.launch.model_servers`.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from guildbus.agents.chat import (
    ChatRequest,
    Completion,
    ModelEntry,
    OnTokens,
    completion_key,
    extra_body,
    sampling,
)
from guildbus.agents.model_errors import SEE_LOG, PassingTrouble, endpoint_errors, place, unusable
from guildbus.agents.retrying import pause_s
from guildbus.agents.runaway import loop_start
from guildbus.agents.throttle import Throttle, Turn
from guildbus.protocols.errors import ModelError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

PING_TIMEOUT_S = 10.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REPETITION = "repetition"
NO_KEY = "none"
VENDORS_OWN = ("openai-organization", "openai-project")
BYTES_PER_TOKEN = 3
"""Reckoned on the safe side: Go and English have more."""

Answer = tuple[str, str, tuple[int, int]]
"""The text, the finish reason, and (prompt, completion) tokens."""


class ChatModel:
    """A model at an endpoint. One HTTP client, made at the first call; `aclose` it at the end.

    `limits_dir` is the folder in which all processes keep the entry's rate limits; without it there are none.
    """

    def __init__(
        self, entry: ModelEntry, environ: Mapping[str, str] | None = None, limits_dir: Path | None = None
    ) -> None:
        self.entry = entry
        self._environ = os.environ if environ is None else environ
        self._client: AsyncOpenAI | None = None
        self._throttle: Throttle | None = None
        if limits_dir is not None and entry.limits.limited:
            self._throttle = Throttle(limits_dir, entry.name, entry.limits)

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        """Ask once. What may pass (429, 5xx, lost connections, a stall) is tried again, with growing pauses.

        Raises ModelError for an endpoint that is down, too slow, or answers nonsense.
        """
        started_at, start = time.time(), time.monotonic()
        key = self._key()
        text, reason, usage = await self._answer(self._connected(), request, on_tokens)
        if not text.strip():
            raise unusable(self.entry, f"an answer without any text (finish_reason {reason!r})")
        return Completion(
            text=text if key is None else text.replace(key, "***"),
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
        """Try until it succeeds, or its tries or its time are used up; waiting for a turn costs no time."""
        left_s = self.entry.timeout_s
        for failures in itertools.count(1):
            async with self._turn(request) as turn:
                began = time.monotonic()
                try:
                    async with endpoint_errors(self.entry, self._key()), asyncio.timeout(left_s):
                        answer = await self._stream(client, request, on_tokens)
                except PassingTrouble as error:
                    pause = pause_s(failures, error.after_s, random.random())
                    left_s -= time.monotonic() - began + pause
                    if failures > self.entry.max_retries or left_s <= 0:
                        raise
                    if turn is not None and error.after_s is not None:
                        turn.closed_for(error.after_s)
                else:
                    if turn is not None:
                        turn.spent(sum(answer[2]))
                    return answer
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _turn(self, request: ChatRequest) -> AbstractAsyncContextManager[Turn | None]:
        if self._throttle is None:
            return _no_turn()
        size_bytes = sum(len(message.content.encode()) for message in request.messages)
        longest: int = sampling(self.entry, request)["max_tokens"]
        return self._throttle.turn(-(-size_bytes // BYTES_PER_TOKEN) + longest)

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
            extra_body=extra_body(self.entry, request) or None,
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
    chunks, begun = aiter(stream), False
    while (chunk := await _next(entry, chunks, begun=begun)) is not None:
        begun = True
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
            raise PassingTrouble("the answer broke off in the middle", where=place(entry), remedy=SEE_LOG)
        raise unusable(entry, "a stream without a choice")
    return "".join(pieces), reason, (usage[0], usage[1] or len(pieces))


async def _next(
    entry: ModelEntry, chunks: "AsyncIterator[ChatCompletionChunk]", *, begun: bool
) -> "ChatCompletionChunk | None":
    """The next chunk, None at the end. The first has the call's time, the others may not stall."""
    try:
        async with asyncio.timeout(entry.stall_timeout_s if begun else None):
            return await anext(chunks, None)
    except TimeoutError:
        what = f"the answer stalled: nothing more came for {entry.stall_timeout_s:g} s"
        raise PassingTrouble(what, where=place(entry), remedy=SEE_LOG) from None


@contextlib.asynccontextmanager
async def _no_turn() -> AsyncIterator[None]:
    yield None


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
    timeout = openai.Timeout(timeout_s, connect=min(timeout_s, entry.connect_timeout_s))
    return openai.AsyncOpenAI(
        api_key=key or NO_KEY,
        base_url=entry.base_url,
        timeout=timeout,
        max_retries=0,  # `retrying.py` knows more: of rate limits, long pauses and broken answers
        http_client=openai.DefaultAsyncHttpxClient(
            trust_env=trust_env, timeout=timeout, event_hooks={"request": [_only_our_key(key or NO_KEY)]}
        ),
    )


def _only_our_key(key: str) -> Callable[["httpx2.Request"], Awaitable[None]]:
    """A hook that takes off what the client reads from variables that are meant for one vendor alone."""

    async def hook(request: "httpx2.Request") -> None:
        for name in VENDORS_OWN:
            request.headers.pop(name, None)
        if "authorization" in request.headers:  # a redirection to another host has none
            request.headers["authorization"] = f"Bearer {key}"

    return hook


async def ping(entry: ModelEntry, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The model ids that the endpoint lists at `/v1/models`.

    Raises ModelError if it is down or answers nonsense. One try, so that a person is told soon.
    """
    key = read_key(entry, os.environ if environ is None else environ)
    client = open_client(entry, key, PING_TIMEOUT_S)
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
