"""What goes wrong is told in a line with place and remedy, under the right exit code; nothing gets lost."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from guildbus.agents.sandbox.runners import find_bwrap
from guildhall import ROOT, Guild, numkit, rule, until

SPEC = ROOT / "specs" / "numkit.yaml"
BAD = ROOT / "tests" / "data" / "specs" / "bad"
IMPATIENT = "[limits]\nmax_attempts = 2"
HTML = {"body": "<html><body>It works!</body></html>", "content_type": "text/html"}


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Standard error of a command that failed as it should: short, for a person, no traceback."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) <= 12, done.stderr
    return done.stderr


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("yaml_broken.yaml", 7, "the YAML is broken"),
        ("key_missing.yaml", 2, "has no 'go_module'"),
        ("path_leaves_the_tree.yaml", 8, "leaves the tree"),
        ("path_twice.yaml", 8, "twice"),
        ("language_unknown.yaml", 3, "go"),
    ],
)
def test_a_bad_spec_names_file_line_and_mistake(guild: Guild, name: str, line: int, says: str) -> None:
    told = complaint(guild.run("build", BAD / name, "--out", "pkg"), 2)
    assert f"{name}:{line}: " in told
    assert says in told
    assert not (guild.folder / "pkg").exists()
    assert guild.processes() == []


def test_a_spec_that_is_not_there(guild: Guild) -> None:
    assert "nowhere.yaml" in complaint(guild.run("build", "nowhere.yaml"), 2)


def test_an_unknown_option_is_bad_usage(guild: Guild) -> None:
    done = guild.run("build", SPEC, "--candidats", 3)
    assert done.returncode == 2
    assert "--candidates" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_the_configuration_names_file_and_key(guild: Guild) -> None:
    guild.configure("http://127.0.0.1:9/v1", "[build]\ncandidats = 3")
    told = complaint(guild.run("build", SPEC), 2)
    for part in ("guild.toml: build", "candidats", "did you mean 'candidates'"):
        assert part in told


def test_an_error_is_an_object_with_json(guild: Guild) -> None:
    done = guild.run("build", BAD / "yaml_broken.yaml", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "usage.spec"
    assert error["where"].endswith("yaml_broken.yaml:7")


def test_a_folder_of_somebody_elses_files_is_left_alone(guild: Guild) -> None:
    out = guild.folder / "mine"
    (out / "sub").mkdir(parents=True)
    (out / "numkit.go").write_text("package mine\n")
    (out / "sub" / "notes.txt").write_text("precious")
    before = files_of(out)
    told = complaint(guild.run("build", SPEC, "--out", out), 2)
    assert str(out) in told
    assert "--out" in told
    assert files_of(out) == before


def test_a_file_in_the_folders_place_is_left_alone(guild: Guild) -> None:
    (guild.folder / "taken").write_text("precious")
    assert "not a folder" in complaint(guild.run("build", SPEC, "--out", "taken"), 2)
    assert (guild.folder / "taken").read_text() == "precious"


def test_an_endpoint_that_is_down(guild: Guild) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    guild.configure(url)
    told = complaint(guild.run("build", SPEC, "--out", "pkg"), 3)
    for part in ("model default", url, "cannot be reached", "start the server"):
        assert part in told
    assert not (guild.folder / "pkg").exists()
    assert guild.leftovers() == []


@pytest.mark.parametrize(
    "listing",
    [
        HTML,
        {"body": '{"hello": "world"}', "content_type": "application/json"},
        {"status": 500, "body": "out of order"},
    ],
    ids=["html", "other json", "http 500"],
)
def test_an_endpoint_that_answers_nonsense(guild: Guild, listing: dict[str, object]) -> None:
    guild.serve([], models_reply=listing)
    told = complaint(guild.run("build", SPEC, "--out", "pkg"), 3)
    assert "at http://127.0.0.1:" in told
    assert "try:" in told
    assert not (guild.folder / "pkg").exists()
    assert guild.leftovers() == []


def test_an_endpoint_that_turns_to_nonsense_costs_no_earlier_package(guild: Guild) -> None:
    guild.serve([{"match": "", "replies": [numkit(), HTML]}], [rule(numkit())], config=IMPATIENT)
    assert guild.run("build", SPEC, "--candidates", 1, "--out", "pkg").returncode == 0
    before = files_of(guild.folder / "pkg")
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg", "--seed", 2)
    assert (code, report["status"]) == (3, "red:infra.model")
    assert "text/html" in report["diagnosis"]
    assert "at http://127.0.0.1:" in report["diagnosis"]
    assert files_of(guild.folder / "pkg") == before
    assert guild.leftovers() == []


def test_an_endpoint_that_dies_in_the_middle_ends_the_build_with_that_reason(guild: Guild) -> None:
    stubs = guild.serve([rule(numkit())], [rule(numkit(), delay_s=60)], config=IMPATIENT)
    process = guild.start("build", SPEC, "--candidates", 1, "--json")
    until(lambda: guild.requests("go-test"), 60)
    stubs[1].kill()
    output, error = process.communicate(timeout=100)
    assert "Traceback" not in error
    report = json.loads(output)
    assert (process.returncode, report["status"]) == (3, "red:infra.model")
    assert "at http://127.0.0.1:" in report["diagnosis"]
    assert guild.leftovers() == []


@pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's")
def test_without_a_sandbox_nothing_runs(guild: Guild) -> None:
    """The command runs where no further user namespace can be made, as on locked-down distributions."""
    guild.serve([rule(numkit())])
    locked = [str(find_bwrap()), "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    told = complaint(guild.run("build", SPEC, "--out", "pkg", before=locked), 3)
    assert "bwrap" in told
    assert "try:" in told
    assert not (guild.folder / "pkg").exists()
    assert guild.leftovers() == []


def test_a_broker_on_our_socket_is_not_pushed_aside(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    endpoint = f"ipc://{guild.state}/run/bus.sock"
    argv = [sys.executable, "-P", "-m", "guildbus.bus.main", "--endpoint", endpoint]
    argv += ["--journal", str(guild.folder / "other.db")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert "ready" in other.stdout.readline()
            told = complaint(guild.run("build", SPEC, "--out", "pkg"), 3)
            for part in ("bus.sock", "in use by another broker", "guildbus down"):
                assert part in told
            assert other.poll() is None
            assert Path(endpoint.removeprefix("ipc://")).exists()
        finally:
            other.terminate()
    assert not (guild.folder / "pkg").exists()
    assert guild.leftovers() == []
