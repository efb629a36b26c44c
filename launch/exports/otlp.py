"""A run as OpenTelemetry spans, in OTLP's JSON form: what an OTLP collector takes at /v1/traces. Pure.

One trace a run. Under the run's span stands the publication of each message, under that each attempt to
handle it, and in the attempt the agent's invocation with its model calls and toolchain runs, and what it
published. Span ids follow from message ids (docs/adr/0033), names are in `protocols/semantic_names.py`.

OTLP JSON differs from protobuf's own: ids are hex, enumerations are numbers, 64-bit integers are text.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from guildbus import __version__
from guildbus.agents.telemetry.messages import message_attributes
from guildbus.launch import about
from guildbus.launch.exports.timeline import Flight, Timeline, Work, timeline_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.launch.tracing import summary
from guildbus.protocols import ids
from guildbus.protocols import semantic_names as names
from guildbus.protocols.messages.build import BuildFinished, BuildRequested

INTERNAL: Final = 1
CLIENT: Final = 3
PRODUCER: Final = 4
CONSUMER: Final = 5
OK: Final = 1
ERROR: Final = 2
FLAG_SAMPLED: Final = 1

Attributes = Mapping[str, str | int | float | bool | list[str] | None]


def render(log: RunLog) -> str:
    """The request as JSON text."""
    return json.dumps(request(log), ensure_ascii=False, indent=1) + "\n"


def request(log: RunLog) -> dict[str, Any]:
    """An ExportTraceServiceRequest: a resource for each agent, and its spans."""
    spans: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for agent, span in _Spans(log).all():
        spans[agent].append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(_resource(agent))},
                "scopeSpans": [
                    {
                        "scope": {"name": names.SCOPE, "version": __version__},
                        "spans": found,
                        "schemaUrl": names.SCHEMA_URL,
                    }
                ],
                "schemaUrl": names.SCHEMA_URL,
            }
            for agent, found in spans.items()
        ]
    }


def _resource(agent: str) -> Attributes:
    return {
        names.SERVICE_NAME: names.SERVICE,
        names.SERVICE_VERSION: __version__,
        names.SERVICE_INSTANCE_ID: agent,
    }


class _Spans:
    """The spans of one run, each with the agent whose it is."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._timeline: Timeline = timeline_of(log)
        self._trace_id = ids.trace_id(log.run)
        self._by_id = {line.envelope.id: line for line in log.lines}
        self._by_seq = {line.seq: line for line in log.lines}

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self._log.lines:
            return
        yield self._timeline.flights[0].sender, self._run()
        for flight in self._timeline.flights:
            yield flight.sender, self._publication(flight)
        for work in self._timeline.works:
            if work.kind == "handling":
                for span in self._handling(work):
                    yield work.agent, span
            elif work.seq:
                yield work.agent, self._part(work)

    def _run(self) -> dict[str, Any]:
        requested = next(iter(self._log.of(BuildRequested)), None)
        finished = next(reversed(self._log.of(BuildFinished)), None)
        name = requested.spec.name if requested else self._log.run
        attributes: dict[str, Any] = {
            names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
            names.GEN_AI_WORKFLOW_NAME: name,
            names.RUN: self._log.run,
            names.OUTCOME: finished.status if finished else None,
        }
        span = self._span(
            names.span_name(names.INVOKE_WORKFLOW, name),
            INTERNAL,
            ids.span_id(self._log.run),
            "",
            (self._timeline.started_at, self._timeline.ended_at),
            attributes,
        )
        if finished is not None:
            span["status"] = {"code": OK} if finished.green else _failed(finished.status)
        return span

    def _publication(self, flight: Flight) -> dict[str, Any]:
        line = flight.line
        cause = self._by_id.get(line.envelope.causationid or "")
        settled = self._timeline.settled_by.get(cause.seq) if cause else None
        parent = ids.span_id(self._log.run)
        if cause is not None:
            parent = ids.span_id(cause.envelope.id)
            if settled is not None:
                parent = ids.span_id(cause.envelope.id, settled.attempt)
        return self._span(
            names.span_name(names.PUBLISH, line.envelope.to),
            PRODUCER,
            ids.span_id(line.envelope.id),
            parent,
            (flight.sent_at, flight.sent_at),
            _message(line, names.PUBLISH, names.SEND, line.envelope.source)
            | {names.MESSAGE_SUMMARY: summary(line.message)},
        )

    def _handling(self, work: Work) -> Iterator[dict[str, Any]]:
        line = self._by_seq[work.seq]
        message = ids.span_id(line.envelope.id)
        process = ids.span_id(line.envelope.id, work.attempt)
        failed = work.outcome in ("failed", "dead", "cancelled")
        code = work.reason.partition(": ")[0] or work.outcome
        error = {names.ERROR_TYPE: code} if failed else {}
        attributes = _message(line, names.PROCESS, names.PROCESS, work.agent)
        attributes |= {names.ATTEMPT: work.attempt, names.OUTCOME: work.outcome, **error}
        span = self._span(
            names.span_name(names.PROCESS, line.envelope.to),
            CONSUMER,
            process,
            message,
            (work.began_at, work.ended_at),
            attributes,
        )
        span["links"] = [{"traceId": self._trace_id, "spanId": message, "flags": FLAG_SAMPLED}]
        agent: dict[str, Any] = {
            names.GEN_AI_OPERATION_NAME: names.INVOKE_AGENT,
            names.GEN_AI_AGENT_NAME: work.agent,
            names.GEN_AI_CONVERSATION_ID: self._log.run,
            names.RUN: self._log.run,
            **error,
        }
        invocation = self._span(
            names.span_name(names.INVOKE_AGENT, work.agent),
            INTERNAL,
            ids.span_id(line.envelope.id, work.attempt, names.INVOKE_AGENT),
            process,
            (work.began_at, work.ended_at),
            agent,
        )
        if failed:
            span["status"] = invocation["status"] = _failed(work.reason)
        yield span
        yield invocation
        if work.outcome != "open":
            operation = names.ACK if work.outcome == "settled" else names.NACK
            yield self._span(
                names.span_name(operation, line.envelope.to),
                CLIENT,
                ids.span_id(line.envelope.id, work.attempt, names.SETTLE),
                process,
                (work.ended_at, work.ended_at),
                _message(line, operation, names.SETTLE, work.agent),
            )

    def _part(self, work: Work) -> dict[str, Any]:
        """A model call or a toolchain run inside a handling."""
        handled = self._by_seq[work.seq].envelope.id
        operation = names.CHAT if work.call else names.EXECUTE_TOOL
        attributes: dict[str, Any] = {names.GEN_AI_OPERATION_NAME: operation, names.RUN: self._log.run}
        if call := work.call:
            attributes |= {
                names.GEN_AI_PROVIDER_NAME: names.PROVIDER,
                names.GEN_AI_CONVERSATION_ID: self._log.run,
                names.GEN_AI_REQUEST_MODEL: call.model,
                names.GEN_AI_REQUEST_SEED: call.seed,
                names.GEN_AI_REQUEST_TEMPERATURE: float(call.temperature),
                names.GEN_AI_RESPONSE_FINISH_REASONS: [call.finish_reason],
                names.GEN_AI_USAGE_INPUT_TOKENS: call.prompt_tokens,
                names.GEN_AI_USAGE_OUTPUT_TOKENS: call.completion_tokens,
                names.COMPLETION_KEY: call.key,
                names.CACHED: call.cached,
                names.CANDIDATE: work.number,
            }
        else:
            attributes |= {names.GEN_AI_TOOL_NAME: work.label, names.GEN_AI_TOOL_TYPE: names.TOOL_TYPE}
        return self._span(
            names.span_name(operation, work.call.model if work.call else work.label),
            CLIENT if work.call else INTERNAL,
            ids.span_id(handled, work.attempt, operation, work.number),
            ids.span_id(handled, work.attempt, names.INVOKE_AGENT),
            (work.began_at, work.ended_at),
            attributes,
        )

    def _span(
        self,
        name: str,
        kind: int,
        span_id: str,
        parent: str,
        times: tuple[float, float],
        attributes: Attributes,
    ) -> dict[str, Any]:
        began, ended = times
        span = {
            "traceId": self._trace_id,
            "spanId": span_id,
            "flags": FLAG_SAMPLED,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": _nanoseconds(began),
            "endTimeUnixNano": _nanoseconds(max(began, ended)),
            "attributes": _attributes(attributes),
        }
        return span | ({"parentSpanId": parent} if parent else {})


def _message(line: Line, operation: str, kind: str, client: str) -> dict[str, Any]:
    files = about.files_of(line.message)
    told = message_attributes(line.envelope, line.size_bytes, operation, kind, client)
    return told | {
        names.MESSAGE_SEQ: line.seq,
        names.FILE: files[0] if len(files) == 1 else None,
        names.ROUND: about.round_of(line.message),
    }


def _failed(reason: str) -> dict[str, Any]:
    return {"code": ERROR, "message": reason}


def _nanoseconds(at: float) -> str:
    return str(round(at * 1_000_000) * 1000)


def _attributes(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(one)} for key, one in attributes.items() if one is not None]


def _value(one: str | int | float | bool | list[str]) -> dict[str, Any]:
    match one:
        case bool():
            return {"boolValue": one}
        case int():
            return {"intValue": str(one)}
        case float():
            return {"doubleValue": one}
        case str():
            return {"stringValue": one}
        case _:
            return {"arrayValue": {"values": [{"stringValue": text} for text in one]}}
