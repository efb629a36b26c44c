"""Which agents are here: who said HELLO on which connection, what credit they have, who fell silent. Pure.

An agent joins, reconnects, is replaced by its next incarnation, leaves. What it held goes back to the ledger;
`routing.py` says what else follows from an event.
"""

from typing import Any, Final

from guildbus.bus.events import Action, Hello, Peer, RecordPresence, Send
from guildbus.bus.ledger import Ledger
from guildbus.bus.letters import refusal_of
from guildbus.bus.state import ConnectedAgent, Limits
from guildbus.protocols.errors import GuildbusError, NotAllowed, Replaced, TooMany
from guildbus.protocols.wire import Kind

REMEMBERED_REPLACED: Final = 10_000
"""So many agent instances that were replaced are refused when they wake up; older ones are forgotten."""


class Attendance:
    """The agents that are connected, by name and by peer."""

    def __init__(self, limits: Limits, broker_id: str, ledger: Ledger) -> None:
        self.agents: dict[str, ConnectedAgent] = {}
        self._limits = limits
        self._broker_id = broker_id
        self._ledger = ledger
        self._peers: dict[Peer, str] = {}
        self._replaced: dict[str, None] = {}
        self._looked = self._look_again = 0.0

    def at(self, peer: Peer) -> ConnectedAgent | None:
        """The agent of a connection."""
        name = self._peers.get(peer)
        return None if name is None else self.agents[name]

    def join(self, hello: Hello, now: float) -> list[Action]:
        """Somebody introduces itself."""
        refusal = self._refusal(hello)
        if refusal is not None:
            return [refusal_of(hello, refusal)]
        actions: list[Action] = []
        former = self.agents.get(hello.agent)
        if former is not None and former.incarnation != hello.incarnation:
            self._remember_replaced(former.instance)
            actions += self.leave(former, "replaced by a new incarnation", now)
            former = None
        if former is not None and former.peer == hello.peer:
            # An impatient client asks again on the same connection, and there nothing gets lost.
            former.seen = now
            former.batch, former.patient = hello.batch, hello.patient
            return [self._welcome(former)]
        if former is not None:
            self._unseat(former)
        else:
            actions.append(RecordPresence(f"{hello.agent}/{hello.incarnation}", hello.role, joined=True))
        agent = ConnectedAgent(hello.agent, hello.role, hello.incarnation, hello.peer, now)
        agent.outstanding = set(hello.holding)
        agent.batch, agent.patient = hello.batch, hello.patient
        actions += self._ledger.take_back_lost(agent.name, agent.instance, hello.holding, now)
        self._seat(agent)
        self.give_credit(agent, hello.credit)
        return [*actions, self._welcome(agent)]

    def _refusal(self, hello: Hello) -> GuildbusError | None:
        """Why an agent may not join; None if it may."""
        if f"{hello.agent}/{hello.incarnation}" in self._replaced:
            return Replaced("a newer incarnation has this name", where=hello.agent)
        speaking = self.at(hello.peer)
        if speaking is not None and speaking.instance != f"{hello.agent}/{hello.incarnation}":
            return NotAllowed("this connection is another agent's", where="HELLO")
        if hello.agent in self.agents:
            return None
        if len(self.agents) >= self._limits.max_agents:
            return TooMany(f"there are {len(self.agents)} agents", where="broker", remedy="raise max_agents")
        return self._ledger.no_room(len({hello.agent, hello.role} - self._ledger.queues.keys()))

    def _welcome(self, agent: ConnectedAgent) -> Send:
        header: dict[str, Any] = {
            "broker": self._broker_id,
            "heartbeat_s": self._limits.heartbeat_s,
            "lease_s": self._limits.lease_s,
            "max_attempts": self._limits.max_attempts,
            "batch": True,
        }
        return Send(agent.peer, Kind.WELCOME, header)

    def leave(self, agent: ConnectedAgent, reason: str, now: float) -> list[Action]:
        """An agent is gone, and what it held goes to another."""
        del self.agents[agent.name]
        self._unseat(agent)
        actions: list[Action] = [RecordPresence(agent.instance, agent.role, joined=False, reason=reason)]
        actions += self._ledger.take_back(agent.name, f"its agent {reason}", now)
        for name in agent.queues:
            self._ledger.drop_if_deserted(self._ledger.queue(name))
        return actions

    def silent(self, now: float) -> list[Action]:
        """Whoever was not heard for too long is gone. Looks at all agents, but only when one can be."""
        actions: list[Action] = []
        if now >= self._look_again or now < self._looked:  # clocks may jump backwards
            self._looked = now
            for agent in list(self.agents.values()):
                if now - agent.seen > self._limits.silent_s:
                    actions += self.leave(agent, f"silent for {now - agent.seen:.0f} s", now)
            heard = min((agent.seen for agent in self.agents.values()), default=now)
            self._look_again = heard + self._limits.silent_s
        return actions

    def give_credit(self, agent: ConnectedAgent, amount: int) -> None:
        """An agent can take more: it stands in line, and what waits for it is looked at."""
        most = self._limits.max_credit - len(agent.outstanding)
        agent.credit = max(agent.credit, min(agent.credit + amount, most))
        if agent.credit > 0:
            ledger = self._ledger
            for name in agent.queues:
                queue = ledger.queue(name)
                queue.offer(agent.name)
                if queue.ready:
                    ledger.touched[name] = None

    def _seat(self, agent: ConnectedAgent) -> None:
        self.agents[agent.name] = agent
        self._peers[agent.peer] = agent.name
        self._ledger.peers[agent.instance] = agent.peer
        for name in agent.queues:
            self._ledger.queue(name).join(agent.name, as_role=name == agent.role)

    def _unseat(self, agent: ConnectedAgent) -> None:
        """Its connection is over."""
        self._peers.pop(agent.peer, None)
        self._ledger.peers.pop(agent.instance, None)
        for name in agent.queues:
            self._ledger.queue(name).leave(agent.name)

    def _remember_replaced(self, instance: str) -> None:
        self._replaced[instance] = None
        if len(self._replaced) > REMEMBERED_REPLACED:
            del self._replaced[next(iter(self._replaced))]
