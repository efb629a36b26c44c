"""OpenTelemetry's SDK for one process: spans and metrics, sent to a collector over OTLP/HTTP.

`Telemetry.start` is called where telemetry is on, and nowhere else. The standard variables count
(OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_METRIC_EXPORT_INTERVAL, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES,
OTEL_SERVICE_NAME); the SDK reads them itself. A collector that is away costs a process at most
`FLUSH_S` at its end, and never a message.
"""

import os
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from guildbus.agents.settings import TelemetrySettings
from guildbus.agents.telemetry.span_ids import NamedIds
from guildbus.protocols import semantic_names as names

FLUSH_S: Final = 1.5
VERSION: Final = version("guildbus")  # not its __version__: the top package may import launch
TOKEN_BOUNDS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
SECOND_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)


class Telemetry:
    """A tracer and the metrics of this process. `close` sends what is left."""

    def __init__(self, instance: str, spans: SpanProcessor | None, metrics: MetricReader | None) -> None:
        resource = Resource.create(
            {
                names.SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", names.SERVICE),
                names.SERVICE_VERSION: VERSION,
                names.SERVICE_INSTANCE_ID: instance,
            },
            names.SCHEMA_URL,
        )
        self.instance = instance
        self._tracers = TracerProvider(resource=resource, id_generator=NamedIds(), shutdown_on_exit=False)
        if spans is not None:
            self._tracers.add_span_processor(spans)
        self._meters = MeterProvider(
            [] if metrics is None else [metrics], resource=resource, shutdown_on_exit=False
        )
        self.tracer = self._tracers.get_tracer(names.SCOPE, VERSION, schema_url=names.SCHEMA_URL)
        meter = self._meters.get_meter(names.SCOPE, VERSION, names.SCHEMA_URL)

        def seconds(name: str, text: str) -> Histogram:
            return meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=SECOND_BOUNDS)

        self.sent = meter.create_counter(names.MESSAGING_CLIENT_SENT_MESSAGES, "{message}", "Published")
        self.consumed = meter.create_counter(
            names.MESSAGING_CLIENT_CONSUMED_MESSAGES, "{message}", "Received"
        )
        self.operation_s = seconds(names.MESSAGING_CLIENT_OPERATION_DURATION, "Until the broker confirms")
        self.process_s = seconds(names.MESSAGING_PROCESS_DURATION, "Handling of one message")
        self.model_s = seconds(names.GEN_AI_CLIENT_OPERATION_DURATION, "One model call")
        self.tokens = meter.create_histogram(
            names.GEN_AI_CLIENT_TOKEN_USAGE,
            "{token}",
            "Tokens of one model call",
            explicit_bucket_boundaries_advisory=TOKEN_BOUNDS,
        )

    @classmethod
    def start(
        cls, settings: TelemetrySettings, instance: str, environ: Mapping[str, str] | None = None
    ) -> "Telemetry":
        """Send what `settings` and the environment say."""
        environ = os.environ if environ is None else environ
        spans: SpanProcessor | None = None
        metrics: MetricReader | None = None
        if environ.get("OTEL_TRACES_EXPORTER") != "none":
            spans = BatchSpanProcessor(OTLPSpanExporter(endpoint=_place(settings, environ, "traces")))
        if environ.get("OTEL_METRICS_EXPORTER") != "none":
            metrics = PeriodicExportingMetricReader(
                OTLPMetricExporter(endpoint=_place(settings, environ, "metrics"))
            )
        return cls(instance, spans, metrics)

    def close(self) -> None:
        """Send what is left, for `FLUSH_S` at most."""
        ending = threading.Thread(target=self._shut_down, name="telemetry-end", daemon=True)
        ending.start()
        ending.join(FLUSH_S)

    def _shut_down(self) -> None:
        self._tracers.shutdown()
        self._meters.shutdown(FLUSH_S * 1000)


def _place(settings: TelemetrySettings, environ: Mapping[str, str], signal: str) -> str | None:
    """The collector's URL for a signal; None where the environment names one, which the exporter reads."""
    named = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    if not settings.endpoint or any(environ.get(name) for name in named):
        return None
    return f"{settings.endpoint.rstrip('/')}/v1/{signal}"
