"""Specs from YAML: good ones load, and each bad one is named by its lines.

A bad spec says in its first comments what is expected of it: `# expect LINE: part of the sentence`.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from guildbus.launch.specfile import MAX_FILES, MAX_SIZE_BYTES, load_spec, parse_spec
from guildbus.protocols import spec_rules
from guildbus.protocols.errors import SpecError
from guildbus.protocols.spec import Spec, SpecFile

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "tests" / "data" / "specs"
BAD = sorted((DATA / "bad").glob("*.yaml"))
GOOD = sorted([*(DATA / "good").glob("*.yaml"), *(REPOSITORY / "specs").glob("*.yaml")])

MINIMAL = """\
name: kit
language: go
go_module: example.com/kit
files:
  - path: kit.go
    purpose: package kit. Double(n int) int returns twice n.
"""


def mistakes_of(error: SpecError) -> list[tuple[int, str]]:
    """(line, sentence) of each mistake that an error names, in its order."""
    file = re.escape(error.where.rpartition(":")[0])
    return [
        (int(line), what) for line, what in re.findall(rf"^{file}:(\d+): (.*)$", str(error), re.MULTILINE)
    ]


def test_there_are_fixtures() -> None:
    assert len(BAD) >= 40
    assert len(GOOD) >= 5


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_spec_names_its_lines(path: Path) -> None:
    expected = re.findall(r"^# expect (\d+): (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    found = mistakes_of(caught.value)
    assert len(found) == len(expected) > 0, str(caught.value)
    for (line, what), (expected_line, part) in zip(found, expected, strict=True):
        assert line == int(expected_line), str(caught.value)
        assert part in what
    assert caught.value.where == f"{path}:{expected[0][0]}"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_spec_loads(path: Path) -> None:
    spec = load_spec(path)
    assert spec.name == path.stem
    assert spec.language == "go"


def test_builders_form_loads_unchanged() -> None:
    spec = load_spec(DATA / "good" / "stack.yaml")
    assert [file.path for file in spec.files] == ["go.mod", "stack.go", "stack_test.go"]
    assert spec.files[1].purpose.startswith("package stack. A Stack holds at most capacity integers. New(")
    assert "\n    v, ok := s.Pop()\n" in spec.files[2].purpose
    assert spec.api == spec.examples == spec.properties == spec.allow_imports == ()


def test_our_own_keys_are_read() -> None:
    text = (
        MINIMAL
        + """\
api: [Double(n int) int]
examples:
  - Double(2) = 4
properties: [Double(n) is even]
allow_imports: [os/exec, C]
description: Kit.
"""
    )
    spec = parse_spec(text, "kit.yaml")
    assert spec.api == ("Double(n int) int",)
    assert spec.examples == ("Double(2) = 4",)
    assert spec.properties == ("Double(n) is even",)
    assert spec.allow_imports == ("os/exec", "C")
    assert spec.description == "Kit."


def test_numkit_states_the_values_of_its_issue_and_stringkit_none() -> None:
    prose = " ".join(file.purpose for file in load_spec(REPOSITORY / "specs" / "numkit.yaml").files)
    stated = re.findall(r"\w+\([-\d,]+\)=\d+", prose)
    assert stated == [
        "GCD(0,0)=0",
        "GCD(8,15)=1",
        "GCD(12,18)=6",
        "GCD(0,5)=5",
        "GCD(-12,18)=6",
        "Clamp(7,10,0)=7",
    ]
    prose = " ".join(file.purpose for file in load_spec(REPOSITORY / "specs" / "stringkit.yaml").files)
    assert not re.search(r"[\"'=“”]", prose)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no such file") as caught:
        load_spec(tmp_path / "none.yaml")
    assert caught.value.where == str(tmp_path / "none.yaml")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(tmp_path)


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(MINIMAL + "# " + "x" * MAX_SIZE_BYTES)
    with pytest.raises(SpecError, match="larger than 256 KiB"):
        load_spec(path)


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: kit\nlanguage: go\ndescription: caf\xe9\n")
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        load_spec(path)
    assert caught.value.where == f"{path}:3"


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load_spec(path).name == "kit"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file(text: str) -> None:
    with pytest.raises(SpecError, match=r"empty|nothing"):
        parse_spec(text, "empty.yaml")


def test_deep_nesting_and_aliases_do_no_harm() -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        parse_spec("files: " + "[" * 5_000, "deep.yaml")
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    with pytest.raises(SpecError, match="unknown key 'a'"):
        parse_spec(bomb + "files: [*u, *u]\n", "bomb.yaml")


def test_too_many_files() -> None:
    many = "".join(f"  - {{path: f{n}.go, purpose: x}}\n" for n in range(MAX_FILES + 1))
    with pytest.raises(SpecError, match="1000 at most"):
        parse_spec("name: kit\nlanguage: go\ngo_module: example.com/kit\nfiles:\n" + many, "many.yaml")


def test_a_purpose_that_no_prompt_holds() -> None:
    with pytest.raises(SpecError, match="longer than 20000 characters") as caught:
        parse_spec(MINIMAL.replace("twice n.", "n" * 20_000), "long.yaml")
    assert caught.value.where == "long.yaml:6"


def test_a_signature_of_two_possible_packages_wants_its_folder() -> None:
    text = """\
name: kit
language: go
go_module: example.com/kit
files:
  - {path: a/a.go, purpose: package a.}
  - {path: b/b.go, purpose: package b.}
api:
  - "a: func New() int"
  - func New() int
"""
    with pytest.raises(SpecError, match="could be about several packages") as caught:
        parse_spec(text, "kit.yaml")
    assert caught.value.where == "kit.yaml:9"
    assert parse_spec(text.replace("  - func New() int\n", ""), "kit.yaml").api == ("a: func New() int",)


def test_the_bus_holds_specs_to_the_same_rules() -> None:
    good = {"name": "kit", "language": "go", "go_module": "example.com/kit"}
    file = SpecFile(path="kit.go", purpose="package kit.")
    assert Spec(**good, files=(file,)).files == (file,)
    with pytest.raises(ValidationError, match="leaves the tree"):
        SpecFile(path="../kit.go", purpose="x")
    with pytest.raises(ValidationError, match="listed twice"):
        Spec(**good, files=(file, SpecFile(path="KIT.go", purpose="x")))
    with pytest.raises(ValidationError, match="module path"):
        Spec(**(good | {"go_module": "a\nb"}), files=(file,))


@given(st.text(alphabet="ab./\\~_-: go.m", max_size=24))
def test_no_accepted_path_leaves_the_tree(text: str) -> None:
    try:
        path = spec_rules.path(text)
    except ValueError:
        return
    root = Path("/tree")
    assert (root / path).resolve().is_relative_to(root)
    assert path == "go.mod" or path.endswith(".go")
    assert str(Path(path)) == path


@given(st.text(max_size=60))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "any.yaml")
    assert re.fullmatch(r"any\.yaml:\d+", caught.value.where)


@given(st.data())
def test_a_damaged_spec_is_a_spec_or_a_spec_error(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(MINIMAL)))
    length = data.draw(st.integers(0, 6))
    noise = data.draw(st.text(alphabet="\t\n :-[]{}&*!|>'\"%@`#,?x\x00\x85", max_size=4))
    where = "any.yaml:1"
    try:
        parse_spec(MINIMAL[:place] + noise + MINIMAL[place + length :], "any.yaml")
    except SpecError as error:
        where = error.where
    assert re.fullmatch(r"any\.yaml:\d+", where)
