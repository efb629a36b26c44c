"""Names for messages, runs and traces.

Message ids are UUIDv7 (RFC 9562): unique without asking anyone, and sortable by time. A run
is named after its spec plus eight random characters, short enough to type. All messages of
a run share one W3C trace, whose id is derived from the run's name, so no process has to be told.
"""

import base64
import hashlib
import secrets

import uuid_utils


def new_message_id() -> str:
    """A UUIDv7 in its 36-character text form."""
    return str(uuid_utils.uuid7())


def new_run_id(spec_name: str) -> str:
    """`<spec>-<8 characters>`, from 40 random bits; characters outside [a-z0-9-] become `-`."""
    slug = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in spec_name.lower()).strip("-")
    suffix = base64.b32encode(secrets.token_bytes(5)).decode().lower()
    return f"{slug or 'run'}-{suffix}"


def trace_id(run_id: str) -> str:
    """The W3C trace id of a run, 32 hex digits."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:32]


def span_id(*names: object) -> str:
    """A span id, 16 hex digits: `span_id(message_id)` is a message's, others name more, as its attempt."""
    return hashlib.sha256("/".join(map(str, names)).encode()).hexdigest()[:16]


def new_fork_id(run_id: str) -> str:
    """The name of a run that is forked from another: `<run>-fork-<4 characters>`, from 20 random bits."""
    return f"{run_id}-fork-{base64.b32encode(secrets.token_bytes(3)).decode().lower()[:4]}"


def traceparent(run_id: str, message_id: str) -> str:
    """The W3C `traceparent` of a message: its run is the trace, the message itself the span."""
    return f"00-{trace_id(run_id)}-{span_id(message_id)}-01"
