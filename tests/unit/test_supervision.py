"""The restart policy, as a pure state machine with a clock of its own."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.launch.supervision import (
    ALIVE,
    Action,
    Event,
    Exited,
    GiveUp,
    Phase,
    Ready,
    RestartPolicy,
    Start,
    Stop,
    StopAsked,
    Swarm,
    Terms,
    Tick,
    due_at,
    step,
    swarm_of,
)

POLICY = RestartPolicy(limit=3, window_s=60.0, first_delay_s=0.1, max_delay_s=1.0)
GUILD = [Terms("broker"), Terms("planner", 1), Terms("go-dev", 1), Terms("ui", 1, critical=False)]


@dataclass
class Run:
    """A swarm, the time, and all that was ever ordered."""

    swarm: Swarm
    now: float = 0.0
    orders: list[tuple[float, Action]] = field(default_factory=list)

    def tell(self, event: Event, *, after_s: float = 0.0) -> tuple[Action, ...]:
        self.now += after_s
        self.swarm, actions = step(self.swarm, event, self.now)
        self.orders += [(self.now, action) for action in actions]
        return actions

    def phase(self, name: str) -> Phase:
        return self.swarm.children[name].phase


def begun(terms: list[Terms] = GUILD, policy: RestartPolicy = POLICY) -> Run:
    run = Run(swarm_of(terms, policy))
    run.tell(Tick())
    return run


def up(terms: list[Terms] = GUILD, policy: RestartPolicy = POLICY) -> Run:
    run = begun(terms, policy)
    for term in terms:
        run.tell(Ready(term.name))
    assert run.swarm.ready
    return run


def test_a_stage_starts_at_once_when_the_earlier_one_is_ready() -> None:
    run = Run(swarm_of(GUILD, POLICY))
    assert run.tell(Tick()) == (Start("broker"),)
    assert run.tell(Tick(), after_s=1) == ()
    assert run.tell(Ready("broker")) == (Start("planner"), Start("go-dev"), Start("ui"))
    assert not run.swarm.ready
    run.tell(Ready("planner"))
    run.tell(Ready("go-dev"))
    assert run.swarm.ready, "a child that is not critical is not waited for"


def test_stopping_goes_backwards_and_waits_for_each_stage() -> None:
    run = up()
    assert run.tell(StopAsked()) == (Stop("planner"), Stop("go-dev"), Stop("ui"))
    assert run.tell(StopAsked()) == (), "asked twice, ordered once"
    assert run.tell(Exited("planner", 0)) == ()
    assert run.tell(Exited("ui", -9)) == ()
    assert run.tell(Exited("go-dev", 0)) == (Stop("broker"),)
    assert not run.swarm.over
    assert run.tell(Exited("broker", 0)) == ()
    assert run.swarm.over
    assert due_at(run.swarm) is None


def test_stopping_during_the_start_never_starts_the_rest() -> None:
    run = begun()
    assert run.tell(StopAsked()) == (Stop("broker"),)
    assert run.tell(Ready("broker")) == (), "too late"
    run.tell(Exited("broker", 0))
    assert run.swarm.over
    assert {child.phase for child in run.swarm} == {Phase.STOPPED}


@pytest.mark.parametrize("code", [0, 1, -9])
def test_a_child_that_ends_is_started_again_after_a_growing_delay(code: int) -> None:
    run = up()
    for delay_s in (0.1, 0.2, 0.4):
        assert run.tell(Exited("go-dev", code), after_s=1) == ()
        assert run.phase("go-dev") is Phase.RESTING
        assert due_at(run.swarm) == pytest.approx(run.now + delay_s)
        assert run.tell(Tick(), after_s=delay_s * 0.9) == ()
        assert run.tell(Tick(), after_s=delay_s * 0.11) == (Start("go-dev"),)
        run.tell(Ready("go-dev"))
    assert run.swarm.children["go-dev"].restarts == 3


def test_a_child_that_keeps_ending_is_given_up_and_takes_the_swarm_down() -> None:
    run = up()
    for _ in range(POLICY.limit):
        run.tell(Exited("go-dev", -11))
        run.tell(Tick(), after_s=1.0)
        run.tell(Ready("go-dev"))
    actions = run.tell(Exited("go-dev", -11))
    reason = "ended 4 times within 60 s, at last: was killed by SIGSEGV"
    assert actions == (GiveUp("go-dev", reason), Stop("planner"), Stop("ui"))
    assert run.phase("go-dev") is Phase.FAILED


def test_ends_outside_the_window_are_forgotten() -> None:
    run = up()
    for _ in range(3 * POLICY.limit):
        run.tell(Exited("go-dev", 1))
        assert due_at(run.swarm) == pytest.approx(run.now + POLICY.first_delay_s)
        run.tell(Tick(), after_s=POLICY.window_s + 1)
        run.tell(Ready("go-dev"))
    assert run.swarm.ready


def test_a_child_that_is_not_critical_is_given_up_alone() -> None:
    run = up()
    for _ in range(POLICY.limit + 1):
        run.tell(Exited("ui", 1))
        run.tell(Tick(), after_s=1.0)
    assert run.phase("ui") is Phase.FAILED
    assert run.swarm.ready
    assert not run.swarm.stopping


def test_a_first_start_that_ends_with_an_exit_code_is_not_tried_again() -> None:
    run = begun()
    run.tell(Ready("broker"))
    actions = run.tell(Exited("go-dev", 2))
    assert actions[0] == GiveUp("go-dev", "ended with exit code 2 before it was ready")
    assert set(actions[1:]) == {Stop("planner"), Stop("ui")}


def test_a_first_start_that_was_killed_is_tried_again() -> None:
    run = begun()
    run.tell(Exited("broker", -9))
    assert run.phase("broker") is Phase.RESTING
    assert run.tell(Tick(), after_s=0.2) == (Start("broker"),)


def test_a_first_start_that_stays_silent_is_stopped_and_given_up() -> None:
    run = begun()
    assert due_at(run.swarm) == 10.0
    assert run.tell(Tick(), after_s=9.9) == ()
    assert run.tell(Tick(), after_s=0.1) == (Stop("broker"),)
    assert run.tell(Ready("broker")) == (), "too late"
    (given_up,) = run.tell(Exited("broker", -15))
    assert given_up == GiveUp("broker", "was silent for 10 s before it was ready")
    assert run.swarm.over


def test_a_restart_that_stays_silent_counts_as_an_end() -> None:
    run = up()
    run.tell(Exited("go-dev", 1))
    run.tell(Tick(), after_s=0.1)
    assert run.tell(Tick(), after_s=10) == (Stop("go-dev"),)
    assert run.tell(Exited("go-dev", -15)) == ()
    assert run.phase("go-dev") is Phase.RESTING
    assert len(run.swarm.children["go-dev"].ends) == 2


def test_what_cannot_be_started_says_why() -> None:
    run = begun()
    assert run.tell(Exited("broker", 127, "cannot be started (no such file)")) == (
        GiveUp("broker", "cannot be started (no such file) before it was ready"),
    )


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        swarm_of([Terms("a"), Terms("a")], POLICY)


def test_the_delay_has_a_ceiling() -> None:
    assert RestartPolicy().delay_s(10_000) == RestartPolicy().max_delay_s


NAMES = [term.name for term in GUILD]
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["ready", "exit", "tick", "tick", "stop"]),
        st.sampled_from(NAMES),
        st.sampled_from([0, 1, -9]),
        st.floats(0, 20),
    ),
    max_size=60,
)


@given(MOVES)
@settings(max_examples=300, deadline=None)
def test_whatever_happens_the_orders_fit_the_processes(moves: list[tuple[str, str, int, float]]) -> None:
    """A model of the operating system: a process lives from its Start to its exit."""
    run = begun()
    alive = {"broker"}
    for kind, name, code, after_s in moves:
        if kind in ("ready", "exit") and name not in alive:
            continue
        event: Event = {
            "ready": Ready(name),
            "exit": Exited(name, code),
            "tick": Tick(),
            "stop": StopAsked(),
        }[kind]
        if kind == "exit":
            alive.discard(name)
        stopping_before = run.swarm.stopping
        for action in run.tell(event, after_s=after_s):
            match action:
                case Start(started):
                    assert started not in alive, "never two processes of one child"
                    assert not stopping_before, "nothing is started once the swarm stops"
                    alive.add(started)
                case Stop(stopped):
                    assert stopped in alive
        assert alive == {child.terms.name for child in run.swarm if child.phase in ALIVE}
        assert run.swarm.stopping or run.swarm.over or alive or due_at(run.swarm) is not None, "stuck"
    for name in NAMES:
        starts = [at for at, action in run.orders if action == Start(name)]
        for at in starts:
            recent = [s for s in starts if at - POLICY.window_s < s <= at]
            assert len(recent) <= POLICY.limit + 1
    run.tell(StopAsked())
    while alive:
        stopping = {child.terms.name for child in run.swarm if child.phase is Phase.STOPPING}
        assert stopping, "a stop that waits for nobody never ends"
        name = stopping.pop()
        alive.discard(name)
        for action in run.tell(Exited(name, 0)):
            assert isinstance(action, Stop | GiveUp)
    assert run.swarm.over
