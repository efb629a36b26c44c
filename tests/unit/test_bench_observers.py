"""The figures of `guildbus bench observers`: what is compared, and what is only told."""

import pytest

from guildbus.launch.bench.observers import Pair, lines, median_ratio


def test_a_pair_in_which_the_model_said_something_else_is_told_and_not_compared() -> None:
    pairs = [Pair(1, 100.0, 102.0, 900, 900), Pair(2, 100.0, 300.0, 900, 2000), Pair(3, 50.0, 50.5, 800, 800)]
    assert median_ratio(pairs) == pytest.approx(1.015)
    told = list(lines(pairs))
    assert "| 2 | 100.0 | 300.0 | another number of tokens |" in told
    assert told[-1].startswith("observed / plain: median 1.015, 1.010 to 1.020 in 2 pairs")


def test_without_a_pair_there_is_no_figure() -> None:
    pairs = [Pair(1, 100.0, 102.0, 900, 901)]
    assert median_ratio(pairs) is None
    assert list(lines(pairs))[-1] == "no pair can be compared"
