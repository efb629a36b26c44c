"""A swarm as command lines: the broker first, an agent process each, no secret and no shared name."""

import json
import os
from pathlib import Path

import psutil
import pytest

from guildbus.agents.settings import AgentSettings
from guildbus.bus.state import Limits
from guildbus.launch.config import ROLES, WITNESSING_ROLES, GuildConfig, parse_config
from guildbus.launch.places import Host
from guildbus.launch.swarm import (
    UNDERTAKER,
    SwarmPaths,
    agent_settings,
    child_specs,
    read_record,
    replace_file,
    replica_names,
    serves,
)
from guildbus.protocols.errors import ConfigError

THREE = '[[agents]]\nrole = "go-dev"\nreplicas = 3\ncandidates = 5\nenv = { A = "b" }\n'


def config(text: str = "", state: Path = Path("/guild/state")) -> GuildConfig:
    host = Host({"GUILDBUS_STATE_DIR": str(state)}, Path("/home/u"), Path("/guild"), "linux", "x86_64")
    return parse_config(text, "guild.toml", host, Path("/guild"))


def test_the_broker_starts_before_the_agents() -> None:
    specs = child_specs(config())
    roles = [*ROLES, *WITNESSING_ROLES]
    assert [spec.name for spec in specs] == ["broker", *roles]
    assert {spec.name: spec.stage for spec in specs} == {"broker": 0} | dict.fromkeys(roles, 1)
    assert all(spec.critical and spec.ready == "line" for spec in specs)


def test_every_process_is_one_of_ours_and_imports_nothing_from_the_working_folder() -> None:
    for spec in child_specs(config()):
        assert spec.argv[1:3] == ("-P", "-m")
        assert spec.argv[3].startswith("guildbus.")


def test_what_tells_of_a_run_is_imported_once_for_all_agents_and_only_where_it_is_on() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")
    for text, told in (("[telemetry]\nenabled = true\n", True), ("[telemetry]\nenabled = false\n", False)):
        broker, *agents = child_specs(config(text))
        assert "guildbus.agents.telemetry.provider" not in broker.preload
        for agent in agents:
            assert ("guildbus.agents.telemetry.provider" in agent.preload) is told
            assert "guildbus.agents.main" in agent.preload


def test_the_broker_is_told_limits_that_it_understands() -> None:
    broker, *_ = child_specs(config("[limits]\nlease_s = 7\nmax_message_bytes = 100000\n"))
    words = dict(zip(broker.argv[4::2], broker.argv[5::2], strict=True))
    limits = Limits(**json.loads(words["--limits"]))
    assert limits.lease_s == 7
    assert limits.undertaker == UNDERTAKER
    assert UNDERTAKER in ROLES
    assert words["--max-bytes"] == "100000"
    assert words["--endpoint"] == "ipc:///guild/state/run/bus.sock"
    assert words["--journal"] == "/guild/state/journal.db"


def test_a_swarm_may_keep_to_one_run_and_to_some_roles() -> None:
    broker, *agents = child_specs(config(), only_run="numkit-x", crew={"planner"})
    words = dict(zip(broker.argv[4::2], broker.argv[5::2], strict=True))
    assert Limits(**json.loads(words["--limits"])).only_run == "numkit-x"
    assert [agent.name for agent in agents] == ["planner"]


@pytest.mark.parametrize(
    ("only_run", "whole", "requested_at", "served"),
    [
        (None, True, 5.0, True),
        ("mine", True, 5.0, True),
        ("other", True, 5.0, False),
        ("other", True, 10.0, True),
        ("other", True, None, True),
        ("mine", False, 20.0, False),
        (None, False, None, False),
    ],
)
def test_whom_a_swarm_serves(
    only_run: str | None, whole: bool, requested_at: float | None, served: bool
) -> None:
    """Its own run, and what is requested after its broker began: the rest is parked in the journal."""
    record = {"only_run": only_run, "whole": whole, "processes": [{"name": "broker", "since": 10.0}]}
    assert serves(record, "mine", requested_at) is served


def test_replicas_have_names_and_settings_files_of_their_own() -> None:
    built = config(THREE)
    names = [spec.name for spec in child_specs(built)]
    assert [name for name in names if name.startswith("go-dev")] == ["go-dev-1", "go-dev-2", "go-dev-3"]
    files = [spec.argv[-1] for spec in child_specs(built)[1:]]
    assert len(set(files)) == len(files)
    assert replica_names(built.agent("go-test")) == ("go-test",)


def test_a_swarm_depends_on_all_agents_but_its_finishers() -> None:
    built = config(
        '[build]\nfinishers = ["go-doc"]\n[[agents]]\nrole = "go-doc"\nentry = "go_doc.agent:GoDoc"\n'
    )
    assert [spec.name for spec in child_specs(built) if not spec.critical] == ["go-doc"]


def test_an_agents_environment_is_its_own() -> None:
    specs = {spec.name: spec for spec in child_specs(config(THREE))}
    assert specs["go-dev-1"].env == {"A": "b"}
    assert specs["go-test"].env == {}


def test_the_settings_are_what_an_agent_reads_back() -> None:
    built = config(THREE)
    settings = agent_settings(built, built.agent("go-dev"), "go-dev-2", (), unsafe=True)
    assert AgentSettings.model_validate_json(settings.model_dump_json()) == settings
    assert (settings.name, settings.role, settings.candidates) == ("go-dev-2", "go-dev", 5)
    assert settings.unsafe_no_sandbox
    assert not agent_settings(built, built.agent("go-test"), "go-test", (), unsafe=False).unsafe_no_sandbox


def test_a_state_folder_that_is_too_deep_for_a_socket_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="too long"):
        child_specs(config(state=Path("/guild") / ("x" * 120)))


def record(state: Path, **fields: object) -> GuildConfig:
    built = config(state=state)
    path = SwarmPaths(state).record
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(fields))
    return built


def test_a_record_of_a_living_process_is_believed(tmp_path: Path) -> None:
    started = psutil.Process().create_time() + 1
    assert read_record(record(tmp_path, pid=os.getpid(), started_at=started)) is not None


def test_a_record_of_an_older_process_with_this_pid_is_not(tmp_path: Path) -> None:
    started = psutil.Process().create_time() - 100
    assert read_record(record(tmp_path, pid=os.getpid(), started_at=started)) is None


@pytest.mark.parametrize("fields", [{}, {"pid": 2**22 + 1, "started_at": 0}])
def test_a_record_of_nobody_is_not(tmp_path: Path, fields: dict[str, object]) -> None:
    assert read_record(record(tmp_path, **fields)) is None


def test_without_a_record_nothing_runs(tmp_path: Path) -> None:
    assert read_record(config(state=tmp_path)) is None


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    replace_file(path, "old")
    replace_file(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
