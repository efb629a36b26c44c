"""What an endpoint did wrong, said in one sentence with a remedy.

`endpoint_errors` turns everything that the `openai` client, its HTTP library or a JSON parser
raises into `ModelError`, and what may pass into `PassingTrouble`. The calls are in `guildbus.agents.models`.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from guildbus.agents.retrying import may_pass, retry_after_s
from guildbus.protocols.errors import ModelError

EXCERPT_CHARACTERS = 200
OF_THE_REQUEST = frozenset({400, 413, 422})
SEE_LOG = "look at the server's log: it may have been killed or be short of memory"


class PassingTrouble(ModelError):
    """Worth another try. `after_s` is when the endpoint wants to be asked again, if it says so."""

    def __init__(self, what: str, *, where: str, remedy: str, after_s: float | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.after_s = after_s


class RequestRefused(ModelError):
    """The endpoint is well and does not take this request: too long, or a parameter it does not know."""


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
    except openai.APITimeoutError as error:
        if isinstance(error.__cause__, httpx2.ConnectTimeout):
            raise _down(entry, "no connection in time") from None
        raise _too_slow(entry) from None
    except openai.APIConnectionError as error:
        raise _down(entry, _excerpt(str(error.__cause__ or error), key)) from None
    except openai.APIStatusError as error:
        after_s = retry_after_s(error.response.headers, time.time())
        raise _refused(entry, error.status_code, _excerpt(error.response.text, key), after_s) from None
    except openai.APIError as error:
        raise unusable(entry, f"an error: {_excerpt(error.message, key)}") from None
    except TimeoutError:
        raise _too_slow(entry) from None
    except httpx2.TimeoutException:
        raise _too_slow(entry) from None
    except httpx2.HTTPError as error:
        what = f"the connection broke: {_excerpt(str(error), key)}"
        raise PassingTrouble(what, where=place(entry), remedy=SEE_LOG) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise unusable(entry, f"an answer that cannot be read ({type(error).__name__})") from None


def _too_slow(entry: Endpoint) -> ModelError:
    return ModelError(
        f"no complete answer within {entry.timeout_s:g} s",
        where=place(entry),
        remedy="raise the model's timeout_s, lower max_tokens, or see what else uses the machine",
    )


def _down(entry: Endpoint, cause: str) -> ModelError:
    return PassingTrouble(
        f"the endpoint cannot be reached: {cause}",
        where=place(entry),
        remedy="start the server, or correct base_url in guild.toml",
    )


def _refused(entry: Endpoint, status: int, body: str, after_s: float | None) -> ModelError:
    if status in (401, 403):
        remedy = f"check the API key in {entry.api_key_env or 'an environment variable (api_key_env)'}"
    elif status == 404:
        remedy = f"check base_url (it ends in /v1) and that the server has the model {entry.model!r}"
    elif may_pass(status):
        remedy = "it was tried again without success: look at the server's log, or try later"
    else:
        remedy = "the server does not take this request: look at its log and at the model's parameters"
    what = f"HTTP {status}: {body or 'empty body'}"
    if may_pass(status):
        return PassingTrouble(what, where=place(entry), remedy=remedy, after_s=after_s)
    kind = RequestRefused if status in OF_THE_REQUEST else ModelError
    return kind(what, where=place(entry), remedy=remedy)


def _excerpt(text: str, key: str | None) -> str:
    if key:
        text = text.replace(key, "***")
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT_CHARACTERS else text[:EXCERPT_CHARACTERS] + "..."
