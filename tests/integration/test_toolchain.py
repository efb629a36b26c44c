"""The real Go toolchain: found, asked, and used as a formatter."""

import os
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import GoSyntaxError, Toolchain
from guildbus.protocols.errors import ToolchainError

pytestmark = pytest.mark.timeout(600)


def shared_cache() -> Path:
    """The user's cache: warmed once for all test files, like for the product."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "guildbus"


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return Toolchain.find(shared_cache())


def test_it_finds_the_real_binaries_and_not_the_wrapper(toolchain: Toolchain) -> None:
    assert toolchain.go.read_bytes()[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe")
    assert toolchain.version.startswith("go1.")


def test_a_stated_goroot_comes_first(toolchain: Toolchain, tmp_path: Path) -> None:
    other = tmp_path / "goroot"
    other.symlink_to(toolchain.goroot)
    found = Toolchain.find(tmp_path, environ={"GUILDBUS_GOROOT": str(other), "PATH": ""})
    assert found.goroot == toolchain.goroot


def test_a_stated_goroot_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="no Go toolchain there") as caught:
        Toolchain.find(tmp_path, environ={"GUILDBUS_GOROOT": str(tmp_path)})
    assert caught.value.where == str(tmp_path)


def test_the_standard_library_is_listed_once(toolchain: Toolchain, tmp_path: Path) -> None:
    mine = Toolchain(toolchain.goroot, toolchain.version, tmp_path / "cache")
    listed = mine.stdlib()
    assert {"fmt", "unicode/utf8", "net/http", "math/rand"} <= listed
    assert "github.com/x/y" not in listed
    [kept] = (tmp_path / "cache").glob("stdlib-*.txt")
    kept.write_text("only/this\n")
    assert mine.stdlib() == {"only/this"}


def test_gofmt_formats_and_names_the_line_of_a_mistake(toolchain: Toolchain) -> None:
    assert toolchain.gofmt("package a\nfunc  F( )  {}\n") == "package a\n\nfunc F() {}\n"
    with pytest.raises(GoSyntaxError) as caught:
        toolchain.gofmt("package a\n\nfunc F( {\n")
    assert (caught.value.line, caught.value.column) == (3, 9)
    assert "expected" in caught.value.message


def test_a_failing_go_command_says_what_it_said(toolchain: Toolchain, tmp_path: Path) -> None:
    goroot = tmp_path / "goroot"
    (goroot / "bin").mkdir(parents=True)
    (goroot / "VERSION").write_text("go1.99\n")
    for name in ("go", "gofmt"):
        (goroot / "bin" / name).write_text("#!/bin/sh\necho 'no such tool' >&2\nexit 2\n")
        (goroot / "bin" / name).chmod(0o755)
    broken = Toolchain.find(tmp_path / "cache", goroot=goroot)
    assert broken.version == "go1.99"
    with pytest.raises(ToolchainError, match="`go list std` failed: no such tool"):
        broken.stdlib()


def test_a_warm_cache_is_made_once_with_progress(toolchain: Toolchain) -> None:
    steps: list[tuple[str, int, int]] = []
    toolchain.warm_cache()
    assert toolchain.is_warm
    toolchain.warm_cache(lambda package, done, total: steps.append((package, done, total)))
    assert steps == []


def test_progress_names_every_package_before_it_is_built(toolchain: Toolchain, tmp_path: Path) -> None:
    goroot = tmp_path / "goroot"
    (goroot / "bin").mkdir(parents=True)
    (goroot / "VERSION").write_text("go1.99\n")
    for name in ("go", "gofmt"):
        (goroot / "bin" / name).write_text("#!/bin/sh\nexit 0\n")
        (goroot / "bin" / name).chmod(0o755)
    steps: list[tuple[str, int, int]] = []
    Toolchain.find(tmp_path / "cache", goroot=goroot).warm_cache(
        lambda package, done, total: steps.append((package, done, total))
    )
    total = len(steps) - 1
    assert [step[1:] for step in steps] == [(done, total) for done in range(total + 1)]
    assert {"testing", "fmt", "strings"} <= {step[0] for step in steps}
