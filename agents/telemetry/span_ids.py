"""Span ids that follow from message ids: whoever has the journal can name the spans that were sent.

OpenTelemetry's SDK makes ids at random. Here a span's names can be said for the next one that is started
(`named`), and its id is `ids.span_id` of them; without names it is random.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from guildbus.protocols import ids

_names: ContextVar[tuple[str, ...]] = ContextVar("guildbus_span_names", default=())


class NamedIds(RandomIdGenerator):
    """The SDK's id generator: by name where one is said. The first of the names is the run."""

    def generate_span_id(self) -> int:
        """64 bits."""
        names = _names.get()
        return int(ids.span_id(*names[1:]), 16) if names else super().generate_span_id()

    def generate_trace_id(self) -> int:
        """128 bits."""
        names = _names.get()
        return int(ids.trace_id(names[0]), 16) if names else super().generate_trace_id()


@contextlib.contextmanager
def named(run: str, *names: object) -> Iterator[None]:
    """The span that is started in here has the id of these names, in the trace of this run."""
    token = _names.set((run, *map(str, names)))
    try:
        yield
    finally:
        _names.reset(token)


def remote_parent(run: str, *names: object) -> Context:
    """The context in which the span of these names is the parent: it may be of another process."""
    return _parent(int(ids.trace_id(run), 16), int(ids.span_id(*names), 16))


def carried_parent(traceparent: str | None, run: str, *names: object) -> Context:
    """The parent that an envelope's W3C `traceparent` names; without one, or a broken one, by names."""
    parts = (traceparent or "").split("-")
    if len(parts) >= 4 and [len(part) for part in parts[:3]] == [2, 32, 16]:
        with contextlib.suppress(ValueError):
            trace, span = int(parts[1], 16), int(parts[2], 16)
            if trace and span:
                return _parent(trace, span)
    return remote_parent(run, *names)


def _parent(trace: int, span: int) -> Context:
    context = SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(context), Context())
