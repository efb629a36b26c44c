"""An API key comes from the environment and stays there: no file and no output of a build holds it."""

from pathlib import Path

from guildhall import NUMKIT, ROOT, Guild, fenced, numkit

SPEC = ROOT / "specs" / "numkit.yaml"
VARIABLE = "GUILD_TEST_KEY"
KEY = "sk-guild-5hYq0rN3vXz8TfWb"
LOOKING = (
    ("trace", "last", "--contexts"),
    ("trace", "last", "--format", "json"),
    ("trace", "last", "--format", "html"),
    ("logs",),
    ("models", "list", "--json"),
    ("models", "bench", "default", "--parallel", "1", "--repeat", "1", "--json"),
    ("replay", "last", "--json"),
)


def with_key(guild: Guild) -> None:
    """Both models of `guild.toml` name the variable."""
    path = guild.folder / "guild.toml"
    model = 'model = "stub"\n'
    named = path.read_text("utf-8").replace(model, f'{model}api_key_env = "{VARIABLE}"\n')
    assert named.count(VARIABLE) == 2
    path.write_text(named, "utf-8")


def holding(folder: Path) -> list[str]:
    """The files that hold the key; the stubs' own scripts and logs, which must, are not looked at."""
    stubs = {f"{role}{ending}" for role in ("go-dev", "go-test") for ending in (".json", ".jsonl")}
    files = [path for path in folder.rglob("*") if path.is_file()]
    mine = [path for path in files if path.parent != folder or path.name not in stubs]
    return [str(path) for path in mine if KEY.encode() in path.read_bytes()]


def test_a_key_is_in_no_file_and_no_output(guild: Guild) -> None:
    guild.environ[VARIABLE] = KEY
    soon = {"retry-after-ms": "10"}
    refusal = {"status": 500, "body": f"your key {KEY} is fine, I am not", "headers": soon}
    repeated = fenced(NUMKIT + f"\n// written with {KEY}\n")
    dev = [{"match": "", "replies": [refusal, {"status": 401, "body": f"who is {KEY}?"}, repeated]}]
    guild.serve(dev, [{"match": "", "replies": [numkit()]}])
    with_key(guild)
    said = []
    done = guild.run("build", SPEC, "--out", "pkg", "--candidates", 1)
    said.append(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr
    for words in LOOKING:
        looked = guild.run(*words)
        assert looked.stdout, words
        said.append(looked.stdout + looked.stderr)
    asked = guild.requests("go-dev") + guild.requests("go-test")
    assert {request["authorization"] for request in asked} == {f"Bearer {KEY}"}, "it was used"
    assert "written with ***" in (guild.folder / "pkg" / "numkit.go").read_text("utf-8")
    assert "who is ***?" in "".join(said), "what the endpoint said is told, without the key"
    assert [text for text in said if KEY in text] == []
    assert (guild.state / "journal.db").stat().st_size > 0
    assert holding(guild.folder) == []


def test_a_key_that_is_not_there_is_told_before_anything_starts(guild: Guild) -> None:
    guild.serve([{"match": "", "replies": [numkit()]}])
    with_key(guild)
    done = guild.run("build", SPEC, "--out", "pkg")
    assert (done.returncode, done.stdout.count("draft.requested")) == (3, 0)
    assert f"the environment variable {VARIABLE} is not set" in done.stderr
    assert f"export {VARIABLE}" in done.stderr
    assert guild.requests("go-dev") == []
