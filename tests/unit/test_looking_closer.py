"""What a person asks of a trace: some of its messages, one of them, each as it comes; and of the logs."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus.tail import Attempt
from guildbus.launch import log_view
from guildbus.launch.filtering import Wanted, filtered
from guildbus.launch.live_trace import Follower
from guildbus.launch.message_view import message_view, plain
from guildbus.launch.printable import printable
from guildbus.launch.run_log import RunLog
from guildbus.launch.tracing import contexts, render_tree, tree_of
from guildbus.protocols.messages.control import DeadRequeued
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, failure, finished, log_of, proposed


def run() -> RunLog:
    told = Told.of(NUMKIT)
    told.add(proposed(told.state.requests[0], call(wall_s=2.5), call(cached=True)))
    told.accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE)
    told.verify(failures=(failure(),)).ask("numkit_test.go").accept("numkit_test.go", SUITE)
    told.witness("").add(finished("red:stalled"))
    messages = [("planner/1", one) for one in told.messages]
    messages[4] = ("go-dev/7", told.messages[4])
    story = [(3, "delivered", 102.0), (3, "failed", 102.5), (3, "delivered", 103.0), (3, "settled", 104.0)]
    attempts = [
        Attempt(n, at, seq, 1 + (n > 1), "go-dev/7", event, "infra.model" * (event == "failed"), "it is down")
        for n, (seq, event, at) in enumerate(story)
    ]
    return log_of(*messages, attempts=attempts)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(agent="go-dev"), [3, 5]),
        (Wanted(agent="go-*", type="draft.requested"), [3, 4, 9]),
        (Wanted(type="draft.*", round=1), [9, 10]),
        (Wanted(file="numkit.go"), [3, 5, 6, 8, 14]),
        (Wanted(file="numkit_test.go", round=0), [4, 7, 8]),
        (Wanted(), list(range(1, 15))),
    ],
)
def test_a_filter_takes_what_is_asked_for(wanted: Wanted, numbers: list[int]) -> None:
    assert [line.seq for line in filtered(run(), wanted).lines] == numbers


def test_a_filtered_tree_keeps_the_causes_cut_short() -> None:
    lines = list(render_tree(run(), Wanted(type="verification.finished")))
    assert len(lines) == 8
    assert all(line.endswith(" ...") for line in lines[:-1])
    assert "2/3 red" in lines[-1]
    assert list(render_tree(run(), Wanted(agent="nobody"))) == []


def test_a_redelivery_stands_below_its_message_with_its_reason() -> None:
    lines = list(render_tree(run()))
    place = next(n for n, line in enumerate(lines) if "attempt 1 by go-dev/7: failed after 0.50 s" in line)
    assert "infra.model: it is down" in lines[place]
    assert "draft.requested #3" in lines[place - 1]
    assert "attempt 2]" in lines[place - 1]
    assert "attempt 2 by go-dev/7: settled after 1.00 s" in lines[place + 1]


def test_what_the_store_gave_costs_no_model_time() -> None:
    (root,) = tree_of(run())
    node = root.children[0].children[0].children[0]
    assert (node.line.seq, node.model_s, node.tokens) == (4, 2.5, (100, 40))


def test_contexts_cover_references_and_say_what_two_roles_shared() -> None:
    text = list(contexts(run()))
    assert any(line.startswith("reference  numkit  python  candidate 0") for line in text)
    assert text[-2:] == ["in prompts of more than one role:", "    system            1  (go-dev, reference)"]


def test_a_message_opens_with_its_cause_its_attempts_and_its_code_as_code() -> None:
    text = list(plain(message_view(run(), 5)))
    assert "cause      #4 draft.requested  planner -> go-test  numkit_test.go, 2 candidates" in text
    assert any(line.startswith("led to     #6 draft.accepted") for line in text)
    assert any("go_dev.md" in line for line in text)
    assert "        │ func GCD(a, b int) int { return a + b }" in text
    assert "\\n" not in "".join(text)
    attempts = list(plain(message_view(run(), 3)))
    assert "  1  go-dev/7, given to it after 0.00 s, failed after 0.50 s: infra.model: it is down" in attempts
    with pytest.raises(KeyError):
        list(message_view(run(), 99))


def test_a_followed_run_names_causes_tells_failures_and_ends_until_it_is_opened_again() -> None:
    follower = Follower()
    log = run()
    rows = [follower.on_line(line) for line in log.lines]
    assert all(rows)
    assert rows[4] is not None
    assert "#5 draft.proposed <- #4  go-dev -> gate-keeper" in rows[4].text
    assert follower.ended
    failed = follower.on_ended(log.attempts[1])
    assert failed is not None
    assert "#3 attempt 1 by go-dev/7: failed: infra.model: it is down" in failed.text
    assert follower.on_ended(log.attempts[3]) is None
    follower.on_line(log_of(DeadRequeued(message_id="x", copy_id="y", by="me")).lines[0])
    assert not follower.ended


@settings(deadline=None)
@given(st.text())
def test_nothing_printable_obeys(text: str) -> None:
    shown = printable(text)
    assert all(one.isprintable() or one in "\n\t" or ord(one) > 0x9F for one in shown)
    assert not any("\u202a" <= one <= "\u202e" or "\u2066" <= one <= "\u2069" for one in shown)
    if text.isascii() and text.isprintable():
        assert shown == text


class TestLogs:
    def line(self, second: int, **more: object) -> str:
        ids = {"agent": "a", "run": None, "message": None}
        said = {"time": f"2026-01-01T00:00:{second:02}.000Z", "level": "info", "event": "e"} | ids | more
        return json.dumps(said) + "\n"

    def test_lines_of_all_files_come_in_order_and_can_be_asked_for(self, tmp_path: Path) -> None:
        one, two = tmp_path / "go-dev-1.log", tmp_path / "broker.log"
        one.write_text(
            self.line(2, run="r1", message="m1") + "Traceback: raw\n" + self.line(5, level="error")
        )
        (tmp_path / "go-dev-1.log.1").write_text(self.line(1))
        two.write_text(self.line(3))
        ends = log_view.ends_of(log_view.log_files(tmp_path))

        def texts(asked: log_view.Asked, count: int = 0) -> list[str]:
            return [log_view.shown(entry) for entry in log_view.recent(ends, count, asked)]

        everything = texts(log_view.Asked())
        assert [line[:8] for line in everything] == [
            "00:00:01",
            "00:00:02",
            "00:00:02",
            "00:00:03",
            "00:00:05",
        ]
        assert everything[2].endswith("go-dev-1      Traceback: raw")
        assert texts(log_view.Asked(), 1) == everything[-1:]
        assert texts(log_view.Asked(level="warning")) == everything[-1:]
        assert texts(log_view.Asked(run="r1", message="m")) == everything[1:2]
        assert log_view.log_files(tmp_path, ["go-dev"]) == [one]

    def test_following_reads_whole_lines_new_files_and_files_that_were_cut_short(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.log"
        path.write_text(self.line(1))
        places = log_view.ends_of([path])
        steps = [
            lambda: path.write_text(self.line(1) + self.line(2) + "half"),
            lambda: (tmp_path / "b.log").write_text(self.line(3)),
            lambda: path.write_text(self.line(4)),
        ]

        def sleep(_seconds: float) -> None:
            steps.pop(0)()

        lines = log_view.follow(lambda: log_view.log_files(tmp_path), places, log_view.Asked(), sleep)
        assert [next(lines).time[18] for _ in range(3)] == ["2", "3", "4"]
