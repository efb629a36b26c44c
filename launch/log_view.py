"""The logs of a state folder as a person reads them: the lines of all processes in one order, and what comes.

A line of ours is a JSON object (`guildbus.bus.late_log`); what else a process has printed is shown as it is,
with the time of the line before it. `guildbus logs` prints this; `process.log_tail` the end of one file.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

TAIL_BYTES: Final = 1 << 20
POLL_S: Final = 0.25
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_HEAD: Final = ("time", "level", "agent", "run", "message", "event", "part", "exception", "ready")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log file of process `source`. `fields` is empty for what is no line of ours."""

    source: str
    time: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """`info` for what does not say."""
        return str(self.fields.get("level") or "info")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines are wanted: all that is said must hold. `run` and `message` may be parts of the id."""

    run: str = ""
    message: str = ""
    level: str = ""

    def takes(self, entry: Entry) -> bool:
        """Whether a line is among them. What is no line of ours has no ids."""
        least = LEVELS.index(self.level) if self.level else 0
        level = LEVELS.index(entry.level) if entry.level in LEVELS else len(LEVELS)
        return (
            self.run in str(entry.fields.get("run") or "")
            and self.message in str(entry.fields.get("message") or "")
            and level >= least
        )


def entry_of(source: str, text: str, before: str = "") -> Entry:
    """One line read. `before` is the time of the line before it."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not isinstance(fields.get("time"), str):
        return Entry(source, before, text)
    return Entry(source, fields["time"], text, fields)


def shown(entry: Entry) -> str:
    """A line for a person: when, whose, what happened, what belongs to it; a traceback below it."""
    if not entry.fields:
        return f"{entry.time[11:23]:12}  {entry.source:13} {entry.text}"
    fields = entry.fields
    rest = " ".join(f"{name}={_short(value)}" for name, value in fields.items() if name not in _HEAD)
    about = " ".join(
        f"{name}={fields[name]}" for name in ("run", "message") if isinstance(fields.get(name), str)
    )
    mark = "" if entry.level == "info" else f"{entry.level.upper()} "
    said = "  ".join(part for part in (f"{mark}{fields.get('event')}", rest, about) if part)
    line = f"{entry.time[11:23]}  {entry.source:13} {said}"
    trace = str(fields.get("exception") or "")
    return line + "".join(f"\n    {one}" for one in trace.splitlines())


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return json.dumps(text, ensure_ascii=False) if any(one in text for one in ' "\n=') else text


def log_files(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """The log files of these processes; of all if none is named. A role names its replicas too."""
    found = sorted(folder.glob("*.log"))
    if not names:
        return found
    return [path for path in found if path.stem in names or _role_of(path.stem) in names]


def _role_of(stem: str) -> str:
    role, _, number = stem.rpartition("-")
    return role if number.isdecimal() else stem


def ends_of(files: Sequence[Path]) -> dict[Path, int]:
    """How long each file is now, in bytes: what `recent` reads up to, and `follow` from."""
    return {path: _size(path) for path in files}


def recent(ends: Mapping[Path, int], count: int, asked: Asked) -> list[Entry]:
    """The newest `count` lines of these files and of what was moved from them, oldest first."""
    entries: list[Entry] = []
    for path, end in ends.items():
        moved = path.with_name(f"{path.name}.1")
        entries += _read(path.stem, _tail(moved, _size(moved)) + _tail(path, end))
    kept = [one for one in sorted(entries, key=lambda one: one.time) if asked.takes(one)]
    return kept[-count:] if count else kept


def _tail(path: Path, end: int) -> str:
    start = max(0, end - TAIL_BYTES)
    try:
        with path.open("rb") as log:
            log.seek(start)
            return log.read(end - start).decode(errors="replace")
    except OSError:
        return ""


def _read(source: str, text: str) -> Iterator[Entry]:
    before = ""
    for line in text.splitlines():
        if line.strip():
            entry = entry_of(source, line, before)
            before = entry.time
            yield entry


def follow(
    files: Callable[[], Sequence[Path]],
    ends: Mapping[Path, int],
    asked: Asked,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Entry]:
    """Each line behind `ends`, without end. A file that is new or was cut short is read from its start."""
    places = dict(ends)
    while True:
        fresh: list[Entry] = []
        for path in files():
            place, size = places.get(path, 0), _size(path)
            place = place if size >= place else 0
            text, places[path] = _whole_lines(path, place)
            fresh += [one for one in _read(path.stem, text) if asked.takes(one)]
        yield from sorted(fresh, key=lambda one: one.time)
        if not fresh:
            sleep(POLL_S)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _whole_lines(path: Path, place: int) -> tuple[str, int]:
    """What stands in a file behind `place`, up to the last line that is whole, and where that ends."""
    try:
        with path.open("rb") as log:
            log.seek(place)
            data = log.read(TAIL_BYTES)
    except OSError:
        return "", place
    end = data.rfind(b"\n") + 1
    if not end and len(data) == TAIL_BYTES:
        end = len(data)
    return data[:end].decode(errors="replace"), place + end
