"""What `guildbus replay RUN` reports: an object for scripts, lines for people. Pure."""

import difflib
from collections.abc import Iterator
from typing import Any

from guildbus.launch.replay.comparing import incidental_fields
from guildbus.launch.replay.rehearsal import Difference, Rehearsal
from guildbus.protocols.registry import Registry

SHOWN_CHARS = 200
SHOWN_LINES = 12


def as_json(found: Rehearsal, registry: Registry) -> dict[str, Any]:
    """`{run_id, identical, messages, inputs, handled, completions, wall_s, files, difference, left_out}`."""
    files = found.finished.files if found.finished is not None else ()
    return {
        "run_id": found.run,
        "identical": found.difference is None,
        "messages": found.messages,
        "inputs": found.inputs,
        "handled": found.handled,
        "completions": found.calls,
        "wall_s": round(found.wall_s, 3),
        "files": [{"path": file.path, "sha256": file.sha256} for file in files],
        "difference": None if found.difference is None else _difference(found.difference),
        "left_out": incidental_fields(registry.bodies.values()),
    }


def _difference(found: Difference) -> dict[str, Any]:
    envelope = found.line.envelope
    return {
        "message": envelope.id,
        "seq": found.line.seq,
        "type": found.position[0],
        "file": found.position[1],
        "round": found.position[2],
        "cause": found.cause.envelope.id,
        "cause_type": found.cause.envelope.type,
        "field": found.field,
        "want": _plain(found.want),
        "got": _plain(found.got),
    }


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def as_text(found: Rehearsal) -> Iterator[str]:
    """The verdict, then the files or the difference."""
    if found.difference is not None:
        yield from _told(found.difference)
        return
    yield (
        f"identical: {found.messages} messages, {found.calls} completions from the store, no model asked, "
        f"{found.wall_s:.1f} s"
    )
    if found.finished is None:
        yield "the run has not ended: what there is of it was replayed"
        return
    for file in found.finished.files:
        yield f"  {file.path}  {file.sha256[:12]}  byte-identical"


def _told(found: Difference) -> Iterator[str]:
    kind, file, round_number, _ = found.position
    about = f" of {file}, round {round_number}" if file else ""
    yield f"different: {kind}{about}"
    yield f"  message  {found.line.envelope.id} (seq {found.line.seq})"
    yield f"  cause    {found.cause.envelope.type} {found.cause.envelope.id}"
    yield f"  field    {found.field}"
    want, got = _plain(found.want), _plain(found.got)
    if isinstance(want, str) and isinstance(got, str) and "\n" in want + got:
        changed = [
            line.rstrip("\n")
            for line in difflib.unified_diff(
                want.splitlines(keepends=True), got.splitlines(keepends=True), "want (recorded)", "got", n=1
            )
        ]
        yield from (f"    {line}" for line in changed[:SHOWN_LINES])
        if len(changed) > SHOWN_LINES:
            yield f"    ... {len(changed) - SHOWN_LINES} lines more"
        return
    yield f"  want     {_short(want)}"
    yield f"  got      {_short(got)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}... ({len(text)} characters)"
