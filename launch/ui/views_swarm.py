"""The swarm for the page: `guildbus status`, with each agent's leases and its silence. Pure."""

from typing import Any

NO_SWARM: dict[str, Any] = {"broker": None, "agents": [], "queues": [], "model": {}}


def swarm_view(status: dict[str, Any], health: dict[str, Any] | None) -> dict[str, Any]:
    """`status` as `guildbus status --json` has it; `health` is the broker's report behind it."""
    known = {agent["name"]: agent for agent in health["agents"]} if health is not None else {}
    return status | {"agents": [_agent(agent, known.get(agent["name"])) for agent in status["agents"]]}


def _agent(agent: dict[str, Any], heard: dict[str, Any] | None) -> dict[str, Any]:
    """`health` is ok, busy, silent (two signs of life missed), or gone (the broker does not know it)."""
    leases = heard["handling"] if heard is not None else []
    silent_s = heard["silent_s"] if heard is not None else None
    if silent_s is None:
        health = "gone"
    elif silent_s > 5:
        health = "silent"
    else:
        health = "busy" if leases else "ok"
    shown = [{**lease, "type": lease["type"].rpartition(".v")[0]} for lease in leases]
    return agent | {"leases": shown, "silent_s": silent_s, "health": health}
