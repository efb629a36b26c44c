"""A reply that goes round in circles is seen, and what is just regular is not."""

from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.runaway import MOST_REPEATS, loop_start

LINE = "// - If s is empty, it returns an empty string.\n"


def test_one_line_again_and_again() -> None:
    head = "package stringkit\n\n// Special cases:\n"
    assert loop_start(head + LINE * (MOST_REPEATS - 1)) is None
    assert loop_start(head + LINE * MOST_REPEATS) == len(head + LINE)
    assert loop_start(head + LINE * 9 + "// - If s") == len(head + LINE)


def test_several_lines_in_turn() -> None:
    block = "if a > b {\n\treturn a - b*2\n}\n"
    assert loop_start("func F() {\n" + block * MOST_REPEATS) == len("func F() {\n" + block)


def test_a_regular_program_is_no_loop() -> None:
    table = "".join(f'\t\t{{"row {n}", {n}, {n * n}}},\n' for n in range(40))
    assert loop_start(f"rows := []struct{{\n{table}}}\n" + "\t}\n" * 3 + "}\n" * 6) is None


def test_a_loop_that_ended_is_no_loop() -> None:
    assert loop_start(LINE * 3 + "func F() int {\n\treturn 1\n}\n") is None


@given(st.text("ab\n{}\t", max_size=200), st.integers(MOST_REPEATS, 9))
def test_what_is_kept_is_the_text_up_to_the_first_copy(head: str, times: int) -> None:
    text = head + "\n" + LINE * times
    cut = loop_start(text)
    assert cut is not None
    assert text[:cut].count(LINE) == 1
    assert text[:cut].endswith(LINE)
