"""When a failed call is tried again, and when not. Pure: times and chances are passed in.

Worth another try is what may pass: an endpoint that is not reached, a connection that breaks, HTTP 408, 409,
429 and 5xx, an answer that stalls. The pause doubles from half a second to 30 s, with jitter, so that callers
which failed together do not come back together. An endpoint that says when (`Retry-After`, in seconds or as a
date; `retry-after-ms`) is taken at its word. What would not fit into the call's time is not waited for.

The errors are made in `model_errors.py`; `models.py` does the waiting.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

PASSING_STATUSES: Final = frozenset({408, 409, 429})
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
JITTER: Final = 0.5
"""The part of a pause that chance may take off."""


def may_pass(status: int) -> bool:
    """Whether an answer with this HTTP status is worth another try."""
    return status in PASSING_STATUSES or status >= 500


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that the endpoint wants us to wait; None if it does not say, or nothing that can be read.

    `headers` are looked up in lower case; `now` is seconds since the epoch.
    """
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if "retry-after" not in headers:
            return None
        stated = headers["retry-after"]
        try:
            return max(0.0, float(stated))
        except ValueError:
            return max(0.0, parsedate_to_datetime(stated).timestamp() - now)
    except ValueError:
        return None


def pause_s(failures: int, asked_s: float | None, chance: float) -> float:
    """How long to wait after so many failures in a row (1 or more). `chance` is from 0 to 1.

    What the endpoint asked for is the least: chance adds to it, and takes from our own.
    """
    own = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failures - 1))
    if asked_s is not None:
        return asked_s * (1 + 0.1 * chance)
    return float(own * (1 - JITTER * chance))
