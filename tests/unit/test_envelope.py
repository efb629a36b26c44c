"""The envelope: what it lets through, and that it says where it does not."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.protocols.envelope import MAX_PRIORITY, MAX_TEXT, Envelope, format_time, parse_time
from guildbus.protocols.errors import FrameError

ENVELOPE = Envelope(id="m", source="a/1", type="x.v1", subject="r", time="2026-11-22T21:14:53.000000Z")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
times = st.floats(0, 4e9).map(format_time)
counts = st.integers(0, 2**53 - 1)
envelopes = st.builds(
    Envelope,
    id=texts,
    source=texts,
    type=texts,
    subject=texts,
    time=times,
    to=st.none() | texts,
    dataschema=st.none() | texts,
    traceparent=st.none() | texts,
    tracestate=st.none() | texts,
    correlationid=st.none() | texts,
    causationid=st.none() | texts,
    deadline=st.none() | times,
    priority=st.integers(0, MAX_PRIORITY),
    hops=counts,
    attempt=counts,
    seq=counts,
)


@settings(deadline=None)
@given(envelopes)
def test_round_trip(envelope: Envelope) -> None:
    assert Envelope.from_header(envelope.to_header()) == envelope


def test_unset_attributes_do_not_travel() -> None:
    assert ENVELOPE.to_header() == {
        "specversion": "1.0",
        "id": "m",
        "source": "a/1",
        "type": "x.v1",
        "subject": "r",
        "time": "2026-11-22T21:14:53.000000Z",
        "priority": 4,
        "hops": 0,
    }


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "specversion"])
def test_required_attributes(name: str) -> None:
    header = ENVELOPE.to_header()
    del header[name]
    with pytest.raises(FrameError, match=name):
        Envelope.from_header(header)


@pytest.mark.parametrize("name", [field.name for field in fields(Envelope)])
@pytest.mark.parametrize("value", [None, "", -1, 1.5, 2**53, True, b"x", [], {}, "x" * (MAX_TEXT + 1)])
def test_wrong_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(FrameError) as caught:
        Envelope.from_header(ENVELOPE.to_header() | {name: value})
    assert caught.value.where == f"envelope.{name}"


@pytest.mark.parametrize(("priority", "good"), [(0, True), (9, True), (10, False), ("4", False)])
def test_priority_limits(priority: object, good: bool) -> None:
    header = ENVELOPE.to_header() | {"priority": priority}
    if good:
        assert Envelope.from_header(header) == replace(ENVELOPE, priority=priority)  # type: ignore[arg-type]
    else:
        with pytest.raises(FrameError):
            Envelope.from_header(header)


def test_an_unknown_attribute_is_refused_and_its_name_cut() -> None:
    with pytest.raises(FrameError) as caught:
        Envelope.from_header(ENVELOPE.to_header() | {"x" * 5000: 1})
    assert caught.value.where == "envelope." + "x" * 64


def test_another_specversion_is_refused() -> None:
    with pytest.raises(FrameError, match=r"specversion"):
        Envelope.from_header(ENVELOPE.to_header() | {"specversion": "1.1"})


class TestTime:
    """One form only, so that times sort as text."""

    @settings(deadline=None)
    @given(st.floats(0, 4e9))
    def test_round_trip(self, seconds: float) -> None:
        parsed = parse_time(format_time(seconds))
        assert parsed is not None
        assert abs(parsed - seconds) < 2e-6

    @settings(deadline=None)
    @given(st.floats(0, 4e9), st.floats(0, 4e9))
    def test_sorts_as_text(self, one: float, other: float) -> None:
        if one + 1e-5 < other:
            assert format_time(one) < format_time(other)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "2026-11-22T21:14:53Z",
            "2026-11-22T21:14:53.000000+00:00",
            "2026-11-22 21:14:53.000000Z",
            "2026-11-22T21:14:53,000000Z",
            "2026-13-22T21:14:53.000000Z",
            "2026-11-22T25:14:53.000000Z",
            "2026-W47-7T21:14:53.000000Z",
            "2026-11-22T21:14:5x.000000Z",
            "\N{FULLWIDTH DIGIT TWO}026-11-22T21:14:53.000000Z",
        ],
    )
    def test_other_forms_are_refused(self, text: str) -> None:
        assert parse_time(text) is None

    @settings(deadline=None)
    @given(st.text(max_size=30))
    def test_nothing_crashes(self, text: str) -> None:
        parse_time(text)
