"""The output folder: ours is replaced, somebody else's work is never touched, nothing leaves it."""

import json
from pathlib import Path

import pytest

from guildbus.launch.output import RECEIPT, check_folder, write_tree
from guildbus.protocols.errors import OutputError
from guildbus.protocols.messages.build import BuiltFile
from told import sha


def built(path: str, content: str = "package x\n") -> BuiltFile:
    return BuiltFile(path=path, author="go-dev", sha256=sha(content), content=content)


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECEIPT
    }


def test_a_folder_that_is_not_there_or_is_empty_is_fine(tmp_path: Path) -> None:
    check_folder(tmp_path / "new")
    check_folder(tmp_path)


def test_files_are_written_with_a_receipt_and_can_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    write_tree(folder, [built("go.mod", "module x\n"), built("internal/a.go")])
    assert files_of(folder) == {"go.mod": "module x\n", "internal/a.go": "package x\n"}
    check_folder(folder)
    write_tree(folder, [built("go.mod", "module y\n")])
    assert files_of(folder) == {"go.mod": "module y\n"}
    check_folder(folder)


@pytest.mark.parametrize("name", ["notes.txt", "sub/deep/notes.txt", ".hidden"])
def test_somebody_elses_file_stops_the_build(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, [built("a.go")])
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=name) as caught:
        check_folder(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert "--out" in caught.value.remedy
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_that_was_edited_since_stops_the_build(tmp_path: Path) -> None:
    write_tree(tmp_path, [built("a.go")])
    (tmp_path / "a.go").write_text("package mine\n")
    with pytest.raises(OutputError, match="changed") as caught:
        check_folder(tmp_path)
    assert caught.value.where.endswith("a.go")


def test_a_file_that_was_deleted_since_is_no_problem(tmp_path: Path) -> None:
    write_tree(tmp_path, [built("a.go"), built("b.go")])
    (tmp_path / "a.go").unlink()
    check_folder(tmp_path)
    write_tree(tmp_path, [built("b.go")])
    assert list(files_of(tmp_path)) == ["b.go"]


def test_a_file_where_the_folder_should_be_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        check_folder(tmp_path / "out")


@pytest.mark.parametrize("path", ["../evil.go", "a/../../evil.go", "/tmp/evil.go"])
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "out"
    with pytest.raises(OutputError, match="leaves"):
        write_tree(folder, [built(path)])
    assert not (tmp_path / "evil.go").exists()


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(outside)
    with pytest.raises(OutputError, match="leaves"):
        write_tree(folder, [built("sub/a.go")])
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "receipt", ["", "no json", "[]", "{}", '{"files": []}', '{"files": ["a"]}', '{"files": 3}', '"files"']
)
def test_a_damaged_receipt_owns_nothing(tmp_path: Path, receipt: str) -> None:
    (tmp_path / RECEIPT).write_text(receipt)
    (tmp_path / "a.go").write_text("mine")
    with pytest.raises(OutputError) as caught:
        check_folder(tmp_path)
    assert RECEIPT in f"{caught.value.where}{caught.value.what}" or "a.go" in caught.value.what


def test_a_receipt_that_names_files_outside_deletes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    (folder / RECEIPT).write_text(json.dumps({"files": {"../precious": sha("mine")}}))
    with pytest.raises(OutputError):
        check_folder(folder)
    with pytest.raises(OutputError):
        write_tree(folder, [built("a.go")])
    assert (tmp_path / "precious").read_text() == "mine"
