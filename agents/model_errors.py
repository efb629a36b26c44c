"""What an endpoint did wrong, said in one sentence with a remedy.

`endpoint_errors` turns everything that the `openai` client, its HTTP library or a JSON parser
raises into `ModelError`. The calls are in `guildbus.agents.models`.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from guildbus.protocols.errors import ModelError

EXCERPT_CHARACTERS = 200
SEE_LOG = "look at the server's log: it may have been killed or be short of memory"


class ConnectionLost(ModelError):
    """The connection broke while an answer was coming in: worth another try."""


class Endpoint(Protocol):
    """The part of a model's entry that an error names."""

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str | None: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def api_key_env(self) -> str | None: ...


def unusable(entry: Endpoint, what: str) -> ModelError:
    """It answered, but not with a chat completion."""
    return ModelError(
        f"the endpoint gave {what}",
        where=place(entry),
        remedy="check that base_url is an OpenAI-compatible API and ends in /v1",
    )


def place(entry: Endpoint) -> str:
    """The endpoint, as an error names it."""
    return f"model {entry.name} at {entry.base_url}"


@asynccontextmanager
async def endpoint_errors(entry: Endpoint, key: str | None) -> AsyncIterator[None]:
    """Raise ModelError for whatever fails inside. `key` is cut out of every text."""
    import httpx2
    import openai

    try:
        yield
    except openai.APITimeoutError:
        raise _too_slow(entry) from None
    except openai.APIConnectionError as error:
        raise _down(entry, error.__cause__ or error) from None
    except openai.APIStatusError as error:
        raise _refused(entry, error.status_code, _excerpt(error.response.text, key)) from None
    except openai.APIError as error:
        raise unusable(entry, f"an error: {_excerpt(error.message, key)}") from None
    except TimeoutError:
        raise _too_slow(entry) from None
    except httpx2.TimeoutException:
        raise _too_slow(entry) from None
    except httpx2.HTTPError as error:
        what = f"the connection broke: {error}"
        raise ConnectionLost(what, where=place(entry), remedy=SEE_LOG) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise unusable(entry, f"an answer that cannot be read ({type(error).__name__})") from None


def _too_slow(entry: Endpoint) -> ModelError:
    return ModelError(
        f"no complete answer within {entry.timeout_s:g} s",
        where=place(entry),
        remedy="raise the model's timeout_s, lower max_tokens, or see what else uses the machine",
    )


def _down(entry: Endpoint, cause: BaseException) -> ModelError:
    return ModelError(
        f"the endpoint cannot be reached: {cause}",
        where=place(entry),
        remedy="start the server, or correct base_url in guild.toml",
    )


def _refused(entry: Endpoint, status: int, body: str) -> ModelError:
    if status in (401, 403):
        remedy = f"check the API key in {entry.api_key_env or 'an environment variable (api_key_env)'}"
    elif status == 404:
        remedy = f"check base_url (it ends in /v1) and that the server has the model {entry.model!r}"
    elif status == 429 or status >= 500:
        remedy = "it was tried again without success: look at the server's log, or try later"
    else:
        remedy = "the server does not take this request: look at its log and at the model's parameters"
    return ModelError(f"HTTP {status}: {body or 'empty body'}", where=place(entry), remedy=remedy)


def _excerpt(text: str, key: str | None) -> str:
    if key:
        text = text.replace(key, "***")
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT_CHARACTERS else text[:EXCERPT_CHARACTERS] + "..."
