"""When a failed call is tried again, and which model of a fleet is asked meanwhile."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from guildbus.agents.chat import RateLimits
from guildbus.agents.health import FleetHealth
from guildbus.agents.retrying import LONGEST_PAUSE_S, may_pass, pause_s, retry_after_s
from guildbus.agents.throttle import Window
from guildbus.launch.model_guard import restart_pause_s

NOW = 1_000_000.0


def test_what_may_pass() -> None:
    passing = [status for status in range(400, 600) if may_pass(status)]
    assert passing == [408, 409, 429, *range(500, 600)]


def test_pauses_double_up_to_a_bound_and_chance_takes_at_most_half() -> None:
    assert [pause_s(n, None, 0.0) for n in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert pause_s(40, None, 0.0) == LONGEST_PAUSE_S
    assert pause_s(3, None, 1.0) == 1.0


def test_what_the_endpoint_asks_for_is_the_least() -> None:
    assert pause_s(1, 90.0, 0.0) == 90
    assert 90 < pause_s(1, 90.0, 1.0) <= 100
    assert pause_s(5, 0.0, 0.5) == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True)}, 30.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "x"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


def test_a_model_that_failed_rests_and_comes_back() -> None:
    health = FleetHealth()
    assert not health.resting(0, 0.0)
    health.failed(0, 100.0)
    health.failed(0, 100.1)
    assert health.resting(0, 104.9)
    assert not health.resting(1, 104.9)
    assert not health.resting(0, 105.0), "failures of one moment count once"
    health.failed(0, 105.0)
    assert health.resting(0, 114.9)
    for at in (115.0, 135.0, 175.0, 235.0):
        health.failed(0, at)
    assert not health.resting(0, 295.0), "a minute is the longest rest"
    health.answered(0)
    health.failed(0, 300.0)
    assert not health.resting(0, 305.0), "one good answer makes it well"


def test_a_server_is_started_again_at_most_five_times_a_minute() -> None:
    deaths = [100.0 + n for n in range(6)]
    pauses = [restart_pause_s(deaths[: n + 1]) for n in range(6)]
    assert pauses == [0.5, 1, 2, 4, 8, None]
    assert restart_pause_s([*deaths[:5], 161.5]) == 4
    assert restart_pause_s([*deaths, 900.0]) == 0.5


def test_a_window_counts_requests_and_tokens_of_a_minute() -> None:
    limits = RateLimits(requests_per_minute=2, tokens_per_minute=100)
    window = Window({"one": (NOW - 50, 40)})
    assert window.wait_s(limits, 60, NOW) == 0
    assert window.wait_s(limits, 61, NOW) == 10
    window.calls["two"] = (NOW - 20, 10)
    assert window.wait_s(limits, 1, NOW) == 10
    assert window.wait_s(limits, 95, NOW) == 40
    assert window.wait_s(limits, 500, NOW) == 40, "a call over the limit waits until it is alone"
    assert window.wait_s(limits, 500, NOW + 41) == 0


def test_a_window_forgets_and_survives_a_clock_that_was_set_back() -> None:
    window = Window({"old": (NOW - 61, 5), "odd": (NOW + 3600, 5), "new": (NOW, 5)})
    window.tidy(NOW)
    assert list(window.calls) == ["new"]
    window.closed_until = NOW + 7
    assert window.wait_s(RateLimits(), 1, NOW) == 7
