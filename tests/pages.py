"""A page of docs/, followed to the letter: its files are saved and its commands run, in one shell.

The conventions that such a page keeps:

- A fenced block of the language `console` is what a person types and sees. A line with `$ ` in front is a
  command of bash; what stands under it, up to the next, is all that it prints. A command with nothing under
  it may print anything.
- `...` on a line of its own stands for any number of lines, none too. Empty lines and the width of gaps do
  not count.
- A command ends with exit code 0, unless the page says otherwise behind it: `# exit code 2`.
- What is another from run to run is compared by its form alone: `VARIES` below is the list.
- Any other fenced block is a file. The paragraph before it says where it goes, from where the shell is at
  that moment: "Save it as `PATH`", or "Add to `PATH`" for lines at its end. A block of which nothing is
  said is a mistake.

`steps` and `difference` are pure. `follow` raises PageError, with the page's line, for the first step that
fails.
"""

import os
import re
import select
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VARIES = (
    (r"\d+\.\d+", "0.0"),  # seconds, and whatever else is measured
    (r"\b(numkit)-[a-z2-7]{8}\b", r"\1-run"),  # the names of runs
    (r"\bcli-\d+-[0-9a-f]{6}\b", "cli"),  # who asks from the command line
    (r"\b([a-z-]+)/\d+-[0-9a-f]{6}\b", r"\1/process"),  # one process of an agent
    (r"#\d+", "#0"),  # places in the journal
    (r"\bpid \d+", "pid 0"),
    (r"\b[0-9a-f]{12}\b", "hash"),
    (r"\bup \d+ s\b", "up 0 s"),
    (r"(?<!\S)[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}(?!\S)", "key"),  # Z85
)
SAVED = re.compile(r"\bsave (?:it |this |these )?as `([^`]+)`", re.IGNORECASE)
ADDED = re.compile(r"\badd (?:it |this |these |these lines )?to `([^`]+)`", re.IGNORECASE)
EXIT_CODE = re.compile(r"# exit code (\d+)$")
FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
ANYTHING = "..."
PROMPT = "$ "


class PageError(AssertionError):
    """A step of a page that cannot be followed, or does not do what the page shows."""


@dataclass(frozen=True)
class File:
    """Text to save at `path`, or to add at its end. `line` is that of the block in the page, from 1."""

    line: int
    path: str
    text: str
    added: bool = False


@dataclass(frozen=True)
class Command:
    """A command, the lines that the page shows under it (none: not compared), and how it ends."""

    line: int
    text: str
    shown: tuple[str, ...] = ()
    exit_code: int = 0


Step = File | Command


def steps(page: str) -> list[Step]:
    """What a reader does, in order. Raises PageError for a block that is neither shown in a console nor a
    file."""
    found: list[Step] = []
    for line, language, text, before in _blocks(page):
        if language == "console":
            found += _commands(line, text)
        elif saved := SAVED.findall(before):
            found.append(File(line, saved[-1], text))
        elif added := ADDED.findall(before):
            found.append(File(line, added[-1], text, added=True))
        else:
            raise PageError(f"line {line}: nothing says what becomes of this block of {language or 'text'}")
    return found


def difference(shown: Sequence[str], said: Sequence[str]) -> str:
    """Why what a command said is not what the page shows; '' if it is."""
    if not shown:
        return ""
    wanted, left = [_plain(line) for line in shown if line.strip()], [line for line in said if line.strip()]
    loose = False
    for part in _parts(wanted):
        if part is None:
            loose = True
        if not part:
            continue
        at = _place_of(part, left, anywhere=loose)
        if at is None:
            return _told("\n".join(part), said)
        left, loose = left[at + len(part) :], False
    if left and not loose:
        return _told("the end of the output there", said)
    return ""


class Shell:
    """One bash, so that a folder that was entered, or an environment that was activated, stays."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        self._bash.kill()
        with self._bash:
            self._bash.wait()

    def run(self, command: str, timeout_s: float = 120.0) -> tuple[int, list[str]]:
        """The exit code of a command, and the lines of both of its outputs. It reads nothing."""
        assert self._bash.stdin is not None
        mark = f"mark-{uuid.uuid4()}"
        line = f"eval {shlex.quote(command)} </dev/null; printf '\\n%s %d\\n' {mark} $?\n"
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()
        text = self._read_to(mark, command, timeout_s)
        said, _, code = text.rpartition(f"\n{mark} ")
        return int(code), said.splitlines()

    def where(self) -> Path:
        """The folder that the shell is in."""
        return Path(self.run("pwd -P")[1][0])

    def _read_to(self, mark: str, command: str, timeout_s: float) -> str:
        assert self._bash.stdout is not None
        descriptor, read, deadline = self._bash.stdout.fileno(), b"", time.monotonic() + timeout_s
        while not re.search(rb"\n" + mark.encode() + rb" \d+\n$", read):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise PageError(f"no end of `{command}` within {timeout_s:.0f} s: {read.decode()[-2000:]}")
            piece = os.read(descriptor, 65536)
            if not piece:
                raise PageError(f"`{command}` ended the shell: {read.decode()[-2000:]}")
            read += piece
        return read.decode(errors="replace")


def follow(page: Path, shell: Shell) -> list[Command]:
    """Do what a page says, from its beginning to its end. The commands that were run."""
    done: list[Command] = []
    for step in steps(page.read_text(encoding="utf-8")):
        place = f"{page.name}, line {step.line}"
        if isinstance(step, File):
            path = shell.where() / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if step.added else "w", encoding="utf-8") as file:
                file.write(step.text)
            continue
        code, said = shell.run(step.text)
        if code != step.exit_code:
            raise PageError(f"{place}: `{step.text}` ended with {code}\n" + "\n".join(said))
        if differs := difference(step.shown, said):
            raise PageError(f"{place}: `{step.text}`\n{differs}")
        done.append(step)
    return done


def _blocks(page: str) -> Iterator[tuple[int, str, str, str]]:
    """Each fenced block: its line, language and text, and the paragraph before it."""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        if opening is None:
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == opening[1]), None)
        if end is None:
            raise PageError(f"line {at + 1}: the block has no end")
        text = "".join(f"{line}\n" for line in lines[at + 1 : end])
        yield at + 1, opening[2], text, _paragraph_above(lines, at)
        at = end + 1


def _paragraph_above(lines: Sequence[str], at: int) -> str:
    end = at
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    start = end
    while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith("```"):
        start -= 1
    return " ".join(lines[start:end])


def _commands(line: int, text: str) -> list[Command]:
    found: list[Command] = []
    for number, row in enumerate(text.splitlines(), start=line + 1):
        if row.startswith(PROMPT):
            ends = EXIT_CODE.search(row)
            found.append(Command(number, row.removeprefix(PROMPT), exit_code=int(ends[1]) if ends else 0))
        elif not found:
            raise PageError(f"line {number}: output without a command before it")
        else:
            last = found.pop()
            found.append(Command(last.line, last.text, (*last.shown, row), last.exit_code))
    return found


def _plain(line: str) -> str:
    """A line without what varies."""
    text = " ".join(line.split())
    for pattern, stand_in in VARIES:
        text = re.sub(pattern, stand_in, text)
    return text


def _parts(wanted: Sequence[str]) -> Iterator[list[str] | None]:
    """Runs of lines that follow each other; None where anything may stand between them."""
    part: list[str] = []
    for line in wanted:
        if line == ANYTHING:
            yield part
            yield None
            part = []
        else:
            part.append(line)
    yield part


def _place_of(part: Sequence[str], left: Sequence[str], *, anywhere: bool) -> int | None:
    plain = [_plain(line) for line in left]
    places = range(len(plain) - len(part) + 1) if anywhere else range(1)
    return next((at for at in places if plain[at : at + len(part)] == list(part)), None)


def _told(missing: str, said: Sequence[str]) -> str:
    return f"the page shows:\n{missing}\nand it said:\n" + "\n".join(said)
