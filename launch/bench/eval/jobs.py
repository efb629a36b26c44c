"""One build to run, and what judges it afterwards. Data only; next: `runner.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["specs", "problems"]


@dataclass(frozen=True)
class Hidden:
    """What judges a result from outside: files by path, for a copy of the result's implementation.

    `tests` are laid beside the implementation; `given` too, as what the task allowed it to rely on; `go_mod`
    replaces the result's own if it is not empty. `emptied` takes the implementation's place to ask whether
    the result's own tests notice: all of `named` must fail on it.
    """

    tests: Mapping[str, str]
    given: Mapping[str, str] = field(default_factory=dict)
    go_mod: str = ""
    emptied: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Task:
    """A spec to build and its judge, None if nothing judges it. `group` is what a summary is made for."""

    kind: Kind
    group: str
    name: str
    spec: Path | str
    hidden: Hidden | None

    def spec_file(self, folder: Path) -> Path:
        """The spec as a file: the one that ships, or its text written into `folder`."""
        if isinstance(self.spec, Path):
            return self.spec.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "spec.yaml"
        path.write_text(self.spec, encoding="utf-8")
        return path
