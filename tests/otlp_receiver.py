"""An OTLP/HTTP receiver for tests: real HTTP, OpenTelemetry's own protobufs, everything kept in memory.

The test double stands where a collector would: it decodes what comes to /v1/traces and /v1/metrics as the
official definitions say, and refuses what is none.
"""

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Received:
    """One span, with the attributes of its own and of its process."""

    name: str
    kind: int
    trace: str
    span: str
    parent: str
    began_ns: int
    ended_ns: int
    failed: bool
    schema: str
    attributes: dict[str, Any] = field(default_factory=dict)
    process: dict[str, Any] = field(default_factory=dict)


class Receiver:
    """Listens on a port of its own; `spans` and `metrics` (names) grow as they come."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.metrics: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    data = gzip.decompress(data)
                kind = self.headers["content-type"]
                fine = kind == "application/x-protobuf" and outer.take(self.path, data)
                self.send_response(200 if fine else 400)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, data: bytes) -> bool:
        """One request; False for a path that a collector does not have."""
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
                for scope in resource.scope_spans:
                    self.spans += [_read(span, resource, scope.schema_url) for span in scope.spans]
            return True
        if path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(data).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name for metric in scope.metrics}
            return True
        return False


def _read(span: Any, resource: Any, schema: str) -> Received:
    return Received(
        name=span.name,
        kind=span.kind,
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        failed=span.status.code == 2,
        schema=schema,
        attributes={one.key: _value(one.value) for one in span.attributes},
        process={one.key: _value(one.value) for one in resource.resource.attributes},
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)
