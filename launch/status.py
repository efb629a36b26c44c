"""What runs on a state folder now: the record of the swarm, and what its broker says."""

import time
from pathlib import Path
from typing import Any

from guildbus.bus.permissions import OPERATOR
from guildbus.bus.tail import JournalReader
from guildbus.launch.access import operator_keys
from guildbus.launch.config import GuildConfig
from guildbus.launch.following import broker_health
from guildbus.launch.model_servers import running
from guildbus.launch.swarm import BROKER, read_record


async def read_status(config: GuildConfig) -> dict[str, Any]:
    """`{broker, agents, queues, model}` as design §8 has them; `broker` is None when no swarm runs."""
    record = read_record(config)
    if record is None:
        return {"broker": None, "agents": [], "queues": [], "model": {}}
    return describe(config, record, await broker_health(record["endpoint"], keys=operator_keys(config)))


def describe(config: GuildConfig, record: dict[str, Any], health: dict[str, Any] | None) -> dict[str, Any]:
    """The same from the swarm's record, and what its broker said (None: it does not answer)."""
    processes = {process["name"]: process for process in record["processes"]}
    broker = processes[BROKER]
    models = {}
    for name, url in record["models"].items():
        server = running(config.state_dir, name)
        models[name] = {"url": url, "pid": server.pid if server is not None else None}
    return {
        "broker": {
            "pid": broker["pid"],
            "endpoint": record["endpoint"],
            "up_s": round(time.time() - broker["since"], 1),
            "answers": health is not None,
            "owner": record["owner"],
            "journal": {} if health is None else health.get("journal", {}),
            "refused": {} if health is None else health.get("refused", {}),
        },
        "agents": _agents(health, processes),
        "queues": _queues(health, Path(record["journal"])),
        "model": models,
    }


def _agents(health: dict[str, Any] | None, processes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every agent process, and what the broker knows of it."""
    known = {agent["name"]: agent for agent in health["agents"]} if health is not None else {}
    found = []
    for name, process in processes.items():
        if name == BROKER:
            continue
        agent = known.get(name)
        handling = agent["handling"][0] if agent is not None and agent["handling"] else None
        state = process["phase"] if agent is None else "idle"
        if handling is not None and agent is not None:
            state = agent["activity"] or f"handling {handling['type'].rpartition('.v')[0]}"
        found.append(
            {
                "name": name,
                "role": agent["role"] if agent is not None else "",
                "pid": process["pid"],
                "state": state,
                "run": handling["run"] if handling is not None else None,
                "credits": agent["credit"] if agent is not None else 0,
                "restarts": process["restarts"],
            }
        )
    return found


def _queues(health: dict[str, Any] | None, journal: Path) -> list[dict[str, Any]]:
    """Every queue that somebody takes from, with its dead letters."""
    if health is None:
        return []
    reader = JournalReader(journal)
    try:
        dead = [stored.packet.envelope.to for stored in reader.dead_letters()]
    finally:
        reader.close()
    return [
        {"role": q["role"], "ready": q["ready"], "leased": q["leased"], "dead": dead.count(q["role"])}
        for q in health["queues"]
        if q["role"] != OPERATOR and not q["role"].startswith("cli-")
    ]
