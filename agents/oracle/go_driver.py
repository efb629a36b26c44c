"""The Go side of an examination: a test file that calls the package with cases and prints outcomes. Pure.

The file is laid beside the implementation, in its package, and only in the sandbox. It decodes each case by
the types that Go itself knows (reflection), runs it with a time limit, and prints one line a case behind a
marker that generated code cannot know. After a case that does not end nothing more is run: the goroutine
cannot be stopped. The Go text is in `examine.go.txt`; the Python side is `py_driver.py`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.values import Json

EXAMINE_FILE = "guildbus_z_examine_test.go"
"""Its name puts it behind all other tests of ours, since a case that never ends stops the process."""
EXAMINE_TEST = "TestGuildbusExamine"
CASE_MS = 1000


@cache
def _template() -> str:
    return resources.files("guildbus.agents.oracle").joinpath("examine.go.txt").read_text(encoding="utf-8")


def write_examination(
    package: str, api: Api, implementation: Mapping[str, str], cases: Sequence[Json], marker: str
) -> str:
    """The test file. `implementation` is path -> source of the package's own files.

    Only callables that the implementation declares can be called; a case of another is left to fail.
    """
    declared = [found for source in implementation.values() for found in declarations(parse(source))]
    names = {found.name for found in declared}
    entries = []
    for callable_ in api.callables:
        object_method = callable_.receiver and api.types[callable_.receiver].kind == "object"
        if callable_.full_name in names and not object_method:
            arguments = f"[{', '.join(callable_.type_arguments)}]" if callable_.type_arguments else ""
            entries.append(f"{json.dumps(callable_.full_name)}: {callable_.full_name}{arguments},")
    sentinels = [
        f"{json.dumps(found.name)}: {found.name},"
        for found in declared
        if found.kind == "var" and found.name.startswith("Err")
    ]
    text = "\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    return _template() % {
        "package": package,
        "callables": " ".join(entries),
        "sentinels": " ".join(sentinels),
        "marker": marker,
        "case_ms": CASE_MS,
        "cases": go_string(text),
    }


def read_examination(marker: str, events: str) -> dict[int, Json]:
    """Case number -> outcome, from `go test -json` events. Lines that are no outcome are passed over."""
    return read_printed(marker, _printed(events))


def read_printed(marker: str, text: str) -> dict[int, Json]:
    """The same from what the test binary itself printed."""
    found: dict[int, Json] = {}
    for line in text.split("\n"):
        if not line.startswith(f"{marker} "):
            continue
        _, number, text = line.split(" ", 2)
        try:
            found.setdefault(int(number), json.loads(text))
        except ValueError:
            continue
    return found


def _printed(events: str) -> str:
    """What the examination printed: Go cuts long lines into several events."""
    pieces: list[str] = []
    for line in events.splitlines():
        if f'"Test":"{EXAMINE_TEST}"' in line and '"Action":"output"' in line:
            try:
                pieces.append(str(json.loads(line).get("Output", "")))
            except ValueError:
                continue
    return "".join(pieces)


def go_string(text: str) -> str:
    """A Go string literal. JSON's escapes are Go's too, but for surrogate pairs: those are never written."""
    return json.dumps(text, ensure_ascii=False).replace("\\/", "/")
