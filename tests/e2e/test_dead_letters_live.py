"""Dead letters in a swarm that is up: listed, shown, sent once more until it goes well, or dropped."""

from typing import Any

import pytest

from guildhall import NUMKIT, ROOT, Guild, fenced, numkit, rule, until

SPEC = ROOT / "specs" / "numkit.yaml"
MENDABLE = """
from collections.abc import Sequence
from pathlib import Path

from guildbus.agents.agent import handles
from guildbus.agents.context import Context
from guildbus.agents.go_dev import GoDev
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftRequested


class Mendable(GoDev):
    @handles(DraftRequested)
    async def on_draft_requested(self, message: DraftRequested, ctx: Context) -> Sequence[Message]:
        if Path("broken").exists():
            raise ZeroDivisionError("out of order")
        return await super().on_draft_requested(message, ctx)
"""
CONFIG = """
[limits]
max_attempts = 2
[[agents]]
role = "go-dev"
entry = "mendable:Mendable"
"""


@pytest.fixture
def broken(guild: Guild) -> Guild:
    """A swarm that is up, and a run that its go-dev ruined, which fails while there is a file `broken`."""
    (guild.folder / "mendable.py").write_text(MENDABLE)
    (guild.folder / "broken").touch()
    guild.environ["PYTHONPATH"] = f"{guild.folder}:{guild.environment.get('PYTHONPATH', '')}"
    guild.serve([rule(fenced(NUMKIT))], [rule(numkit())], config=CONFIG)
    assert guild.run("up").returncode == 0
    code, report = guild.build(SPEC)
    assert (code, report["status"]) == (1, "red:agent.crashed")
    return guild


def statuses(guild: Guild) -> list[str]:
    """How the only run ended, each time that it did."""
    found = [m for m in guild.json("trace", "last", "--format", "json") if m["type"] == "build.finished.v1"]
    return [message["body"]["status"] for message in found]


def error_of(guild: Guild, *words: str) -> dict[str, Any]:
    done = guild.json("dead", *words, "--json")["error"]
    assert isinstance(done, dict)
    return done


def test_a_dead_letter_is_requeued_until_it_is_handled(broken: Guild) -> None:
    (letter,) = broken.json("dead", "list", "--json")
    assert (letter["type"], letter["queue"], letter["state"]) == ("draft.requested.v1", "go-dev", "dead")
    assert (letter["attempts"], letter["code"]) == (2, "agent.crashed")
    assert letter["id"] in broken.run("dead", "list").stdout
    shown = broken.json("dead", "show", letter["id"][:30], "--json")
    assert [failure["reason"] for failure in shown["failures"]] == ["ZeroDivisionError: out of order"] * 2
    assert shown["body"]["task"]["path"] == "numkit.go"
    assert "out of order" in broken.run("dead", "show", letter["id"]).stdout

    (again,) = broken.json("dead", "requeue", letter["id"], "--json")  # go-dev is broken still
    until(lambda: len(statuses(broken)) == 2, what="the run closed again")
    (second,) = broken.json("dead", "list", "--json")
    assert second["id"] == again["copy"]
    error = error_of(broken, "requeue", letter["id"])
    assert "requeued already" in error["what"]

    (broken.folder / "broken").unlink()
    assert broken.run("dead", "requeue", second["id"]).returncode == 0
    until(lambda: len(statuses(broken)) == 3, 60, what="the run closed a third time")
    assert statuses(broken) == ["red:agent.crashed", "red:agent.crashed", "green:unexamined"]
    (run,) = broken.json("runs", "--json")
    assert (run["green"], run["status"]) == (True, "green:unexamined")
    assert broken.json("dead", "list", "--json") == []
    fates = [one["state"] for one in broken.json("dead", "list", "--all", "--json")]
    assert fates == ["requeued", "requeued"]
    assert "once more, as" in broken.run("trace").stdout
    assert broken.run("down").returncode == 0
    assert broken.leftovers() == []


def test_a_dead_letter_is_dropped_and_what_cannot_be_done_is_said(broken: Guild) -> None:
    (letter,) = broken.json("dead", "list", "--json")
    assert "no dead letter" in error_of(broken, "drop", "nonsense")["what"]
    assert broken.run("dead", "drop", letter["id"], "--reason", "a drill").returncode == 0
    assert broken.json("dead", "list", "--json") == []
    assert "dropped already" in error_of(broken, "drop", letter["id"])["what"]
    assert "a drill" in broken.run("trace").stdout
    assert broken.run("down").returncode == 0
    error = error_of(broken, "requeue", letter["id"])
    assert (error["code"], error["remedy"]) == ("infra.bus", "`guildbus up` starts one")
    assert len(broken.json("dead", "list", "--all", "--json")) == 1
