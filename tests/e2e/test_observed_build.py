"""A build that is watched: OTLP spans and metrics of every process, Prometheus metrics, `guildbus top`."""

import re
import socket
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from guildbus.protocols import ids
from guildbus.protocols import semantic_names as names
from guildhall import ROLES, ROOT, Guild, numkit, rule, until

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")

from otlp_receiver import Received, Receiver

SPEC = ROOT / "specs" / "numkit.yaml"


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scraped(port: int) -> dict[str, float]:
    """Sample -> value, as a scrape gives them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = answer.read().decode().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("# ")} == {"HELP", "TYPE"}
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def test_every_process_tells_one_trace_and_the_swarm_can_be_watched(guild: Guild) -> None:
    receiver, port = Receiver(), free_port()
    config = f'[telemetry]\nendpoint = "{receiver.url}"\n[broker]\nmetrics = "127.0.0.1:{port}"\n'
    guild.serve([rule(numkit())], config=config)
    assert "no swarm is up" in guild.run("top", "--once").stdout
    assert guild.run("up").returncode == 0
    try:
        before = scraped(port)
        assert before['guildbus_agent_credit{agent="planner",role="planner"}'] == 4
        assert before["guildbus_journal_writable"] == 1
        shown = guild.run("top", "--once")
        assert (shown.returncode, shown.stderr) == (0, "")
        for role in ROLES:
            assert re.search(rf"^{role} +\d+ +idle +\d", shown.stdout, re.MULTILINE), shown.stdout
        code, report = guild.build(SPEC, "--candidates", 1)
        assert (code, report["green"]) == (0, True)
        messages = guild.json("trace", report["run_id"], "--format", "json")
        assert scraped(port)["guildbus_messages_published_total"] == len(messages)
    finally:
        assert guild.run("down").returncode == 0
    until(lambda: names.GEN_AI_CLIENT_TOKEN_USAGE in receiver.metrics, 20, "the metrics of an agent")
    receiver.close()
    check_spans(receiver.spans, report["run_id"], messages)
    assert receiver.metrics == {
        names.MESSAGING_CLIENT_SENT_MESSAGES,
        names.MESSAGING_CLIENT_CONSUMED_MESSAGES,
        names.MESSAGING_CLIENT_OPERATION_DURATION,
        names.MESSAGING_PROCESS_DURATION,
        names.GEN_AI_CLIENT_OPERATION_DURATION,
        names.GEN_AI_CLIENT_TOKEN_USAGE,
    }


def check_spans(spans: list[Received], run: str, messages: list[dict[str, Any]]) -> None:
    """One trace; each message published once and handled under its publication; nothing hangs loose."""
    by_id = {span.span: span for span in spans}
    assert len(by_id) == len(spans)
    assert {span.trace for span in spans} == {ids.trace_id(run)}
    assert {span.schema for span in spans} == {names.SCHEMA_URL}
    (root,) = [span for span in spans if not span.parent]
    assert (root.name, root.span) == ("invoke_workflow numkit", ids.span_id(run))
    assert all(span.parent in by_id for span in spans if span is not root)
    assert all(root.began_ns <= span.began_ns <= span.ended_ns for span in spans)

    handled = [one for one in messages if one.get("to")]
    for message in messages:
        published = by_id[ids.span_id(message["id"])]
        assert published.name == names.span_name(names.PUBLISH, message.get("to"))
        assert message["traceparent"] == f"00-{published.trace}-{published.span}-01"
        assert published.attributes[names.MESSAGE_TYPE] == message["type"]
        cause = message.get("causationid")
        assert published.parent == (ids.span_id(cause, 1) if cause else root.span)
    for message in handled:
        process = by_id[ids.span_id(message["id"], 1)]
        assert (process.name, process.parent) == (f"process {message['to']}", ids.span_id(message["id"]))
        assert process.process[names.SERVICE_INSTANCE_ID].startswith(f"{message['to']}/")
        below = {span.name.split()[0]: span for span in spans if span.parent == process.span}
        assert {"ack", "invoke_agent"} <= below.keys()
        assert process.began_ns <= below["invoke_agent"].began_ns <= below["ack"].ended_ns

    chats = [span for span in spans if span.attributes.get(names.GEN_AI_OPERATION_NAME) == names.CHAT]
    calls = [call for one in messages for call in one["body"].get("calls", ())]
    assert sorted(span.attributes[names.COMPLETION_KEY] for span in chats) == sorted(c["key"] for c in calls)
    for span in chats:
        assert span.name == "chat stub"
        assert by_id[span.parent].name.startswith("invoke_agent go-")
        assert span.attributes[names.GEN_AI_USAGE_OUTPUT_TOKENS] > 0
        assert span.attributes[names.GEN_AI_RESPONSE_FINISH_REASONS] == ["stop"]
    assert not any("package numkit" in str(span.attributes) for span in spans), "no prompt, no answer"


def test_nothing_is_imported_for_it_where_it_is_off() -> None:
    modules = "guildbus.agents.main, guildbus.agents.runtime, guildbus.agents.go_dev, guildbus.bus.main"
    code = f"import sys, {modules}; sys.exit(bool({{'opentelemetry', 'http.server'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False, timeout=100).returncode == 0
