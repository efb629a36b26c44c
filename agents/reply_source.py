"""The Go file in a model's reply, whatever stands around it. Pure. Whether it is Go, the gates judge."""

from collections.abc import Iterator

from guildbus.agents.planning import is_test
from guildbus.protocols.messages.build import FileTask


def extract_source(reply: str, task: FileTask) -> str:
    """The Go file in a model's reply: its best fenced block, or what looks like Go without fences.

    A fence that the token limit cut off runs to the end. Returns '' if there is no text at all; judging
    whether the text is Go is the gates' work.
    """
    blocks = list(_blocks(reply))
    source = max(blocks, key=lambda block: _likeness(block, task)) if blocks else _unfenced(reply)
    return f"{source.strip()}\n" if source.strip() else ""


def _blocks(reply: str) -> Iterator[str]:
    """The fenced blocks, each without its fences; the last may have no closing one."""
    fence = ""
    lines: list[str] = []
    for line in reply.splitlines():
        mark = line.strip()[:3]
        if mark not in ("```", "~~~") or (fence and mark != fence):
            if fence:
                lines.append(line)
            continue
        opens = not fence or bool(line.strip().strip("`~"))
        if fence and any(map(str.strip, lines)):
            yield "\n".join(lines)
        fence, lines = (mark if opens else ""), []
    if fence and any(map(str.strip, lines)):
        yield "\n".join(lines)


def _likeness(block: str, task: FileTask) -> tuple[bool, bool, bool, int]:
    """How much a block looks like the file: its package clause, tests or none, then length."""
    lines = block.splitlines()
    clauses = [line.split()[1:2] for line in lines if line.startswith("package ")]
    has_tests = any(line.startswith("func Test") for line in lines)
    has_code = any(line.startswith(("func ", "type ", "var ", "const ")) for line in lines)
    own = bool(clauses) and clauses[0] in ([task.package], [f"{task.package}_test"])
    return has_code and has_tests == is_test(task.path), own, bool(clauses), len(block)


_TOP_LEVEL = ("package ", "import ", "func ", "type ", "var ", "const ", "//", "/*", "*/", "}", ")", "{", "(")


def _unfenced(reply: str) -> str:
    """The part of an unfenced reply from its package clause (or first declaration) to its last code line."""
    lines = reply.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("package ")), None)
    if start is None:
        heads = ("import ", "func ", "type ", "var ", "const ")
        start = next((n for n, line in enumerate(lines) if line.startswith(heads)), None)
    if start is None:
        return ""
    while start and lines[start - 1].startswith("//"):
        start -= 1
    end = len(lines)
    while end > start and not lines[end - 1].startswith((*_TOP_LEVEL, " ", "\t")):
        end -= 1
    return "\n".join(lines[start:end])
