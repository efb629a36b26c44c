"""Judge a finished result from outside: on copies, in the sandbox, after the build has ended."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guildbus.launch.bench.eval.jobs import Hidden
from guildbus.launch.config import GuildConfig
from guildbus.launch.scoring import TEETH_SECONDS, score_folder


async def passes(config: GuildConfig, package: Path, hidden: Hidden, copy: Path) -> bool:
    """Whether the implementation passes the hidden tests, its own tests set aside."""
    sources = {name: text for name, text in _sources(package).items() if not name.endswith("_test.go")}
    if not any(name.endswith(".go") for name in sources):
        return False
    mod = {"go.mod": hidden.go_mod} if hidden.go_mod else {}
    found = await _score(config, {**sources, **mod, **hidden.given, **hidden.tests}, copy)
    return bool(found["score"]["build"] and found["score"]["test"])


async def notices(config: GuildConfig, package: Path, hidden: Hidden, copy: Path) -> bool:
    """Whether every named test of the result fails once its implementation is emptied."""
    own = {n: t for n, t in _sources(package).items() if n == "go.mod" or n.endswith("_test.go")}
    found = await _score(config, {**own, **hidden.emptied}, copy)
    failing = {failure["test"].partition("/")[0] for failure in found["failures"]}
    return bool(found["score"]["build"]) and hidden.named <= failing


async def teeth(config: GuildConfig, package: Path) -> dict[str, Any] | None:
    """The mutation score of the result's own suite; None if that is not 3/3 by itself."""
    found = await score_folder(config, package, teeth_seconds=TEETH_SECONDS)
    measured: dict[str, Any] | None = found["teeth"]
    return measured


async def _score(config: GuildConfig, files: Mapping[str, str], copy: Path) -> dict[str, Any]:
    """Score these files as a module of their own; the copy is gone afterwards, whatever happens."""
    try:
        for name, text in files.items():
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return await score_folder(config, copy)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _sources(package: Path) -> dict[str, str]:
    """The module file and the Go files of a result, {} if it has none."""
    return {
        str(path.relative_to(package)): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*"))
        if path.is_file() and (path.suffix == ".go" or path.name == "go.mod")
    }
