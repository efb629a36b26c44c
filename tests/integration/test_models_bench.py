"""`guildbus models bench` over an endpoint whose speed is known."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from guildbus.launch.bench.models import Call, Spread, level_of
from guildbus.launch.cli.app import app

STUB = Path(__file__).parents[1] / "stub_endpoint.py"
LINES, TOKEN_S, FIRST_S = 10, 0.02, 0.2
OTHER = '[models.other]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "x"\n'


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """A fifth of a second before the first token, a fiftieth before each."""
    path = tmp_path / "script.json"
    reply = {"text": "a b\n" * LINES, "delay_s": FIRST_S, "token_delay_s": TOKEN_S}
    path.write_text(json.dumps({"model": "stub", "default": reply}))
    argv = [sys.executable, str(STUB), "--script", str(path), "--log", str(tmp_path / "log.jsonl")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def bench(folder: Path, *words: str) -> tuple[int, str, list[dict[str, Any]]]:
    runner = CliRunner()
    environ = {"GUILDBUS_STATE_DIR": str(folder / "s"), "GUILDBUS_CACHE_DIR": str(folder / "c")}
    argv = ["--config", str(folder / "guild.toml"), "models", "bench", *words]
    found = runner.invoke(app, argv, env=environ)
    asked = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return found.exit_code, found.stdout, [event for event in asked if "prompt" in event]


def test_what_is_measured_is_what_the_endpoint_does(endpoint: str, tmp_path: Path) -> None:
    model = f'[models.default]\nbase_url = "{endpoint}"\nmodel = "stub"\nparallel = 1\n'
    (tmp_path / "guild.toml").write_text(model + OTHER)
    code, text, asked = bench(tmp_path, "--parallel", "3", "--repeat", "2", "--max-tokens", "40", "--json")
    assert code == 0
    (found,) = json.loads(text)
    assert (found["name"], found["failure"]) == ("default", "")
    assert [level["parallel"] for level in found["levels"]] == [1, 2, 3]
    alone, _, three = found["levels"]
    for level in (alone, three):
        first, answer = level["first_s"], level["answer_tokens_s"]
        assert FIRST_S <= first["low"] <= first["median"] <= first["high"] < FIRST_S + 1.5
        at_most = (2 * LINES - 1) / ((LINES - 1) * TOKEN_S)
        assert at_most / 4 < answer["median"] <= at_most
    assert three["total_tokens_s"]["median"] > 1.5 * alone["total_tokens_s"]["median"], "side by side"
    assert len(asked) == 1 + 2 * (1 + 2 + 3)
    assert len({event["prompt"] for event in asked}) == len(asked), "no prompt cache can answer"
    assert {event["body"]["max_tokens"] for event in asked} == {40}


def test_a_model_that_does_not_answer_is_a_row_of_its_own(endpoint: str, tmp_path: Path) -> None:
    model = f'[models.default]\nbase_url = "{endpoint}"\nmodel = "stub"\n'
    (tmp_path / "guild.toml").write_text(model + OTHER)
    code, text, _ = bench(tmp_path, "other", "default", "--parallel", "1", "--repeat", "1")
    assert code == 3
    assert "other: model other at http://127.0.0.1:9/v1: the endpoint cannot be reached" in text
    assert [line.split()[0] for line in text.splitlines() if " (" in line and "- " in line] == ["default"]


def test_the_figures_of_some_rounds() -> None:
    calls = [Call(0.5, 2.5, 100, 21), Call(1.0, 3.0, 100, 41)]
    level = level_of(2, [(3.1, calls), (2.0, [calls[0], calls[0]])])
    assert level.first_s == Spread(0.5, 0.5, 1.0)
    assert level.prompt_tokens_s == Spread(200.0, 100.0, 200.0)
    assert level.answer_tokens_s == Spread(10.0, 10.0, 20.0)
    assert level.total_tokens_s == Spread(20.5, 20.0, 21.0)
