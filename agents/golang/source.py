"""A Go file for whoever edits it function by function: read and changed on the syntax tree. Pure.

This is what the SDK offers of `agents/golang`: enough to look at one function at a time, put another in its
place, and give it a doc comment. gofmt and the gates have the last word. Read `splice.py` next.
"""

from dataclasses import dataclass
from functools import cached_property

from guildbus.agents.golang.imports import add_imports
from guildbus.agents.golang.splice import with_function
from guildbus.agents.golang.syntax import (
    Declaration,
    Edit,
    GoFile,
    apply_edits,
    declarations,
    package_name,
    parse,
    syntax_fault,
    text_of,
    whole_lines,
)


@dataclass(frozen=True, slots=True)
class GoFunction:
    """One function or method. `name` is `GCD` or `Stack.Push`; `signature` ends before the body.

    `doc` is its comment without the slashes, `text` the code without the comment.
    """

    name: str
    signature: str
    doc: str
    text: str

    @property
    def exported(self) -> bool:
        """Whether other packages see it: all parts of its name begin with a capital."""
        return all(part[:1].isupper() for part in self.name.split("."))


@dataclass(frozen=True)
class GoSource:
    """The text of one Go file. Every change gives a new one."""

    text: str

    @property
    def fault(self) -> str:
        """Why this is no Go file, as `line:column: message`; '' if it is one."""
        found = syntax_fault(self._file)
        return "" if found is None else f"{found.line}:{found.column}: {found.message}"

    @property
    def package(self) -> str:
        """The package's name, '' if none is stated."""
        return package_name(self._file)

    @property
    def names(self) -> tuple[str, ...]:
        """Every declared top-level name, in order."""
        return tuple(found.name for found in declarations(self._file))

    @property
    def functions(self) -> tuple[GoFunction, ...]:
        """Functions and methods, in order."""
        return tuple(
            _function(self._file, found)
            for found in declarations(self._file)
            if found.kind in ("func", "method")
        )

    def with_function(self, name: str, code: str) -> "GoSource":
        """With `name` as `code` has it (a whole file, or declarations), and the helpers that come with it.

        Raises KeyError if `code` does not declare it, or is no Go.
        """
        text = with_function(self.text, name, code)
        if not text:
            raise KeyError(name)
        return GoSource(text)

    def with_doc(self, name: str, doc: str) -> "GoSource":
        """With this comment (lines without slashes) over a top-level name. KeyError if there is none."""
        outer = next((found.outer for found in declarations(self._file) if found.name == name), None)
        if outer is None:
            raise KeyError(name)
        start = whole_lines(self._file, outer).start
        lines = "".join(f"// {line}".rstrip() + "\n" for line in doc.strip().splitlines())
        return GoSource(apply_edits(self._file, [Edit(start, outer.start_byte, lines)]))

    def with_imports(self, *paths: str) -> "GoSource":
        """With these packages imported, each once."""
        return GoSource(add_imports(self._file, set(paths)))

    def with_declarations(self, code: str) -> "GoSource":
        """With declarations at the end; their imports are not looked at."""
        return GoSource(f"{self.text.rstrip()}\n\n{code.strip()}\n")

    @cached_property
    def _file(self) -> GoFile:
        return parse(self.text)


def code_in(reply: str) -> str:
    """The longest fenced block of a model's reply, or all of it where there is none."""
    blocks, lines, inside = [], list[str](), False
    for line in reply.splitlines():
        if line.strip().startswith("```"):
            if inside:
                blocks.append("\n".join(lines))
            inside, lines = not inside, []
        elif inside:
            lines.append(line)
    if inside:
        blocks.append("\n".join(lines))
    return f"{max(blocks, key=len, default=reply).strip()}\n"


def _function(file: GoFile, found: Declaration) -> GoFunction:
    node = found.node
    body = node.child_by_field_name("body")
    end = node.end_byte if body is None else body.start_byte
    comment = file.data[whole_lines(file, node).start : node.start_byte].decode()
    return GoFunction(
        name=found.name,
        signature=file.data[node.start_byte : end].decode().strip(),
        doc="\n".join(line.strip().removeprefix("//").strip() for line in comment.strip().splitlines()),
        text=text_of(node),
    )
