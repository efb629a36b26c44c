"""A fresh process: handles the histories that come on standard input, and says what came of them.

{"path", "turned", "jobs": [{"module", "file", "class", "histories", "patience_s"}]}
-> [{history name: [outcome, ...]}]
"""

import contextlib
import functools
import importlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    """Read, handle, write."""
    said = json.load(sys.stdin)
    sys.path[:] = said["path"]
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory(prefix="guildbus-") as folder:
        found = [
            _answers(job, Path(folder) / str(number), turned=said["turned"])
            for number, job in enumerate(said["jobs"])
        ]
    json.dump(found, sys.stdout)


def _answers(job: dict[str, Any], folder: Path, *, turned: bool) -> dict[str, Any]:
    from guildbus.launch.conformance.bench import Bench
    from guildbus.launch.conformance.histories import History, from_json
    from guildbus.launch.conformance.outcomes import to_json
    from guildbus.launch.conformance.stage import run_to_the_end
    from guildbus.launch.conformance.subject import Subject, Tolerances, registry_of

    found = _at(**job["class"])
    registry = registry_of(found)
    histories = {
        name: from_json(turned_round(stated) if turned else stated, registry, name)
        for name, stated in job["histories"].items()
    }
    subject = Subject(
        found,
        tuple(History(name, messages) for name, messages in histories.items()),
        tolerances=Tolerances(patience_s=job["patience_s"]),
        replies=_at(**job["replies"]),
    )
    bench = Bench(subject, folder, fresh=list)

    async def handled() -> dict[str, Any]:
        outcomes: dict[str, Any] = {}
        for story in bench.stories:
            async with bench.stage() as stage:
                answers = [await stage.handle(story, place) for place in story.handled]
            outcomes[story.name] = [to_json(answer) for answer in answers]
        return outcomes

    return run_to_the_end(handled())


def _at(module: str, file: str | None, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), module_at(module, file))


def module_at(name: str, file: str | None) -> ModuleType:
    """The module of this name, if that is the one of this file; else the file itself, under the name."""
    with contextlib.suppress(ImportError):
        found = importlib.import_module(name)
        if file is None or getattr(found, "__file__", None) == file:
            return found
    spec = importlib.util.spec_from_file_location(name, file) if file else None
    if spec is None or spec.loader is None:
        raise ImportError(f"no module {name!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def turned_round(value: Any) -> Any:
    """The same value, the keys of all its maps in reverse order."""
    if isinstance(value, dict):
        return {key: turned_round(inner) for key, inner in reversed(value.items())}
    return [turned_round(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
