"""The live view: what agents do now, what they said last, rounds, tokens; drawn, in lines, or not at all."""

import io
from typing import Any

from rich.console import Console

from guildbus.launch.live import LiveState, Overheard, PlainView, SilentView, TerminalView
from guildbus.launch.run_log import Line
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, log_of, proposed

ROLES = ("planner", "go-dev", "verifier")


def lines() -> list[Line]:
    run = Told.of(NUMKIT)
    planned = list(run.messages)
    draft = proposed(run.state.requests[0], call(), call())
    run.accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE).verify().ask("numkit.go")
    judged, repair = run.messages[-2:]
    told = [("planner/1", message) for message in planned]
    told += [("go-dev/1", draft), ("verifier/1", judged), ("repair-router/1", repair)]
    return list(log_of(*told).lines)


def health(activity: str = "", handling: str = "") -> dict[str, Any]:
    held = [{"type": handling, "run": "r", "attempt": 1}] if handling else []
    return {"agents": [{"name": "go-dev", "activity": activity, "handling": held}]}


def shown() -> LiveState:
    state = LiveState(ROLES)
    for line in lines():
        state.on_line(line)
    return state


def test_every_agent_has_a_row_from_the_start() -> None:
    assert list(LiveState(ROLES).rows) == list(ROLES)


def test_messages_fill_the_rows() -> None:
    state = shown()
    assert state.rows["planner"].last.startswith("draft.requested: numkit_test.go")
    assert "candidate" in state.rows["go-dev"].last
    assert state.rows["go-dev"].tokens == state.tokens == 80
    assert (state.round, state.score) == (1, 2)


def test_agents_that_are_not_on_the_roster_are_no_crash() -> None:
    assert "repair-router" not in shown().rows
    state = LiveState(())
    for line in lines():
        state.on_line(line)
    state.on_health(health("drafting"))
    assert state.rows == {}


def test_health_says_what_an_agent_does_now() -> None:
    state = LiveState(ROLES)
    state.on_health(health("drafting numkit.go", "draft.requested.v1"))
    assert state.rows["go-dev"].now == "drafting numkit.go"
    state.on_health(health("", "draft.requested.v1"))
    assert state.rows["go-dev"].now == "handling draft.requested"
    state.on_health(health("drafting numkit.go"))
    assert state.rows["go-dev"].now == "", "what it said before it finished is not what it does"


def test_the_plain_view_is_one_line_a_message_with_its_time() -> None:
    said: list[str] = []
    times = iter([0.0, 1.0, 2.5, 3.0])
    view = PlainView(said.append, clock=lambda: next(times))
    view.phase("starting")
    for line in lines()[:2]:
        view.line(line)
    view.health(health())
    view.close()
    assert len(said) == 3
    assert said[0].split() == ["1.0", "starting"]
    assert "planner -> planner  build.requested  numkit" in said[1]
    assert "\n" not in "".join(said)


def test_the_silent_view_says_nothing(capsys: Any) -> None:
    view = SilentView()
    view.phase("x")
    view.line(lines()[0])
    view.health(health())
    view.close()
    assert capsys.readouterr() == ("", "")


def test_the_terminal_view_draws_agents_round_tokens_and_score() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    view = TerminalView(console, "building numkit", ROLES)
    view.phase("starting")
    for line in lines():
        view.line(line)
    view.health(health("drafting [numkit.go]", "draft.requested.v1"))
    with console.capture() as caught:
        console.print(view.render())
    view.close()
    text = caught.get()
    for part in ("building numkit", "round 2", "80 tokens", "2/3", "drafting [numkit.go]", *ROLES):
        assert part in text


def test_whoever_overhears_a_view_is_told_of_new_messages_alone() -> None:
    written: list[str] = []
    heard: list[Line] = []
    view = Overheard(PlainView(written.append, clock=lambda: 0.0), heard.append)
    past, *new = lines()
    view.past(past)
    for line in new:
        view.line(line)
    view.phase("stopping")
    view.health(health())
    view.close()
    assert heard == new
    assert len(written) == len(new) + 1
