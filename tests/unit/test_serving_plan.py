"""Which servers a roster needs: one llama.cpp base for all, one MLX process an adapter, else none."""

from pathlib import Path

import pytest

from guildbus.launch.config import GuildConfig, parse_config
from guildbus.launch.places import Host
from guildbus.launch.serving import adapter_mark, check_files, gguf_path, serving_plan
from guildbus.protocols.errors import ConfigError, ModelError

FOLDER = Path("/guild")


def config(text: str = "", *, apple: bool = False, cache: str = "/guild/cache") -> GuildConfig:
    system, machine = ("darwin", "arm64") if apple else ("linux", "x86_64")
    environ = {"GUILDBUS_STATE_DIR": "/guild/state", "GUILDBUS_CACHE_DIR": cache}
    return parse_config(text, "guild.toml", Host(environ, Path("/home/u"), FOLDER, system, machine), FOLDER)


ADAPTERS = """
[[agents]]
role = "go-dev"
adapter = "dev.gguf"
[[agents]]
role = "go-test"
adapter = "test.gguf"
"""
ENDPOINT = """
[models.default]
base_url = "http://127.0.0.1:9/v1"
model = "m"
"""
FLEET = """
[models.big]
base_url = "http://127.0.0.1:11434/v1"
model = "qwen2.5-coder:14b"
[[agents]]
role = "go-dev"
fallback = ["big"]
"""


def test_by_default_whoever_asks_a_model_shares_one_server() -> None:
    plan = serving_plan(config())
    (server,) = plan.servers
    assert server.kind == "llama"
    assert set(plan.bindings) == {"go-dev", "go-test", "reference"}
    assert {b.server for bound in plan.bindings.values() for b in bound} == {server.name}
    assert plan.endpoints() == ()


def test_llama_serves_all_adapters_on_one_base_and_each_request_picks_its_own() -> None:
    plan = serving_plan(config(ADAPTERS))
    (server,) = plan.servers
    assert server.argv.count("--adapter") == 2
    scales = {
        agent: [scale["scale"] for scale in bound[0].entry.extra["lora"]]
        for agent, bound in plan.bindings.items()
    }
    assert scales == {"go-dev": [1.0, 0.0], "go-test": [0.0, 1.0], "reference": [1.0, 0.0]}
    loaded = [word for word in server.argv if word.endswith(("dev.gguf", "test.gguf"))]
    assert loaded == ["/guild/dev.gguf", "/guild/test.gguf"], "the numbers are places in this order"


def test_a_role_without_an_adapter_uses_none_beside_one_that_has() -> None:
    plan = serving_plan(config('[[agents]]\nrole = "go-dev"\nadapter = "dev.gguf"\n'))
    assert plan.bindings["go-test"][0].entry.extra["lora"] == [{"id": 0, "scale": 0.0}]
    assert plan.bindings["go-dev"][0].entry.extra["lora"] == [{"id": 0, "scale": 1.0}]


def test_without_adapters_a_request_says_nothing_of_them() -> None:
    assert all(b.entry.extra == {} for bound in serving_plan(config()).bindings.values() for b in bound)


def test_mlx_runs_a_process_an_adapter() -> None:
    text = ADAPTERS.replace(".gguf", "")
    plan = serving_plan(config(text, apple=True))
    assert [server.kind for server in plan.servers] == ["mlx", "mlx"]
    names = {agent: bound[0].server for agent, bound in plan.bindings.items()}
    assert names["go-dev"] != names["go-test"]
    by_name = {server.name: server for server in plan.servers}
    assert "/guild/dev" in by_name[names["go-dev"] or ""].argv
    assert "/guild/test" in by_name[names["go-test"] or ""].argv
    assert names["reference"] == names["go-dev"], "a third process would need as much memory again"


def test_references_are_written_by_the_developers_models_unless_the_file_says_otherwise() -> None:
    assert config(FLEET).agent("reference").fleet == ("default", "big")
    stated = config(FLEET + '[[agents]]\nrole = "reference"\nmodel = "big"\n').agent("reference")
    assert (stated.fleet, stated.adapter) == (("big",), None)
    other = config(ADAPTERS + '[[agents]]\nrole = "reference"\ntemperature = 0.9\n').agent("reference")
    assert (other.adapter, other.temperature) == (FOLDER / "dev.gguf", 0.9)


def test_mlx_processes_take_the_ports_that_are_configured() -> None:
    text = ADAPTERS.replace(".gguf", "") + '[models.default]\nmanaged = "mlx"\nport = 8080\n'
    plan = serving_plan(config(text))
    assert [server.port for server in plan.servers] == [8080, 8081]
    assert all(server.argv[-1] == "{port}" for server in plan.servers)
    apart = """
[models.dev]
managed = "mlx"
adapter = "dev"
port = 9001
[models.test]
managed = "mlx"
adapter = "test"
port = 9000
[[agents]]
role = "go-dev"
model = "dev"
[[agents]]
role = "go-test"
model = "test"
"""
    assert {s.name: s.port for s in serving_plan(config(apart)).servers} == {
        "model-server-dev-0": 9001,
        "model-server-test-0": 9000,
    }


def test_mlx_is_asked_for_what_it_was_started_with() -> None:
    plan = serving_plan(config(ADAPTERS.replace(".gguf", ""), apple=True))
    assert {b.entry.extra["model"] for bound in plan.bindings.values() for b in bound} == {"default_model"}


def test_an_adapters_answers_have_keys_of_their_own(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "dev.gguf", tmp_path / "two" / "dev.gguf"
    for path, content in ((first, b"weights"), (second, b"other weights")):
        path.parent.mkdir()
        path.write_bytes(content)
    mark = adapter_mark(first)
    assert mark.startswith("dev.gguf:")
    assert adapter_mark(second) != mark
    second.write_bytes(b"weights")
    assert adapter_mark(second) == mark, "the same weights elsewhere"
    folder = tmp_path / "mlx"
    folder.mkdir()
    (folder / "adapters.safetensors").write_bytes(b"weights")
    assert adapter_mark(folder).split(":") == ["mlx", mark.partition(":")[2]]
    assert adapter_mark(tmp_path / "none") == "none"


def test_mlx_without_adapters_is_one_process() -> None:
    plan = serving_plan(config(apple=True))
    (server,) = plan.servers
    assert "--adapter-path" not in server.argv


def test_an_endpoint_of_the_users_needs_no_server_and_is_asked_once() -> None:
    plan = serving_plan(config(ENDPOINT))
    assert plan.servers == ()
    assert [entry.base_url for entry in plan.endpoints()] == ["http://127.0.0.1:9/v1"]
    assert all(bound[0].server is None for bound in plan.bindings.values())


def test_a_fallback_comes_after_the_first_model() -> None:
    plan = serving_plan(config(FLEET))
    assert [b.entry.model for b in plan.bindings["go-dev"]][1] == "qwen2.5-coder:14b"
    assert len(plan.bindings["go-test"]) == 1
    fleets = plan.fleets({plan.servers[0].name: "http://127.0.0.1:5"})
    assert [entry.base_url for entry in fleets["go-dev"]] == [
        "http://127.0.0.1:5/v1",
        "http://127.0.0.1:11434/v1",
    ]
    assert all(not entry.managed for fleet in fleets.values() for entry in fleet)


def test_somebody_elses_agent_gets_a_model_and_the_built_in_thinkless_get_none() -> None:
    text = '[[agents]]\nrole = "go-review"\nentry = "reviews:Reviewer"\n'
    assert set(serving_plan(config(text)).bindings) == {"go-dev", "go-test", "go-review", "reference"}


def test_two_managed_models_are_two_servers() -> None:
    text = '[models.big]\nmanaged = "llama"\nmodel = "big.gguf"\n[[agents]]\nrole = "go-dev"\nmodel = "big"\n'
    plan = serving_plan(config(text))
    assert len({server.name for server in plan.servers}) == 2
    assert plan.bindings["go-dev"][0].server != plan.bindings["go-test"][0].server


def test_a_model_is_a_path_or_a_name_of_the_catalogue() -> None:
    assert gguf_path(config(), "/models/x.gguf") == Path("/models/x.gguf")
    named = gguf_path(config(), serving_plan(config()).bindings["go-dev"][0].entry.model)
    assert named.is_relative_to("/guild/cache")
    with pytest.raises(ConfigError):
        gguf_path(config(), "no-such-model")


def test_a_file_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not there") as caught:
        check_files(config(cache=str(tmp_path)))
    assert "guildbus models pull" in caught.value.remedy
    assert str(tmp_path) in caught.value.where
    check_files(config(ENDPOINT, cache=str(tmp_path)))


def test_a_model_that_no_thinking_agent_uses_need_not_be_there(tmp_path: Path) -> None:
    text = (
        FLEET.replace('fallback = ["big"]', 'model = "big"') + '[[agents]]\nrole = "go-test"\nmodel = "big"\n'
    )
    assert serving_plan(config(text)).servers == ()
    check_files(config(text, cache=str(tmp_path)))
