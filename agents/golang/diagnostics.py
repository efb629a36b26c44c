"""What the Go toolchain printed, as data: complaints with their places. Pure.

`go build` and `go vet` print `file:line:column: message`, relative to the module; the few other
shapes that they use (two packages in a folder, an import cycle, a broken go.mod) are known by name,
and any other line is kept as it is. Test output is read by `testevents.py`: read that next.
"""

import re
from collections.abc import Iterable

from guildbus.protocols.messages.verification import Diagnostic, Tool

_PLACED = re.compile(
    r"^(?:vet: )?(?P<file>[^\s:][^:]*\.(?:go|mod)):(?P<line>\d+):(?:(?P<column>\d+):)?\s*(?P<message>.*)$"
)
_TWO_PACKAGES = re.compile(r"^found packages \S+ \(\S+\) and \S+ \((?P<file>[^)]+)\) in (?P<folder>\S+)$")
_NOISE = re.compile(r"^(#\s|too many errors$|\s*$|go: finding |exit status \d+$)")
_MATCHED_NOTHING = "matched no packages"


def parse_tool_output(tool: Tool, text: str, root: str) -> tuple[Diagnostic, ...]:
    """The complaints in the text of `go build` or `go vet`, in order, without repetitions.

    `root` is the module's folder as the tool saw it; files come out relative to it. A line that
    starts with a tab continues the message before it. A text that is no complaint gives ().
    """
    found: list[Diagnostic] = []
    for line in text.splitlines():
        if _NOISE.match(line):
            continue
        if line.startswith("\t") and found:
            last = found[-1]
            found[-1] = last.model_copy(
                update={"message": f"{last.message}\n{_relative(line.strip(), root)}"}
            )
        else:
            found.append(_diagnostic(tool, line, root))
    return unique(found)


def unique(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each place and message once; the first tool that said it keeps it."""
    seen: dict[tuple[str, int, int, str], Diagnostic] = {}
    for item in diagnostics:
        seen.setdefault((item.file, item.line, item.column, item.message), item)
    return tuple(seen.values())


def matched_nothing(text: str) -> bool:
    """`go build ./...` found no package at all, which it does not call an error."""
    return _MATCHED_NOTHING in text


def _diagnostic(tool: Tool, line: str, root: str) -> Diagnostic:
    if match := _PLACED.match(line.removeprefix("go: ")):
        return Diagnostic(
            tool=tool,
            file=_relative(match["file"], root),
            line=int(match["line"]),
            column=int(match["column"] or 0),
            message=match["message"],
        )
    if match := _TWO_PACKAGES.match(line):
        folder = _relative(match["folder"], root)
        file = match["file"] if folder in ("", ".") else f"{folder}/{match['file']}"
        return Diagnostic(tool=tool, file=file, line=1, message=_relative(line, root))
    return Diagnostic(tool=tool, file="", message=_relative(line, root))


def _relative(text: str, root: str) -> str:
    """Paths as the tree has them: `./a.go` and `/src/tree/a.go` are `a.go`."""
    return text.replace(f"{root}/", "").replace(root, ".").removeprefix("./")
