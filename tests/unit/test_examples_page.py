"""docs/examples.md: its agent works, its settings are settings, its tables have a place."""

import re
import tomllib
from pathlib import Path
from types import ModuleType

from guildbus import FinishProposed
from guildbus.launch.bench import between_marks
from guildbus.launch.bench.finishers.runner import MARKS, SHIPPED
from guildbus.launch.config_tables import BuildTable
from guildbus.testing import finish_request, play

PATH = Path(__file__).parents[2] / "docs" / "examples.md"
PAGE = PATH.read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_agent_of_the_page_answers() -> None:
    module = ModuleType("go_tidy")
    exec(compile(block("python"), "go_tidy.py", "exec"), vars(module))
    tree = {"a.go": "package a\n\nvar A = 1 \n", "a_test.go": "package a\n"}
    purposes = {"a.go": "package a. A is 1.", "a_test.go": "package a. A test."}
    [answer] = play(module.GoTidy, finish_request("go-tidy", tree, purposes))
    assert isinstance(answer, FinishProposed)
    assert [(file.path, file.content) for file in answer.files] == [("a.go", "package a\n\nvar A = 1\n")]


def test_its_settings_are_read() -> None:
    read = tomllib.loads(block("toml"))
    assert BuildTable.model_validate(read["build"]).finishers == ("go-review", "go-doc")


def test_its_tables_have_a_place_and_every_example_is_named() -> None:
    between_marks.read(PATH, *MARKS)
    assert all(f"](../examples/{name})" in PAGE for name in SHIPPED)
