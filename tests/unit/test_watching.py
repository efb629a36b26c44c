"""The figures and the frame of `guildbus top`, and the same report as Prometheus text."""

import io
from typing import Any

import pytest
from rich.console import Console

from guildbus.agents.settings import TelemetrySettings
from guildbus.bus.metrics_text import metrics_text
from guildbus.launch import telemetry
from guildbus.launch.config_tables import TelemetryTable
from guildbus.launch.top_view import frame
from guildbus.launch.watching import Watch
from guildbus.protocols.errors import ConfigError
from told import NUMKIT, RUN, Told, call, finished, log_of, proposed

RECORD = {
    "owner": "up",
    "processes": [
        {"name": "broker", "pid": 10, "phase": "ready", "since": 40.0},
        {"name": "go-dev", "pid": 11, "phase": "ready", "since": 41.0},
        {"name": "verifier", "pid": 12, "phase": "starting", "since": 41.0},
    ],
}


def report(published: int = 0, tokens: int | None = None, **more: Any) -> dict[str, Any]:
    """What a broker with one agent says; `tokens` are what that has drawn so far, None for idle."""
    handling = [{"type": "draft.requested.v1", "run": RUN, "attempt": 2}] if tokens is not None else []
    doing = f"drafting numkit.go: 2 candidates, {tokens} tokens" if tokens is not None else ""
    agent = {"name": "go-dev", "role": "go-dev", "credit": 1, "silent_s": 0.5}
    return {
        "agents": [{**agent, "activity": doing, "handling": handling}],
        "queues": [
            {"role": "go-dev", "ready": 3, "leased": 1, "backlog": 4},
            {"role": "operator", "ready": 0, "leased": 0, "backlog": 0},
        ],
        "dead": 0,
        "published": published,
        "refused": {},
        "journal": {"state": "ok", "damaged": 0},
        **more,
    }


def shown(watch: Watch, now: float = 100.0) -> str:
    """The frame as text."""
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(frame(watch, now))
    return console.export_text()


def test_rates_are_those_of_the_last_seconds() -> None:
    watch = Watch()
    for second, (published, tokens) in enumerate([(100, 0), (104, 30), (110, 90)]):
        watch.on_health(100.0 + second, RECORD, report(published, tokens))
    assert watch.messages_per_s == 5.0
    assert watch.tokens_per_s(102.0) == 45.0
    for second in range(3, 20):
        watch.on_health(100.0 + second, RECORD, report(110))
    assert (watch.messages_per_s, watch.tokens_per_s(119.0)) == (0.0, 0.0)
    watch.on_health(120.0, RECORD, report(111, 7))
    assert watch.tokens_per_s(120.0) == 0.7, "another draft begins at nothing"


def test_a_frame_shows_agents_queues_and_runs_in_progress() -> None:
    told = Told.of(NUMKIT)
    lines = log_of(*told.messages, ("go-dev/1", proposed(told.state.requests[0], call()))).lines
    watch = Watch()
    watch.on_health(100.0, RECORD, report(5, 12, dead=2, refused={"protocol.frame": 3}))
    for line in lines:
        watch.on_line(line)
    text = shown(watch)
    for part in ("up 1:00", "2 dead", "3 refused", "drafting numkit.go", "(attempt 2)", "starting", RUN):
        assert part in text, text
    assert "operator" not in text
    row = next(line for line in text.splitlines() if line.startswith(RUN))
    assert row.split()[:5] == [RUN, "0:00", "1", "5", "40"]
    watch.on_line(log_of(finished()).lines[0])
    assert RUN not in shown(watch)


def test_a_frame_says_when_there_is_no_swarm_or_its_broker_is_silent() -> None:
    watch = Watch()
    watch.on_health(100.0, None, None)
    assert "no swarm is up" in shown(watch)
    watch.on_health(101.0, RECORD, None)
    assert "the broker does not answer" in shown(watch)
    watch.on_health(102.0, RECORD, report(journal={"state": "read-only"}))
    assert "journal read-only" in shown(watch)


def test_metrics_have_help_type_and_escaped_labels() -> None:
    told = report(7, refused={'a"b\\c\nd': 2})
    told["agents"][0]["silent_s"] = 0.25
    lines = metrics_text(told, up_s=1.5).splitlines()
    assert "guildbus_up_seconds 1.5" in lines
    assert not any("operator" in line for line in lines), "a person's commands are no time series"
    assert 'guildbus_queue_ready{queue="go-dev"} 3' in lines
    assert 'guildbus_agent_silent_seconds{agent="go-dev",role="go-dev"} 0.25' in lines
    assert "guildbus_messages_published_total 7" in lines
    assert 'guildbus_refusals_total{code="a\\"b\\\\c\\nd"} 2' in lines
    names = [line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")]
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert typed == {line.split()[2] for line in lines if line.startswith("# HELP")} == set(names)


@pytest.mark.parametrize(
    ("table", "environ", "on"),
    [
        ({}, {}, False),
        ({"endpoint": "http://c:4318"}, {}, True),
        ({"enabled": True}, {}, True),
        ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"enabled": False}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"endpoint": "http://c:4318"}, {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_telemetry_is_on_where_somebody_asks(
    table: dict[str, Any], environ: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "NEEDED", "json.decoder")
    found = telemetry.telemetry_settings(TelemetryTable(**table), environ)
    assert found == (TelemetrySettings(endpoint=table.get("endpoint", "")) if on else None)


def test_without_the_extra_the_file_is_refused_and_the_environment_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telemetry, "NEEDED", "no_such_package.at.all")
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}
    assert telemetry.telemetry_settings(TelemetryTable(), environ) is None
    with pytest.raises(ConfigError, match="otel"):
        telemetry.telemetry_settings(TelemetryTable(enabled=True), environ)
