"""Exports: each is valid by the rules of its own format, tells the whole run, lets no hostile text out."""

import base64
import html.parser
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus.tail import Attempt
from guildbus.launch import exports
from guildbus.launch.exports import mermaid, otlp, perfetto, timeline
from guildbus.launch.run_log import RunLog
from guildbus.protocols import ids
from guildbus.protocols import semantic_names as names
from guildbus.protocols.messages.build import BuildStopped
from told import (
    IMPLEMENTATION,
    NUMKIT,
    RUN,
    SUITE,
    Told,
    call,
    failure,
    finished,
    log_of,
    proposed,
    refusal,
    span,
)

HOSTILE = "</pre><script>alert(1)</script><img src=//evil.example onerror=x>\x1b[31m\u202e; end %% #quot;\n"


def attempt(
    seq: int, event: str, at: float, number: int = 1, agent: str = "go-dev/7", code: str = ""
) -> Attempt:
    return Attempt(0, at, seq, number, agent, event, code, HOSTILE if code else "")


def whole_run(text: str = HOSTILE) -> RunLog:
    """A red run with a redelivery, a refusal, model calls at the same time, and a message still in hand."""
    told = Told.of(NUMKIT)
    calls = (call(103.2, 0.5), call(103.3, 1.0), call(1.0, 5.0, cached=True))
    told.add(proposed(told.state.requests[0], *calls, content=text))
    told.accept("numkit.go", IMPLEMENTATION + text, spans=(span(104.1, 0.5),))
    told.reject("numkit_test.go", refusal(text), content=text)
    told.ask("numkit_test.go").accept("numkit_test.go", SUITE)
    told.verify(failures=(failure(output=text),), spans=(span(108.2, 0.3),))
    told.ask("numkit_test.go").accept("numkit_test.go", SUITE + text)
    told.verify(score="build vet test", green=True)
    told.witness("", content=text)
    told.add(BuildStopped(reason="stalled", diagnosis=text), finished("red:stalled", diagnosis=text))
    story = [
        attempt(1, "delivered", 100.5, agent="planner/1"),
        attempt(1, "settled", 101.0, agent="planner/1"),
        attempt(3, "delivered", 102.5),
        attempt(3, "failed", 102.9, code="infra.model"),
        attempt(3, "delivered", 103.0, 2, "go-dev/8"),
        attempt(4, "delivered", 103.0, agent="planner/1"),
        attempt(4, "settled", 104.4, agent="planner/1"),
        attempt(5, "delivered", 104.05, agent="gate-keeper/1"),
        attempt(5, "settled", 105.0, agent="gate-keeper/1"),
        attempt(9, "delivered", 108.0, agent="verifier/2"),
        attempt(9, "dead", 108.5, agent="verifier/2", code="agent.crashed"),
    ]
    return log_of(*told.messages, attempts=story)


@pytest.mark.parametrize("form", exports.FORMATS)
def test_every_format_tells_every_message_and_holds_up_where_there_is_none(form: str) -> None:
    log = whole_run()
    text = exports.rendered(log, form)
    kinds = {line.envelope.type.removesuffix(".v1") for line in log.lines}
    assert {kind for kind in kinds if kind in text} == kinds
    assert exports.rendered(log_of(), form) is not None
    if form in ("json", "perfetto", "otlp"):
        assert json.loads(exports.rendered(log_of(), form)) is not None


KEYS: dict[str, dict[str, type]] = {
    "M": {"name": str, "args": dict},
    "X": {"name": str, "cat": str, "ts": int, "dur": int, "args": dict},
    "i": {"name": str, "ts": int, "s": str},
    "s": {"name": str, "cat": str, "ts": int, "id": int},
    "t": {"name": str, "cat": str, "ts": int, "id": int},
    "f": {"name": str, "cat": str, "ts": int, "id": int, "bp": str},
    "C": {"name": str, "ts": int, "args": dict},
}


class TestPerfetto:
    """By the "Trace Event Format" (Google, 2016), and what Perfetto's importer asks for."""

    @pytest.fixture
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(perfetto.render(whole_run()))["traceEvents"]
        return found

    def test_every_event_has_what_its_phase_requires_and_time_goes_forward(
        self, events: list[dict[str, Any]]
    ) -> None:
        for event in events:
            for key, kind in ({"ph": str, "pid": int, "tid": int} | KEYS[event["ph"]]).items():
                assert type(event[key]) is kind, (event, key)
            assert event.get("ts", 0) >= 0
            assert event.get("dur", 1) >= 1
            if event["ph"] == "C":
                assert all(isinstance(value, int | float) for value in event["args"].values())
        times = [event["ts"] for event in events if event["ph"] != "M"]
        assert times == sorted(times)

    def test_every_thread_has_a_name_and_its_slices_nest(self, events: list[dict[str, Any]]) -> None:
        named = {event["tid"] for event in events if event["name"] == "thread_name"}
        assert {event["tid"] for event in events if event["ph"] != "C"} - {0} == named
        slices = [event for event in events if event["ph"] == "X"]
        assert {"handling", "model", "toolchain", "publish"} == {event["cat"] for event in slices}
        for one in slices:
            for other in slices:
                if one["tid"] == other["tid"] and one["ts"] <= other["ts"] < one["ts"] + one["dur"]:
                    assert other["ts"] + other["dur"] <= one["ts"] + one["dur"]

    def test_every_flow_starts_once_ends_once_and_binds_to_slices(self, events: list[dict[str, Any]]) -> None:
        flows: dict[int, list[dict[str, Any]]] = {}
        for event in events:
            if event["ph"] in "stf":
                flows.setdefault(event["id"], []).append(event)
        assert flows.keys() == {1, 3, 4, 5, 9}
        for steps in flows.values():
            phases = [step["ph"] for step in steps]
            assert (phases[0], phases[-1], set(phases[1:-1]) - {"t"}) == ("s", "f", set())
            assert len({(step["name"], step["cat"]) for step in steps}) == 1
            for step in steps:
                assert any(
                    event["ph"] == "X"
                    and event["tid"] == step["tid"]
                    and event["ts"] <= step["ts"] <= event["ts"] + event["dur"]
                    for event in events
                ), step
        assert [step["ph"] for step in flows[3]] == ["s", "t", "f"]


class TestOtlp:
    @pytest.fixture
    def spans(self) -> dict[str, dict[str, Any]]:
        found = [
            one
            for resource in otlp.request(whole_run())["resourceSpans"]
            for scope in resource["scopeSpans"]
            for one in scope["spans"]
        ]
        by_id = {one["spanId"]: one for one in found}
        assert len(by_id) == len(found)
        return by_id

    def test_it_is_what_opentelemetrys_own_definition_says(self) -> None:
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        told = json.loads(otlp.render(whole_run()))

        def as_protobuf(value: Any, key: str = "") -> Any:
            """OTLP writes ids in hex where protobuf's JSON has base64; all else is the same."""
            if key in ("traceId", "spanId", "parentSpanId"):
                assert value == value.lower()
                return base64.b64encode(bytes.fromhex(value)).decode()
            if isinstance(value, dict):
                return {name: as_protobuf(one, name) for name, one in value.items()}
            return [as_protobuf(one) for one in value] if isinstance(value, list) else value

        parsed = json_format.ParseDict(as_protobuf(told), ExportTraceServiceRequest())
        spans = [one for r in parsed.resource_spans for scope in r.scope_spans for one in scope.spans]
        assert len(spans) > 25
        for one in spans:
            lengths = (len(one.trace_id), len(one.span_id), len(one.parent_span_id))
            assert lengths in ((16, 8, 8), (16, 8, 0))
            assert 0 < one.start_time_unix_nano <= one.end_time_unix_nano
            assert one.name
            assert one.kind in (1, 3, 4, 5)
        assert {r.schema_url for r in parsed.resource_spans} == {names.SCHEMA_URL}

    def test_it_is_one_trace_and_one_tree_with_the_ids_that_the_envelopes_carry(
        self, spans: dict[str, dict[str, Any]]
    ) -> None:
        assert {one["traceId"] for one in spans.values()} == {ids.trace_id(RUN)}
        (root,) = (one for one in spans.values() if "parentSpanId" not in one)
        assert (root["name"], root["status"]["code"]) == ("invoke_workflow numkit", otlp.ERROR)
        assert all(one["parentSpanId"] in spans for one in spans.values() if one is not root)
        for line in whole_run().lines:
            assert line.envelope.traceparent == f"00-{ids.trace_id(RUN)}-{ids.span_id(line.envelope.id)}-01"

    def test_each_kind_of_span_has_its_name_its_kind_and_its_attributes(
        self, spans: dict[str, dict[str, Any]]
    ) -> None:
        found = {one["name"]: one for one in spans.values()}
        kinds = {name: one["kind"] for name, one in found.items()}
        assert kinds["publish go-dev"] == otlp.PRODUCER
        assert kinds["process go-dev"] == otlp.CONSUMER
        assert kinds["chat stub"] == kinds["ack planner"] == kinds["nack go-dev"] == otlp.CLIENT
        assert kinds["invoke_agent go-dev"] == kinds["execute_tool toolchain"] == otlp.INTERNAL
        chat = {one["key"]: one["value"] for one in found["chat stub"]["attributes"]}
        assert chat[names.GEN_AI_USAGE_OUTPUT_TOKENS] == {"intValue": "40"}
        assert chat[names.GEN_AI_REQUEST_TEMPERATURE] == {"doubleValue": 0.1}
        failed = [one for one in spans.values() if one["name"] == "process go-dev" and "status" in one]
        assert [one["status"]["code"] for one in failed] == [otlp.ERROR]
        said = {one["key"]: one["value"] for one in failed[0]["attributes"]}
        assert said[names.ERROR_TYPE] == {"stringValue": "infra.model"}


class Page(html.parser.HTMLParser):
    """What a browser would find in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class TestPage:
    @pytest.fixture
    def page(self) -> Page:
        page = Page()
        page.feed(exports.rendered(whole_run(), "html"))
        page.close()
        assert page.open == []
        return page

    def test_nothing_comes_from_outside_and_nothing_runs(self, page: Page) -> None:
        outside = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use", "a"}
        assert page.tags.keys() & outside == set()
        refer = {"src", "href", "xlink:href", "srcset", "action", "data", "background", "style"}
        assert [name for name, _ in page.attributes if name in refer or name.startswith("on")] == []
        style = next(text for text in page.texts if ":root" in text)
        assert not any(word in style for word in ("url(", "@import", "//"))
        policy = [value for name, value in page.attributes if value.startswith("default-src")]
        assert policy
        assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'")

    def test_hostile_text_is_shown_and_does_nothing(self, page: Page) -> None:
        text = "".join(page.texts)
        assert "<script>alert(1)</script>" in text
        assert "\\x1b[31m\\u202e" in text
        assert not any(one in text for one in "\x1b\u202e")

    def test_it_tells_rounds_with_their_diffs_verdicts_and_the_swimlane(self, page: Page) -> None:
        text = "".join(page.texts)
        for part in (
            "red:stalled",
            "Round 1, stage 0: red",
            "2/3: build ok, vet ok, test failed",
            "GCD(0, 5)",
        ):
            assert part in text
        assert "+++ after" in text
        assert (page.tags["svg"], page.tags["h1"]) == (1, 1)
        assert page.tags["rect"] > 8


@settings(deadline=None)
@given(st.text())
def test_whatever_is_said_is_one_line_of_a_mermaid_diagram(said: str) -> None:
    plain, lines = (
        mermaid.render(
            log_of(*Told.of(NUMKIT).messages, BuildStopped(reason=reason, diagnosis=""))
        ).splitlines()
        for reason in ("x", said)
    )
    assert len(lines) == len(plain)
    # An entity (`#59;`) is the only place for these two characters, which end or comment a line.
    assert "%" not in lines[-2]
    assert lines[-2].count(";") == lines[-2].count("#")


def test_lanes_never_overlap_and_are_as_few_as_can_be() -> None:
    works = [work for work in timeline.timeline_of(whole_run()).works if work.kind == "model"]
    found = [(lane, work.began_at - 100, work.ended_at - 100) for lane, work in timeline.lanes(works)]
    assert [lane for lane, _, _ in found] == [0, 0, 1]
    assert found[1][2] > found[2][1]
