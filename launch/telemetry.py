"""Telemetry as the configuration and the environment want it, and the span of a whole run.

Off unless somebody asks for it, and then nothing of OpenTelemetry is imported. `guildbus.agents.telemetry`
does the telling in the agents' processes; the command that sees a run to its end tells of the run itself.
"""

import contextlib
import importlib.util
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from guildbus.agents.settings import TelemetrySettings
from guildbus.launch.config_tables import TelemetryTable
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.wire import Packet

if TYPE_CHECKING:
    from guildbus.agents.telemetry.provider import Telemetry

NEEDED = "opentelemetry.exporter.otlp.proto.http"
ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def telemetry_settings(table: TelemetryTable, environ: Mapping[str, str]) -> TelemetrySettings | None:
    """Where to tell; None for not at all. ConfigError if guild.toml asks for what is not installed.

    The environment alone asks politely: it may be meant for other programs, so without the extra it is
    passed over.
    """
    if table.enabled is False or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    asked = table.enabled is True or bool(table.endpoint)
    if not asked and not any(environ.get(name) for name in ENDPOINTS):
        return None
    if _is_installed():
        return TelemetrySettings(endpoint=table.endpoint)
    if asked:
        raise ConfigError(
            "telemetry is on, and the packages that it needs are not installed",
            where="[telemetry]",
            remedy="pip install 'guildbus[otel]'",
        )
    return None


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(NEEDED) is not None
    except ModuleNotFoundError:
        return False


class RunObserver(Protocol):
    """Whoever tells of a run from outside."""

    def published(self, packets: Sequence[Packet], began: float) -> None:
        """What opens the run is durable; `began` is when it was sent (seconds since the epoch)."""

    def ended(self, finished: BuildFinished) -> None:
        """The run has ended."""


@contextlib.contextmanager
def observed_run(
    settings: TelemetrySettings | None, run: str, started_at: float
) -> Iterator[RunObserver | None]:
    """Tells of one run while this is open, and sends it when it closes; None where telemetry is off."""
    if settings is None:
        yield None
        return
    from guildbus.agents.telemetry.provider import Telemetry

    telemetry = Telemetry.start(settings, "cli")
    try:
        yield _Teller(telemetry, run, started_at)
    finally:
        telemetry.close()


class _Teller:
    """The run's own span is told when it ends: all others are below it by its id, which is known before."""

    def __init__(self, telemetry: "Telemetry", run: str, started_at: float) -> None:
        self._telemetry = telemetry
        self._run = run
        self._started_at = started_at

    def published(self, packets: Sequence[Packet], began: float) -> None:
        """A span for each."""
        from guildbus.agents.telemetry.observed import tell_published

        for packet in packets:
            tell_published(self._telemetry, packet, began)

    def ended(self, finished: BuildFinished) -> None:
        """The span of the run, from the command's start until now."""
        from opentelemetry.context import Context
        from opentelemetry.trace import Status, StatusCode

        from guildbus.agents.telemetry.span_ids import named
        from guildbus.protocols import semantic_names as names

        attributes: dict[str, Any] = {
            names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
            names.GEN_AI_WORKFLOW_NAME: finished.spec_name,
            names.RUN: self._run,
            names.OUTCOME: finished.status,
        }
        with named(self._run, self._run):
            span = self._telemetry.tracer.start_span(
                names.span_name(names.INVOKE_WORKFLOW, finished.spec_name),
                Context(),
                attributes=attributes,
                start_time=int(self._started_at * 1_000_000) * 1000,
            )
        status = Status(StatusCode.OK) if finished.green else Status(StatusCode.ERROR, finished.status)
        span.set_status(status)
        span.end(int(time.time() * 1_000_000) * 1000)
