"""What a gate may know (`GateContext`) and what it answers (`Outcome`). Read `table.py` next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from guildbus.agents.golang.flow import UnderTest
from guildbus.agents.golang.imports import imports
from guildbus.agents.golang.syntax import GoFile, SyntaxFault, declarations, package_name, parse
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.spec import Signature


class Formatter(Protocol):
    """gofmt, or something like it."""

    def __call__(self, source: str) -> str | SyntaxFault:
        """The source in gofmt's form, or the first place that is no Go."""


@dataclass(frozen=True)
class GateContext:
    """Everything that the gates judge a draft by.

    `api` are the stated signatures of the file's folder; `others` the other files of the
    folder (path -> source); `sole_implementation` whether the plan has only one implementation
    file there; `packages` the module's own packages (import path -> package name); `stdlib` the
    import paths of `go list std`.
    """

    task: FileTask
    stdlib: frozenset[str]
    formatter: Formatter
    module: str = ""
    api: tuple[Signature, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)
    sole_implementation: bool = True
    packages: Mapping[str, str] = field(default_factory=dict)
    allow_imports: tuple[str, ...] = ()
    min_cases: int = 0

    @property
    def is_test(self) -> bool:
        """Whether the file is a `_test.go` file."""
        return self.task.path.endswith("_test.go")

    @property
    def import_path(self) -> str:
        """The import path of the file's own package."""
        return f"{self.module}/{self.task.folder}".rstrip("/") if self.task.folder else self.module

    @property
    def external_package(self) -> str:
        """The external test package's name where the purpose asks for one, else ''."""
        name = f"{self.task.package.removesuffix('_test')}_test"
        purpose = self.task.purpose.lower()
        asked = (f"package {name.lower()}", "external test package", "black-box test")
        wanted = self.task.package.endswith("_test") or any(words in purpose for words in asked)
        return name if self.is_test and wanted else ""

    @cached_property
    def other_files(self) -> dict[str, GoFile]:
        """The other files of the package, parsed."""
        return {path: parse(source) for path, source in self.others.items() if path != self.task.path}

    @cached_property
    def api_names(self) -> frozenset[str]:
        """The stated names: `GCD`, `Stack.Push`."""
        return frozenset(signature.name for signature in self.api)

    @cached_property
    def implementation_names(self) -> frozenset[str]:
        """Top-level names (methods as `Type.Method`) of the other implementation files."""
        return frozenset(
            found.name
            for path, file in self.other_files.items()
            if not path.endswith("_test.go")
            for found in declarations(file)
        )

    @cached_property
    def other_test_files(self) -> tuple[GoFile, ...]:
        """The other test files of the package."""
        return tuple(file for path, file in self.other_files.items() if path.endswith("_test.go"))

    def under_test(self, file: GoFile) -> UnderTest:
        """What counts as the code under test for this test file."""
        if self.external_package and package_name(file) == self.external_package:
            own = {found.name for found in imports(file) if found.path == self.import_path}
            return UnderTest(names=frozenset(), qualifiers=frozenset(own))
        names = {name.split(".")[0] for name in self.api_names | self.implementation_names}
        return UnderTest(names=frozenset(names) if names else None)


@dataclass(frozen=True)
class Outcome:
    """A gate's answer. `content` is the mended text of a `fixed` one; `line` counts from 1, 0 is none."""

    outcome: Literal["passed", "fixed", "rejected"]
    reason: str = ""
    line: int = 0
    content: str = ""


PASSED = Outcome("passed")

GateFunction = Callable[[GoFile, GateContext], Outcome]


def fixed(content: str, reason: str, line: int = 0) -> Outcome:
    """The draft was mended."""
    return Outcome("fixed", reason, line, content)


def rejected(reason: str, line: int = 0) -> Outcome:
    """The draft is refused; `reason` says what to write instead."""
    return Outcome("rejected", reason, line)
