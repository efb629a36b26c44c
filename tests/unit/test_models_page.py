"""docs/models.md: every piece of `guild.toml` on it is one that guildbus takes."""

import re
from pathlib import Path

import pytest

from guildbus.launch.config import parse_config
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.model_table import ModelTable
from guildbus.launch.places import Host
from guildbus.launch.serving import serving_plan

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = re.findall(r"```toml\n(.*?)```", (DOCS / "models.md").read_text("utf-8"), re.DOTALL)
HOST = Host({}, Path("/home/ada"), Path("/guild"), "linux", "x86_64")
NAMED = '\n[models.{name}]\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_page_is_taken(block: str) -> None:
    missing = [n for n in ("hosted", "big") if f'"{n}"' in block and f"[models.{n}]" not in block]
    text = block + "".join(NAMED.format(name=name) for name in missing)
    assert serving_plan(parse_config(text, "guild.toml", HOST, HOST.cwd)).bindings


def test_the_page_has_blocks_and_the_ports_that_it_says() -> None:
    assert len(BLOCKS) >= 8
    (apple,) = [block for block in BLOCKS if "port = 8080" in block]
    plan = serving_plan(parse_config(apple, "guild.toml", HOST, HOST.cwd))
    assert [server.port for server in plan.servers] == [8080, 8081]


@pytest.mark.parametrize("table", [ModelTable, AgentTable])
def test_every_key_is_in_the_tables_of_the_operations_page(table: type[ModelTable | AgentTable]) -> None:
    rows = [
        line for line in (DOCS / "operations.md").read_text("utf-8").splitlines() if line.startswith("| `")
    ]
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert table.model_fields.keys() - listed == set()
