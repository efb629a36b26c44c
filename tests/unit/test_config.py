"""`guild.toml`: defaults, where it is looked for, what it changes, and mistakes by file and key."""

import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from guildbus.agents.chat import Budget, ModelEntry, RateLimits
from guildbus.launch.config import ROLES, WITNESSING_ROLES, GuildConfig, load_config, parse_config
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.places import Host, cache_dir, find_config, make_private, state_dir, user_config
from guildbus.protocols.errors import ConfigError

FOLDER = Path("/projects/guild")
HOSTED = "[models.default]\nbase_url = 'http://h/v1'\nmodel = 'x'\n"


def host(system: str = "linux", machine: str = "x86_64", cwd: Path = FOLDER, **environ: str) -> Host:
    return Host(environ, Path("/home/ada"), cwd, system, machine)


def read(text: str, where: Host | None = None) -> GuildConfig:
    return parse_config(text, "guild.toml", where or host(), FOLDER)


def test_the_defaults_need_no_file() -> None:
    config = read("")
    assert config.state_dir == Path("/home/ada/.local/state/guildbus")
    assert config.cache_dir == Path("/home/ada/.cache/guildbus")
    assert config.endpoint == "ipc:///home/ada/.local/state/guildbus/run/bus.sock"
    names = [agent.name for agent in config.agents]
    assert names == [agent.role for agent in config.agents] == [*ROLES, *WITNESSING_ROLES]
    assert config.build.candidates == 2
    assert config.limits.for_broker().lease_s == config.limits.lease_s == 30
    assert config.models["default"].managed == "llama"
    assert read("", host("darwin", "arm64")).models["default"].managed == "mlx"
    assert read("", host("darwin", "x86_64")).models["default"].managed == "llama"


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read("").state_dir = Path("/x")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("where", "state", "cache"),
    [
        (host(), "/home/ada/.local/state/guildbus", "/home/ada/.cache/guildbus"),
        (host(XDG_STATE_HOME="/s", XDG_CACHE_HOME="/c"), "/s/guildbus", "/c/guildbus"),
        (
            host(XDG_STATE_HOME="s", XDG_CACHE_HOME=""),
            "/home/ada/.local/state/guildbus",
            "/home/ada/.cache/guildbus",
        ),
        (
            host("darwin"),
            "/home/ada/Library/Application Support/guildbus",
            "/home/ada/Library/Caches/guildbus",
        ),
        (
            host(GUILDBUS_STATE_DIR="/s", GUILDBUS_CACHE_DIR="c", XDG_STATE_HOME="/x"),
            "/s",
            "/projects/guild/c",
        ),
    ],
)
def test_where_things_are_kept(where: Host, state: str, cache: str) -> None:
    assert state_dir(where) == Path(state)
    assert cache_dir(where) == Path(cache)


def test_the_environment_goes_before_the_file_and_the_file_before_xdg() -> None:
    text = 'state_dir = "~/mine"\ncache_dir = "cache"'
    config = read(text, host(XDG_STATE_HOME="/x", XDG_CACHE_HOME="/x"))
    assert config.state_dir == Path("/home/ada/mine")
    assert config.cache_dir == FOLDER / "cache"
    assert read(text, host(GUILDBUS_STATE_DIR="/env")).state_dir == Path("/env")


def test_a_socket_path_that_is_too_long_says_so() -> None:
    config = read("", host(GUILDBUS_STATE_DIR="/" + "long" * 30))
    with pytest.raises(ConfigError, match="too long for a socket") as caught:
        assert config.endpoint
    assert "GUILDBUS_STATE_DIR" in caught.value.remedy
    assert read('bus = "ipc:///run/guild.sock"').endpoint == "ipc:///run/guild.sock"


def test_the_bus_on_tcp() -> None:
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    assert len(key) == 40
    bus = f'[bus]\nendpoint = "tcp://127.0.0.1:5701"\nserver_key = "{key}"\nclient_key = "k/mine.key"'
    config = read(bus)
    assert config.endpoint == "tcp://127.0.0.1:5701"
    assert config.bus.server_key == key
    assert config.bus.client_key == FOLDER / "k" / "mine.key"


def test_the_file_that_is_read(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    users = home / "guildbus"
    users.mkdir(parents=True)
    where = host(cwd=here, XDG_CONFIG_HOME=str(home))
    assert user_config(where) == users / "guild.toml"
    assert find_config(where) is None
    assert load_config(where).build.max_rounds == 6
    (users / "guild.toml").write_text("[build]\nmax_rounds = 7\n")
    assert load_config(where).build.max_rounds == 7
    (here / "guild.toml").write_text("[build]\nmax_rounds = 8\n")
    assert load_config(where).build.max_rounds == 8
    (tmp_path / "other.toml").write_text("[build]\nmax_rounds = 9\n")
    assert load_config(where, Path("../other.toml")).build.max_rounds == 9
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_config(where, Path("none.toml"))
    assert caught.value.where == "none.toml"
    (here / "guild.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(where)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("", True),
        ("settle = false", True),
        ("settle = false\nexamine = false", False),
        ("examine = true", True),
        ("settle = false\nexamine = true", True),
        ("settle = true\nexamine = false", True),
    ],
)
def test_who_brings_witnesses_runs_where_they_are_wanted(text: str, there: bool) -> None:
    config = read(f"[build]\n{text}\n")
    assert {agent.role for agent in config.agents} >= set(ROLES)
    assert [agent.role for agent in config.agents if agent.role in WITNESSING_ROLES] == [
        role for role in WITNESSING_ROLES if there
    ]


def test_an_entry_changes_a_built_in_agent_or_adds_one() -> None:
    config = read(
        """
[models.big]
base_url = "http://127.0.0.1:11434/v1"
model = "qwen2.5-coder:14b"
api_key_env = "BIG_KEY"
temperature = 0.1

[[agents]]
role = "go-dev"
fallback = ["big"]
temperature = 0.7
adapter = "lora/dev.gguf"
replicas = 2

[[agents]]
role = "go-review"
entry = "my_package.review:GoReview"
model = "big"

[[agents]]
role = "go-dev"
name = "go-dev-slow"
model = "big"
env = { MODE = "slow" }
"""
    )
    assert [agent.name for agent in config.agents] == [
        *ROLES,
        *WITNESSING_ROLES,
        "go-review",
        "go-dev-slow",
    ]
    dev = config.agent("go-dev")
    assert (dev.fleet, dev.replicas, dev.adapter) == (("default", "big"), 2, FOLDER / "lora/dev.gguf")
    first, second = config.model_entries(dev)
    assert first.managed
    assert first.model == "qwen2.5-coder-1.5b-instruct-q4_k_m"
    assert (second.name, second.base_url, second.api_key_env) == (
        "big",
        "http://127.0.0.1:11434/v1",
        "BIG_KEY",
    )
    assert (dev.temperature, first.temperature, second.temperature) == (0.7, None, 0.1)
    slow = config.agent("go-dev-slow")
    assert slow.role == "go-dev"
    assert slow.env == {"MODE": "slow"}
    assert config.model_entries(slow)[0].temperature == 0.1
    assert config.agent("go-test").temperature is None


def test_a_model_and_an_agent_may_have_ladders_limits_and_budgets() -> None:
    config = read(
        """
[models.hosted]
base_url = "https://models.example/v1"
model = "m"
temperatures = [0, 0.5, 1]
max_tokens = 4096
max_retries = 0
connect_timeout_s = 2
stall_timeout_s = 9
parallel = 3
requests_per_minute = 60
tokens_per_minute = 50_000
budget_tokens = 100_000
budget_seconds = 600

[[agents]]
role = "go-dev"
model = "hosted"
temperatures = [0.1, 0.9]
budget_tokens = 20_000
budget_seconds = 90.5
"""
    )
    dev = config.agent("go-dev")
    (entry,) = config.model_entries(dev)
    assert (entry.temperatures, entry.max_tokens, entry.max_retries) == ((0, 0.5, 1), 4096, 0)
    assert (entry.connect_timeout_s, entry.stall_timeout_s) == (2, 9)
    assert entry.limits == RateLimits(parallel=3, requests_per_minute=60, tokens_per_minute=50_000)
    assert entry.budget == Budget(tokens=100_000, seconds=600)
    assert (dev.temperatures, dev.budget) == ((0.1, 0.9), Budget(tokens=20_000, seconds=90.5))
    plain = config.model_entries(config.agent("go-test"))[0]
    assert (plain.temperature, plain.max_tokens) == (None, None), "the agent's own choice"
    assert not plain.limits.limited
    assert plain.max_retries > entry.max_retries


def test_only_a_server_that_goes_on_from_a_begun_reply_is_given_one() -> None:
    def entry(text: str) -> ModelEntry:
        config = read(f"[models.default]\n{text}")
        return config.model_entries(config.agent("go-dev"))[0]

    endpoint = 'base_url = "http://h/v1"\nmodel = "m"\n'
    assert [entry(f'managed = "{kind}"').continues for kind in ("llama", "mlx")] == [True, False]
    assert not entry('managed = "llama"\ncontinues = false').continues
    assert not entry(endpoint).continues
    told = entry(f"{endpoint}continues = true")
    assert told.continues
    assert told.begun_extra == {"continue_final_message": True, "add_generation_prompt": False}
    assert [entry(text).begun_extra for text in (endpoint, 'managed = "llama"')] == [{}, {}]


def test_the_default_model_can_be_replaced() -> None:
    config = read('[models.default]\nbase_url = "http://127.0.0.1:8080/v1"\nmodel = "mine"\n')
    assert [entry.model for entry in config.model_entries(config.agent("go-test"))] == ["mine"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("bild = 1", "guild.toml: bild", "did you mean 'build'?"),
        ("colour = 1", "guild.toml: colour", "known: state_dir, cache_dir, bus"),
        ("[build]\ncandidate = 2", "guild.toml: build.candidate", "did you mean 'candidates'?"),
        ("[limits]\nlease = 2", "guild.toml: limits.lease", "did you mean 'lease_s'?"),
        ("[[agents]]\nrole = 'r'\nreplica = 2", "guild.toml: agents[0].replica", "did you mean 'replicas'?"),
        ("[[agents]]\nname = 'r'", "guild.toml: agents[0].role", "the key is missing"),
        ("[[agents]]\nrole = 'a b'", "guild.toml: agents[0].role", "letters, digits"),
        ("[[agents]]\nrole = 'r'\n[[agents]]\nrole = 'r'", "guild.toml", "two agents are called 'r'"),
        ("[[agents]]\nrole = 'go-dev'\nmodel = 'defalt'", "guild.toml", "did you mean 'default'?"),
        ("[agents]\nrole = 'r'", "guild.toml: agents", "must be [[...]] entries"),
        ("[models]\nbig = 3", "guild.toml: models.big", "must be a table"),
        ("[models.big]\nmodel = 'x'", "guild.toml: models.big", "either base_url"),
        ("[models.big]\nbase_url = 'http://h/v1'", "guild.toml: models.big", "set model"),
        (
            "[models.big]\nbase_url = 'ftp://h'\nmodel = 'x'",
            "guild.toml: models.big.base_url",
            "must be an URL",
        ),
        ("[models.big]\nmanaged = 'vllm'", "guild.toml: models.big.managed", "'llama' or 'mlx'"),
        (
            "[models.big]\nmanaged = 'llama'\ntemperature = 1\ntemperatures = [1]",
            "guild.toml: models.big",
            "not both",
        ),
        (
            "[models.big]\nmanaged = 'llama'\ntemperatures = [1, 3]",
            "guild.toml: models.big.temperatures[1]",
            "less than or equal to 2",
        ),
        (
            "[models.big]\nmanaged = 'llama'\nparallel = 0",
            "guild.toml: models.big.parallel",
            "greater than or equal to 1",
        ),
        (
            "[models.big]\nbase_url = 'http://h/v1'\nmodel = 'x'\nport = 8080",
            "guild.toml: models.big",
            "part of base_url",
        ),
        (
            "[models.big]\nmanaged = 'mlx'\napi_key_env = 'K'",
            "guild.toml: models.big",
            "asks for no key",
        ),
        (
            "[[agents]]\nrole = 'go-dev'\ntemperature = 1\ntemperatures = [1]",
            "guild.toml: agents[0]",
            "not both",
        ),
        (
            "[[agents]]\nrole = 'go-dev'\nbudget_token = 1",
            "guild.toml: agents[0].budget_token",
            "did you mean 'budget_tokens'?",
        ),
        ("[[agents]]\nrole = 'planner'\ntemperature = 1", "guild.toml", "'planner' asks no model"),
        (
            f"{HOSTED}[[agents]]\nrole = 'go-dev'\nadapter = 'a'",
            "guild.toml",
            "none of its models is managed",
        ),
        ("[limits]\nlease_s = 0", "guild.toml: limits.lease_s", "greater than 0"),
        ("[limits]\nsilent_s = 1", "guild.toml: limits", "silent_s must be longer"),
        ("[build]\ncandidates = 99", "guild.toml: build.candidates", "less than or equal to 16"),
        ("bus = 'tcp://*:5555'", "guild.toml: bus.endpoint", "'tcp://host:port'"),
        ("[bus]\nendpoint = 'ipc://relative'", "guild.toml: bus.endpoint", "'ipc:///a/path'"),
        ("[bus]\nserver_key = 'short'", "guild.toml: bus.server_key", "40 characters of Z85"),
        ("[bus]\nclient_keys = 'x'", "guild.toml: bus.client_keys", "did you mean 'client_key'"),
        ("bus = 3", "guild.toml: bus", "must be a table"),
        ("bus = ", "guild.toml", "the TOML is broken"),
    ],
)
def test_a_mistake_names_file_and_key(text: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.where == where
    assert what in str(caught.value)


def test_all_mistakes_are_told_at_once_and_no_secret_is() -> None:
    model = 'base_url = "http://h/v1"\nmodel = "x"\napi_key = "sk-secret"\napi_key_env = "sk-secret"\n'
    text = f"bild = 1\n[models.big]\n{model}"
    with pytest.raises(ConfigError) as caught:
        read(text)
    told = str(caught.value)
    assert "bild" in told
    assert "models.big.api_key: an API key is never written into this file" in told
    assert "must be the name of an environment variable" in told
    assert "sk-secret" not in told


@pytest.mark.parametrize(
    "written",
    [
        'api_key = "sk-secret"',
        'token = "sk-secret"',
        'Authorization = "Bearer sk-secret"',
        'api_key_env = "sk-secret"',
        'base_url = "https://sk-secret@models.example/v1"',
        'base_url = "https://models.example/v1?key=sk-secret"',
    ],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(written: str) -> None:
    place = "" if "base_url" in written else 'base_url = "https://models.example/v1"\n'
    with pytest.raises(ConfigError, match=r"environment|export it") as caught:
        read(f'[models.big]\n{place}model = "m"\n{written}\n')
    assert "models.big" in caught.value.where
    assert "sk-secret" not in str(caught.value)


def test_a_key_in_an_agents_env_is_refused_and_not_repeated() -> None:
    hosted = '[models.big]\nbase_url = "https://h/v1"\nmodel = "m"\napi_key_env = "BIG_KEY"\n'
    agent = '[[agents]]\nrole = "go-dev"\nmodel = "big"\nenv = { BIG_KEY = "sk-secret", MODE = "slow" }\n'
    with pytest.raises(ConfigError, match="'go-dev' has the API key BIG_KEY in its env") as caught:
        read(hosted + agent)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["config_tables.py", "model_table.py"])
def test_every_field_is_described(name: str) -> None:
    source = (Path(__file__).resolve().parents[2] / "launch" / name).read_text(encoding="utf-8")
    lines = source.splitlines()
    fields = [
        n for n, line in enumerate(lines) if line.startswith("    ") and ": " in line and " = Field(" in line
    ]
    assert len(fields) >= 14
    for number in fields:
        assert lines[number + 1].startswith('    """'), lines[number]


def test_private_folders(tmp_path: Path) -> None:
    made = make_private(tmp_path / "state" / "run")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o755)
    assert stat.S_IMODE(make_private(made).stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(made)
    with pytest.raises(ConfigError, match="is a link"):
        make_private(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        make_private(tmp_path / "file")


def test_did_you_mean() -> None:
    assert did_you_mean("purpos", ["path", "purpose"]) == ": did you mean 'purpose'?"
    assert did_you_mean("x", ["path", "purpose"]) == " (known: path, purpose)"


def test_this_machine() -> None:
    here = Host.here()
    assert here.home.is_absolute()
    assert here.cwd == Path.cwd()


def test_finishers_are_roles_of_the_roster_each_named_once() -> None:
    line = '[[agents]]\nrole = "go-doc"\nentry = "go_doc.agent:GoDoc"\n'
    assert read(f'{line}[build]\nfinishers = ["go-doc"]\n').build.finishers == ("go-doc",)
    with pytest.raises(ConfigError, match=r"names the role 'go-dok', which no agent plays.*go-doc"):
        read(f'{line}[build]\nfinishers = ["go-dok"]\n')
    with pytest.raises(ConfigError, match="names 'go-doc' twice") as caught:
        read(f'{line}[build]\nfinishers = ["go-doc", "go-doc"]\n')
    assert "build" in caught.value.where
