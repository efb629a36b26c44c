"""docs/reference is what the code says today, and says it of everything that there is."""

import re
import sys
from pathlib import Path

import pytest
import typer

from guildbus.launch.cli.app import app
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import AgentTable, BuildTable, LimitsTable
from guildbus.launch.model_table import ModelTable
from guildbus.launch.reference import FIRST_LINE, pages
from guildbus.launch.reference.__main__ import main
from guildbus.launch.reference.markdown import anchor, prose, table
from guildbus.launch.reference.schemas import default_in_words, type_in_words
from guildbus.protocols.errors import GuildbusError, UsageError
from guildbus.protocols.registry import standard_registry

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
REMEDY = "run: make reference"
PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_is(name: str) -> None:
    assert (FOLDER / name).is_file(), REMEDY
    assert (FOLDER / name).read_text("utf-8") == PAGES[name], REMEDY


def test_there_are_no_other_pages_and_each_says_that_it_is_made() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES), REMEDY
    assert all(text.startswith(f"{FIRST_LINE}\n\n# ") for text in PAGES.values())
    assert "make reference" in FIRST_LINE


def test_the_command_writes_what_is_not_as_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["reference", str(tmp_path / "reference")])
    main()
    assert {path.name: path.read_text("utf-8") for path in (tmp_path / "reference").iterdir()} == PAGES
    capsys.readouterr()
    (tmp_path / "reference" / "errors.md").write_text("old")
    main()
    assert capsys.readouterr().out == f"written: {tmp_path / 'reference' / 'errors.md'}\n"


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading, by what stands in backticks first."""
    section = page.split(f"## `{heading}`\n")[1].split("\n## ")[0]
    lines = [line[2:].removesuffix(" |") for line in section.splitlines() if line.startswith("| `")]
    cells = [re.split(r" \| ", line) for line in lines]
    return {re.findall("`([^`]+)`", row[0])[0]: row for row in cells}


def test_every_message_is_there_with_every_field() -> None:
    page = PAGES["messages.md"]
    for wire_type, body in standard_registry().bodies.items():
        assert list(rows(page, wire_type)) == list(body.model_fields), wire_type
    assert rows(page, "draft.proposed.v1")["request"][1] == "[DraftRequested](#draftrequested)"
    assert rows(page, "build.stopped.v1")["reason"][1:3] == ["text", "required"]
    assert "Said by planner, repair-router, taken by go-dev or go-test." in page
    assert "Said by the broker, taken by each role that subscribes." in page
    assert "Said by the command line, taken by planner." in page


def test_every_key_is_there_with_type_default_and_meaning() -> None:
    page = PAGES["configuration.md"]
    tables = {
        "[limits]": LimitsTable,
        "[build]": BuildTable,
        "[models.NAME]": ModelTable,
        "[[agents]]": AgentTable,
    }
    for heading, kind in tables.items():
        found = rows(page, heading)
        assert list(found) == list(kind.model_fields)
        assert all(len(row) == 4 and row[3] for row in found.values()), heading
    assert rows(page, "[limits]")["lease_s"][1:3] == ["number, more than 0, at most 3,600", "`30.0`"]
    assert rows(page, "[[agents]]")["role"][2] == "required"
    for name in GuildConfig.model_fields:
        assert re.search(rf"`\[*{name}[\].`]", page), name


def test_every_command_is_there_with_its_options() -> None:
    page = PAGES["command-line.md"]
    build = rows(page, "guildbus build")
    assert build["SPEC"][1:3] == ["path", "required"]
    assert build["--candidates"][1] == "integer, 1 to 16"
    assert build["--json"][1] == "flag"
    assert "`--follow`, `-f`" in page
    assert "--planted" not in page  # hidden
    assert "--help" not in page.split("## Commands")[1]
    top: object = typer.main.get_command(app)
    for name in vars(top)["commands"]:
        assert f"## `guildbus {name}" in page


def test_every_code_has_the_exit_code_of_its_class() -> None:
    page = PAGES["errors.md"]

    def kinds(root: type[GuildbusError]) -> list[type[GuildbusError]]:
        return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]

    for kind in kinds(GuildbusError):
        if kind.__module__.startswith("guildbus.") and "code" in vars(kind):
            exit_code = 2 if issubclass(kind, UsageError) else 3
            assert re.search(rf"\[`{kind.code}`\].*\[{kind.__name__}\].*\| {exit_code} \| \S", page), kind


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 512}, "text, 1 to 512 characters"),
        ({"type": "integer", "minimum": 0}, "whole number, at least 0"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 3600}, "number, more than 0, at most 3,600"),
        ({"type": "array", "items": {"$ref": "#/$defs/FileTask"}}, "list of [FileTask](#filetask)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map from text to whole number"),
        ({"enum": ["a", "b", "c"]}, '`"a"`, `"b"` or `"c"`'),
        ({"const": "go"}, '`"go"`'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"type": "string", "format": "path"}, "path"),
    ],
)
def test_types_in_words(schema: dict[str, object], said: str) -> None:
    assert type_in_words(schema) == said


def test_defaults_in_words() -> None:
    assert default_in_words({}, required=True) == "required"
    assert default_in_words({}, required=False) == "empty"
    assert default_in_words({"default": None}, required=False, nothing="unset") == "unset"
    assert default_in_words({"default": {"a": 1}}, required=False) == "its defaults"
    assert default_in_words({"default": False}, required=False) == "`false`"


def test_markdown_shows_what_is_written() -> None:
    assert prose("out/<name>, `a<b>` and NAME-*") == r"out/&lt;name>, `a<b>` and NAME-\*"
    assert table(["a"], [["`x | y`"]]).splitlines()[2] == r"| `x \| y` |"
    assert anchor("`draft.requested.v1`") == "#draftrequestedv1"
    assert anchor("What is *not* there yet") == "#what-is-not-there-yet"
