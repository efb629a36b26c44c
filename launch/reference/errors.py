"""The page of codes: those of classes with their exit code, and those that only say why something ended."""

from collections.abc import Mapping
from typing import Final

from guildbus.launch.cli.console import INFRASTRUCTURE, USAGE
from guildbus.launch.reference.markdown import anchor, code, first_sentence, prose, table
from guildbus.launch.reference.sources import CodedClass, coded_classes
from guildbus.protocols.errors import UsageError
from guildbus.protocols.reasons import REASONS

HEAD: Final = """# Errors

A code is `area.problem`, and stays. It is in error messages with `--json`, in ERROR frames, in the status
of a build, in dead letters and in the trace. What to do about each is in
[troubleshooting.md](../troubleshooting.md), where each link leads. The `code` is a field of the class;
`what`, `where` and `remedy` are the others ([protocols/errors.py](../../protocols/errors.py)).
"""
REASONS_HEAD: Final = """## Reasons

Codes without a class, from [protocols/reasons.py](../../protocols/reasons.py): why an attempt failed or a
message died (`agent`, `bus`), and why a connection was refused or ended (`connection`, in `guildbus
status`)."""


def errors_page() -> str:
    """The whole page, but for its first line."""
    classes = coded_classes()
    bases = {one.name: one.bases for one in classes}
    raised = [
        [
            _linked(one.code),
            f"[{one.name}](../../{one.path})",
            str(_exit_code(one, bases)),
            first_sentence(one.docstring),
        ]
        for one in classes
    ]
    reasons = [[_linked(name), prose(text)] for name, text in sorted(REASONS.items())]
    exits = "## Classes\n\nThe exit code is that of a command which such an error ends."
    parts = [
        HEAD.strip(),
        exits,
        table(["code", "class", "exit code", "meaning"], raised),
        REASONS_HEAD,
        table(["code", "meaning"], reasons),
    ]
    return "\n\n".join(parts) + "\n"


def _linked(name: str) -> str:
    return f"[{code(name)}](../troubleshooting.md{anchor(name)})"


def _exit_code(one: CodedClass, bases: Mapping[str, tuple[str, ...]]) -> int:
    """As `console.exit_code` has it: 2 for what was asked, 3 for what the work stands on."""
    line, seen = [one.name], set[str]()
    while line:
        name = line.pop()
        if name == UsageError.__name__:
            return USAGE
        if name not in seen:
            seen.add(name)
            line += bases.get(name, ())
    return INFRASTRUCTURE
