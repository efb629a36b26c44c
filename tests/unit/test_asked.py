"""What a program hands over: a configuration, a spec as data, options; each mistake is named by its place."""

from pathlib import Path
from typing import Any

import pytest

from guildbus.launch.asked import config_from, options_from, spec_from
from guildbus.launch.config import GuildConfig, parse_config
from guildbus.launch.places import Host
from guildbus.launch.specfile import load_spec
from guildbus.protocols.errors import ConfigError, SpecError, UsageError
from guildbus.protocols.spec import Spec

SPECS = Path(__file__).resolve().parents[2] / "specs"
KIT = {
    "name": "kit",
    "language": "go",
    "go_module": "example.com/kit",
    "files": [{"path": "kit.go", "purpose": "package kit. Double(n int) int returns twice n."}],
}


@pytest.fixture
def config(tmp_path: Path) -> GuildConfig:
    host = Host({}, tmp_path, tmp_path, "linux", "x86_64")
    return parse_config("[build]\ncandidates = 5\nmax_tokens = 9000\n", "guild.toml", host, tmp_path)


def test_a_spec_is_a_file_a_mapping_or_a_spec() -> None:
    loaded = load_spec(SPECS / "numkit.yaml")
    assert spec_from(SPECS / "numkit.yaml") == spec_from(str(SPECS / "numkit.yaml")) == loaded
    assert spec_from(loaded.model_dump(mode="json")) == loaded
    assert spec_from(loaded) == loaded


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        ({"name": "../kit"}, "spec: name", "name"),
        ({"nam": "kit"}, "spec: nam", "did you mean 'name'?"),
        ({"files": [{"path": "kit.go"}]}, "spec: files[0].purpose", "the key is missing"),
        ({"files": [{"path": "kit.go", "purpos": "x"}]}, "spec: files[0].purpose", "did you mean 'purpose'?"),
        ({"files": [{"path": "../kit.go", "purpose": "x"}]}, "spec: files[0].path", "leaves"),
        ({"files": [{"path": "kit_test.go", "purpose": "x"}]}, "spec: files[0]", "no Go file but tests"),
        ({"api": ["func Double(n int) int", "not Go"]}, "spec: api[1]", "not Go"),
        ({"api": ["func Double(n int) int"], "examples": ["Double(1)"]}, "spec: examples[0]", "Double(1)"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_by_its_place(change: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_from(KIT | change)
    assert caught.value.where == where
    assert says in str(caught.value)


def test_a_spec_that_was_made_without_its_file_is_held_to_the_same_rules() -> None:
    with pytest.raises(SpecError, match="not Go"):
        spec_from(Spec.model_validate(KIT | {"api": ["not Go"]}))


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        spec_from(KIT | {"name": "../kit", "nam": "kit"})
    assert "\nspec: nam: unknown key" in caught.value.what


def test_options_that_are_left_out_are_those_of_the_configuration(config: GuildConfig) -> None:
    usual = options_from(config, candidates=None, seed=None)
    assert (usual.candidates, usual.max_tokens, usual.seed, usual.teeth_seconds) == (5, 9000, 1, 20.0)
    assert (usual.teeth, options_from(config, teeth=0.0).teeth) == (0.8, 0.0)
    assert options_from(config, candidates=1, max_seconds=2.5).max_seconds == 2.5


def test_a_build_knows_how_many_models_its_authors_can_turn_to(config: GuildConfig) -> None:
    assert options_from(config).further_models == {}
    agents = tuple(
        agent.model_copy(update={"fallback": ("large", "larger")}) if agent.role == "go-dev" else agent
        for agent in config.agents
    )
    twin = next(one for one in agents if one.role == "go-dev").model_copy(
        update={"name": "other", "fallback": ("large",)}
    )
    of_one, of_two = (config.model_copy(update={"agents": each}) for each in (agents, (*agents, twin)))
    assert options_from(of_one).further_models == {"go-dev": 2}
    assert options_from(of_two).further_models == {"go-dev": 1}, "either may take the request"


@pytest.mark.parametrize(
    ("name", "value"), [("candidates", 0), ("max_rounds", 51), ("seed", -1), ("teeth", 1.5)]
)
def test_an_option_out_of_its_bounds_is_named(config: GuildConfig, name: str, value: int) -> None:
    with pytest.raises(UsageError) as caught:
        options_from(config, **{name: value})
    assert caught.value.where == name
    assert "Input should be" in caught.value.what


def test_a_configuration_is_found_as_the_command_finds_it(
    tmp_path: Path, config: GuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("guild.toml", 3), ("other.toml", 4)):
        (tmp_path / name).write_text(f'state_dir = "s"\n[build]\ncandidates = {count}\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GUILDBUS_CONFIG", raising=False)
    assert config_from(config) is config
    assert config_from(None).build.candidates == 3
    assert config_from("other.toml").build.candidates == config_from(tmp_path / "other.toml").build.candidates
    monkeypatch.setenv("GUILDBUS_CONFIG", "other.toml")
    assert config_from(None).build.candidates == 4
    assert config_from("guild.toml").build.candidates == 3
    with pytest.raises(ConfigError, match="no such file"):
        config_from("nowhere.toml")
