"""When to start, restart, stop and give up a child: the policy, as a pure state machine.

`step(swarm, event, now)` takes what happened and gives the new state and what to do. Events
change one child; what follows is then read off the whole state, so that no order of events
can leave a start or a stop forgotten. The clock is passed in, in seconds.

- A stage starts when every critical child of the earlier stages is ready, its children at the
  same time; stopping goes the other way, stage by stage.
- A child that ends is started again after a delay that doubles, until it has ended more than
  `limit` times within `window_s`: then it is given up.
- A child whose very first start ends with an exit code, or is not ready in time, is given up
  at once: it said no, and would say it again. One that was *killed* is started again.
- When a critical child is given up, the swarm stops.

`guildbus.launch.supervisor` carries the actions out; read it next.
"""

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"  # for the children of an earlier stage
    STARTING = "starting"
    READY = "ready"
    RESTING = "resting"  # ended, and will be started again
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"  # given up


ALIVE = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
OVER = frozenset({Phase.STOPPED, Phase.FAILED})


@dataclass(frozen=True)
class RestartPolicy:
    """At most `limit` restarts of a child within `window_s`, each after twice the delay of the last."""

    limit: int = 5
    window_s: float = 60.0
    first_delay_s: float = 0.1
    max_delay_s: float = 5.0

    def delay_s(self, ends: int) -> float:
        """The rest before the next start, after `ends` (from 1) ends within the window."""
        return float(min(self.first_delay_s * 2.0 ** min(ends - 1, 62), self.max_delay_s))


@dataclass(frozen=True)
class Terms:
    """What the policy has to know of a child."""

    name: str
    stage: int = 0
    ready_timeout_s: float = 10.0
    critical: bool = True


@dataclass(frozen=True)
class Child:
    """A child's state. `ends` are the times of its unasked ends within the window."""

    terms: Terms
    phase: Phase = Phase.WAITING
    since: float = 0.0
    start_at: float = 0.0
    was_ready: bool = False
    ends: tuple[float, ...] = ()
    restarts: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Swarm:
    """The state of all children, in the order in which they were given."""

    children: Mapping[str, Child]
    policy: RestartPolicy
    stopping: bool = False

    @property
    def ready(self) -> bool:
        """Every critical child is ready."""
        return all(child.phase is Phase.READY for child in self if child.terms.critical)

    @property
    def over(self) -> bool:
        """Nothing lives any more, and nothing will be started."""
        return all(child.phase in OVER for child in self)

    def __iter__(self) -> Iterator[Child]:
        return iter(self.children.values())

    def with_child(self, child: Child) -> "Swarm":
        """The swarm with this child's state replaced."""
        return replace(self, children=MappingProxyType({**self.children, child.terms.name: child}))


@dataclass(frozen=True)
class Tick:
    """Time has passed (also: begin)."""


@dataclass(frozen=True)
class Ready:
    """The child says that it can be used."""

    name: str


@dataclass(frozen=True)
class Exited:
    """The child ended. `code` is negative for a signal; `detail` says why it could not even start."""

    name: str
    code: int
    detail: str = ""


@dataclass(frozen=True)
class StopAsked:
    """The swarm is wanted no longer."""


@dataclass(frozen=True)
class Start:
    """Start this child."""

    name: str


@dataclass(frozen=True)
class Stop:
    """Ask this child to end, and kill it if it does not."""

    name: str


@dataclass(frozen=True)
class GiveUp:
    """Start this child no more."""

    name: str
    reason: str


Event = Tick | Ready | Exited | StopAsked
Action = Start | Stop | GiveUp


def swarm_of(terms: list[Terms], policy: RestartPolicy) -> Swarm:
    """A swarm of which nothing has been started. Names must differ."""
    children = {term.name: Child(term) for term in terms}
    if len(children) != len(terms):
        raise ValueError("two children have the same name")
    return Swarm(MappingProxyType(children), policy)


def step(swarm: Swarm, event: Event, now: float) -> tuple[Swarm, tuple[Action, ...]]:
    """Apply one event; give the new state and the actions that it calls for, in order."""
    actions: list[Action] = []
    match event:
        case Ready(name):
            child = swarm.children[name]
            if child.phase is Phase.STARTING:
                swarm = swarm.with_child(replace(child, phase=Phase.READY, since=now, was_ready=True))
        case Exited(name):
            child = swarm.children[name]
            if child.phase in ALIVE:
                child = _ended(child, event, now, swarm)
                swarm = swarm.with_child(child)
                if child.phase is Phase.FAILED:
                    actions.append(GiveUp(name, child.reason))
        case StopAsked():
            swarm = replace(swarm, stopping=True)
        case Tick():
            pass
    if any(child.phase is Phase.FAILED and child.terms.critical for child in swarm):
        swarm = replace(swarm, stopping=True)
    for child, action in _due(swarm, now):
        swarm = swarm.with_child(child)
        if action is not None:
            actions.append(action)
    return swarm, tuple(actions)


def due_at(swarm: Swarm) -> float | None:
    """When the next `Tick` has something to do; None while only events can change anything."""
    if swarm.stopping:
        return None
    times = [child.start_at for child in swarm if child.phase is Phase.RESTING]
    times += [_deadline(child) for child in swarm if child.phase is Phase.STARTING]
    return min(times, default=None)


def _deadline(child: Child) -> float:
    return child.since + child.terms.ready_timeout_s


def _ended(child: Child, event: Exited, now: float, swarm: Swarm) -> Child:
    """The child after its end: stopped if that was wanted, else resting or given up."""
    if swarm.stopping:
        return replace(child, phase=Phase.STOPPED, since=now)
    policy = swarm.policy
    late = child.phase is Phase.STOPPING
    how = event.detail or (child.reason if late else _how(event.code))
    ends = (*(at for at in child.ends if at > now - policy.window_s), now)
    child = replace(child, since=now, ends=ends)
    if not child.was_ready and (late or event.code >= 0):
        return replace(child, phase=Phase.FAILED, reason=f"{how} before it was ready")
    if len(ends) > policy.limit:
        reason = f"ended {len(ends)} times within {policy.window_s:g} s, at last: {how}"
        return replace(child, phase=Phase.FAILED, reason=reason)
    return replace(child, phase=Phase.RESTING, start_at=now + policy.delay_s(len(ends)), reason=how)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _due(swarm: Swarm, now: float) -> Iterator[tuple[Child, Action | None]]:
    """What the state calls for now: each child that changes, with its action."""
    if swarm.stopping:
        yield from _due_stops(swarm, now)
        return
    for child in swarm:
        name = child.terms.name
        starting = replace(child, phase=Phase.STARTING, since=now)
        match child.phase:
            case Phase.WAITING if _may_start(child, swarm):
                yield starting, Start(name)
            case Phase.RESTING if now >= child.start_at:
                yield replace(starting, restarts=child.restarts + 1), Start(name)
            case Phase.STARTING if now >= _deadline(child):
                reason = f"was silent for {child.terms.ready_timeout_s:g} s"
                yield replace(child, phase=Phase.STOPPING, since=now, reason=reason), Stop(name)


def _may_start(child: Child, swarm: Swarm) -> bool:
    earlier = [other for other in swarm if other.terms.stage < child.terms.stage]
    return all(other.phase is Phase.READY for other in earlier if other.terms.critical)


def _due_stops(swarm: Swarm, now: float) -> Iterator[tuple[Child, Action | None]]:
    stage = max((child.terms.stage for child in swarm if child.phase in ALIVE), default=0)
    for child in swarm:
        if child.phase in (Phase.WAITING, Phase.RESTING):
            yield replace(child, phase=Phase.STOPPED, since=now), None
        elif child.phase in (Phase.STARTING, Phase.READY) and child.terms.stage == stage:
            yield replace(child, phase=Phase.STOPPING, since=now), Stop(child.terms.name)
