"""One frame of `guildbus top`, drawn with rich. `watching.py` has the figures, `cli/top.py` the terminal."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from guildbus.bus.permissions import OPERATOR
from guildbus.launch.swarm import BROKER
from guildbus.launch.watching import Watch


def frame(watch: Watch, now: float) -> RenderableType:
    """Head line, agents, queues, runs. `now`: seconds since the epoch."""
    parts: list[RenderableType] = [_head(watch, now)]
    if watch.record is None:
        parts.append(Text("no swarm is up: `guildbus up` or `guildbus build SPEC` starts one", style="dim"))
        return Group(*parts)
    health = watch.health or {"agents": [], "queues": []}
    parts += [Text(), _agents(watch.record, health), Text(), _queues(health)]
    if watch.runs:
        parts += [Text(), _runs(watch, now)]
    return Group(*parts)


def _head(watch: Watch, now: float) -> Text:
    head = Text("guildbus top  ", style="bold")
    head.append(time.strftime("%H:%M:%S", time.localtime(now)), "dim")
    if watch.record is None:
        return head
    broker = next(one for one in watch.record["processes"] if one["name"] == BROKER)
    head.append(f"  up {_age(now - broker['since'])}  pid {broker['pid']} ({watch.record['owner']})", "dim")
    if watch.health is None:
        head.append("  the broker does not answer", "bold red")
        return head
    head.append(f"  {watch.messages_per_s:.1f} messages/s  {watch.tokens_per_s(now):.1f} tokens/s")
    dead, refused = watch.health.get("dead", 0), sum(watch.health.get("refused", {}).values())
    head.append(f"  {dead} dead", "bold red" if dead else "dim")
    head.append(f"  {refused} refused", "yellow" if refused else "dim")
    journal = watch.health.get("journal", {}).get("state", "")
    if journal not in ("ok", "none", ""):
        head.append(f"  journal {journal}", "bold red")
    return head


def _agents(record: Mapping[str, Any], health: Mapping[str, Any]) -> Table:
    table = _table(
        ("agent", "left"),
        ("pid", "right"),
        ("state", "left"),
        ("credit", "right"),
        ("in hand", "right"),
        ("silent", "right"),
        ("doing", "left"),
    )
    known = {agent["name"]: agent for agent in health["agents"]}
    for process in record["processes"]:
        if process["name"] == BROKER:
            continue
        agent = known.get(process["name"])
        if agent is None:
            table.add_row(
                process["name"], str(process["pid"]), Text(process["phase"], "yellow"), "", "", "", ""
            )
            continue
        hand = agent["handling"]
        state = Text("working", "green") if hand else Text("idle", "dim")
        doing = agent["activity"] if hand and agent["activity"] else ""
        if hand and not doing:
            doing = f"handling {hand[0]['type'].rpartition('.v')[0]}"
        doing += f"  (attempt {hand[0]['attempt']})" if hand and hand[0]["attempt"] > 1 else ""
        silent = f"{agent['silent_s']:.1f} s"
        table.add_row(
            process["name"],
            str(process["pid"]),
            state,
            str(agent["credit"]),
            str(len(hand)),
            silent,
            Text(doing),
        )
    return table


def _queues(health: Mapping[str, Any]) -> Table:
    table = _table(("queue", "left"), ("ready", "right"), ("leased", "right"), ("backlog", "right"))
    for queue in health["queues"]:
        if queue["role"] == OPERATOR or queue["role"].startswith("cli-"):
            continue
        style = "yellow" if queue["ready"] else ""
        counts = (Text(str(queue[key]), style) for key in ("ready", "leased", "backlog"))
        table.add_row(queue["role"], *counts)
    return table


def _runs(watch: Watch, now: float) -> Table:
    table = _table(
        ("run", "left"),
        ("since", "right"),
        ("round", "right"),
        ("score", "right"),
        ("messages", "right"),
        ("tokens", "right"),
        ("last", "left"),
    )
    for row in sorted(watch.runs.values(), key=lambda row: row.started_at, reverse=True)[:20]:
        score = "" if row.score is None else f"{row.score}/3"
        table.add_row(
            row.run,
            _age(now - row.started_at),
            str(row.round + 1),
            score,
            str(row.messages),
            str(row.tokens),
            Text(row.last, "dim"),
        )
    return table


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    return table


def _age(seconds: float) -> str:
    minutes, seconds = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
