"""A whole swarm on TCP: with keys it builds as it does over ipc, and whoever has none says what to do."""

import socket
from pathlib import Path

import pytest

from guildhall import ROLES, ROOT, Guild, numkit, rule

SPEC = ROOT / "specs" / "numkit.yaml"


@pytest.fixture
def tcp(guild: Guild) -> Guild:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    guild.serve([rule(numkit())], config=f'[bus]\nendpoint = "tcp://127.0.0.1:{port}"\n')
    return guild


def test_a_build_with_keys_is_green_and_one_without_says_how_to_make_them(tcp: Guild) -> None:
    without = tcp.run("build", SPEC)
    assert without.returncode == 2
    assert "guildbus keys new --roster" in without.stderr
    assert "Traceback" not in without.stderr

    made = tcp.json("keys", "new", "--roster", "--json")
    assert [one["name"] for one in made["new"]] == [*ROLES, "operator"]
    assert all(Path(one["file"]).stat().st_mode & 0o777 == 0o600 for one in made["new"])
    assert tcp.json("keys", "new", "--roster", "--json")["new"] == []

    code, report = tcp.build(SPEC, "--out", "pkg")
    assert (code, report["green"]) == (0, True)


def test_status_counts_what_was_refused_and_a_revoked_agent_is_missed(tcp: Guild) -> None:
    assert tcp.run("keys", "new", "--roster").returncode == 0
    listed = tcp.json("keys", "list", "--json")
    assert {key["name"]: key["roles"] for key in listed["keys"]} == {
        **{role: [role] for role in ROLES},
        "operator": ["operator"],
    }
    try:
        up = tcp.run("up")
        assert up.returncode == 0, up.stderr
        found = tcp.json("status", "--json")
        assert sorted(agent["name"] for agent in found["agents"]) == sorted(ROLES)
        assert found["broker"]["refused"] == {}
    finally:
        assert tcp.run("down").returncode == 0
    assert tcp.run("keys", "revoke", "go-dev").returncode == 0
    again = tcp.run("up")
    assert again.returncode == 2
    assert "go-dev.key" in again.stderr
    assert "guildbus keys new" in again.stderr
