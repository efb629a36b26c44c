"""Read a spec from a YAML file, and name the line of every mistake in it.

The file is composed to YAML nodes, which know their lines, and never constructed: no tag runs
anything. All mistakes are collected and reported together, the first one first; each is a
sentence with the line that it is about. What a path or a module may be is said in
`protocols/spec_rules.py`; what is wrong with the spec as a whole is found by `spec_meaning.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.spec_meaning import faults
from guildbus.protocols import spec_rules
from guildbus.protocols.errors import SpecError
from guildbus.protocols.spec import Spec

MAX_SIZE_BYTES = 256 * 1024
MAX_FILES = 1000
MAX_ENTRIES = 500

_KEYS = tuple(Spec.model_fields)
_REQUIRED = ("name", "language", "go_module", "files")
_FILE_KEYS = ("path", "purpose")
_STRING = "tag:yaml.org,2002:str"
_KINDS = {
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:timestamp": "a date",
}


def load_spec(path: Path) -> Spec:
    """The spec in a file. SpecError with `where` as `file:line` (the file alone if it can't be read)."""
    return parse_spec(_read(path), str(path))


def parse_spec(text: str, where: str) -> Spec:
    """The spec in YAML text; `where` is the file's name in errors."""
    reading = _Reading(where)
    root = _compose(text, where)
    if not isinstance(root, MappingNode):
        found = "is empty" if root is None else f"is {_kind(root)}"
        raise _error(
            where, [_Mistake(1, f"the spec {found}: it must be a mapping of {', '.join(_REQUIRED)}")]
        )
    values = reading.spec(root)
    reading.stop_if_wrong()
    spec = Spec.model_validate(values)
    reading.meaning(spec)
    reading.stop_if_wrong()
    return spec


@dataclass(frozen=True)
class _Mistake:
    line: int
    what: str


@dataclass
class _Reading:
    """One pass over the nodes: values out, mistakes and the lines of things kept."""

    where: str
    mistakes: list[_Mistake] = field(default_factory=list)
    lines: dict[tuple[str, int], int] = field(default_factory=dict)

    def stop_if_wrong(self) -> None:
        if self.mistakes:
            raise _error(self.where, self.mistakes)

    def wrong(self, at: Node | int, what: str) -> None:
        self.mistakes.append(_Mistake(at if isinstance(at, int) else _line(at), what))

    def spec(self, root: MappingNode) -> dict[str, object]:
        """The whole mapping as plain values."""
        pairs = self.pairs(root, _KEYS, _REQUIRED, "the spec")
        values: dict[str, object] = {}
        rules: dict[str, Callable[[str], str]] = {
            "name": spec_rules.name,
            "language": spec_rules.language,
            "go_module": spec_rules.module,
            "description": spec_rules.prose,
        }
        for key, node in pairs.items():
            if key == "files":
                values[key] = self.files(node)
            elif key in {"api", "examples", "properties", "allow_imports"}:
                values[key] = self.entries(key, node)
            else:
                values[key] = self.text(key, node, rules.get(key), may_be_empty=key == "description")
        return values

    def pairs(
        self, node: MappingNode, known: Sequence[str], required: Sequence[str], what: str
    ) -> dict[str, Node]:
        """The mapping's known keys; unknown, doubled and missing ones are mistakes."""
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else ""
            if key in found:
                self.wrong(key_node, f"the key {key!r} is there twice in {what}")
            elif key in known:
                found[key] = value
            else:
                self.wrong(key_node, f"{what} has the unknown key {key!r}{did_you_mean(key, known)}")
        for key in required:
            if key not in found:
                self.wrong(node, f"{what} has no {key!r}")
        return found

    def text(
        self, key: str, node: Node, rule: Callable[[str], str] | None = None, *, may_be_empty: bool = False
    ) -> str:
        """A text value that holds to its rule."""
        if not isinstance(node, ScalarNode) or node.tag != _STRING:
            hint = "" if isinstance(node, ScalarNode) and not node.value else ": put it in quotes"
            self.wrong(node, f"{key!r} must be text and is {_kind(node)}{hint}")
            return ""
        if not node.value.strip():
            if not may_be_empty:
                self.wrong(node, f"{key!r} is empty")
            return ""
        if rule is not None:
            try:
                rule(node.value)
            except ValueError as error:
                self.wrong(node, str(error))
        return str(node.value)

    def items(self, key: str, node: Node, limit: int) -> list[Node]:
        """The items of a list that is not too long."""
        if not isinstance(node, SequenceNode):
            self.wrong(node, f"{key!r} must be a list and is {_kind(node)}")
            return []
        if len(node.value) > limit:
            self.wrong(node, f"{key!r} has {len(node.value)} entries: {limit} at most")
        return list(node.value[:limit])

    def entries(self, key: str, node: Node) -> list[str]:
        """A list of texts."""
        items = self.items(key, node, MAX_ENTRIES)
        rule = spec_rules.std_import if key == "allow_imports" else None
        for number, item in enumerate(items):
            self.lines[key, number] = _line(item)
        return [self.text(f"{key} entry", item, rule) for item in items]

    def files(self, node: Node) -> list[dict[str, str]]:
        """The files, with their paths checked against each other."""
        items = self.items("files", node, MAX_FILES)
        if isinstance(node, SequenceNode) and not items:
            self.wrong(node, "'files' is empty: the spec asks for nothing")
        taken: dict[str, int] = {}
        files = []
        for number, item in enumerate(items):
            if not isinstance(item, MappingNode):
                self.wrong(item, f"an entry of 'files' must have 'path' and 'purpose' and is {_kind(item)}")
                continue
            pairs = self.pairs(item, _FILE_KEYS, _FILE_KEYS, "an entry of 'files'")
            file = {key: self.text(key, value, _FILE_RULES.get(key)) for key, value in pairs.items()}
            path = file.get("path", "")
            self.lines["files", number] = _line(pairs.get("path", item))
            if path and path.casefold() in taken:
                self.wrong(pairs["path"], f"the path {path!r} is also on line {taken[path.casefold()]}")
            elif path:
                taken[path.casefold()] = _line(pairs["path"])
            files.append(file)
        return files

    def meaning(self, spec: Spec) -> None:
        """What only the whole spec shows, each at its line."""
        for fault in faults(spec):
            self.wrong(self.lines[fault.key, fault.number], fault.what)


_FILE_RULES: dict[str, Callable[[str], str]] = {"path": spec_rules.path, "purpose": spec_rules.prose}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE_BYTES + 1)
    except FileNotFoundError as error:
        raise SpecError("there is no such file", where=str(path)) from error
    except OSError as error:
        raise SpecError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    if len(raw) > MAX_SIZE_BYTES:
        raise SpecError(f"the file is larger than {MAX_SIZE_BYTES // 1024} KiB: not a spec", where=str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(str(path), [_Mistake(line, "the file is not UTF-8 text")]) from error


def _compose(text: str, where: str) -> Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"the YAML is broken: {error.problem or error.context}"
        if "single document" in str(error.context):
            what = "the file holds more than one YAML document"
        raise _error(where, [_Mistake(mark.line + 1 if mark else 1, what)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise _error(where, [_Mistake(line, what)]) from error
    except RecursionError as error:
        raise _error(where, [_Mistake(1, "the YAML is nested too deeply: not a spec")]) from error


def _line(node: Node) -> int:
    """The line of a node, from 1."""
    return int(node.start_mark.line) + 1


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return _KINDS.get(node.tag, "text" if node.tag == _STRING else f"of the YAML type {node.tag!r}")


def _error(where: str, mistakes: Sequence[_Mistake]) -> SpecError:
    """One error for all mistakes: the first as `what` and `where`, the others on lines of their own."""
    first, *others = sorted(mistakes, key=lambda mistake: mistake.line)
    more = "".join(f"\n{where}:{mistake.line}: {mistake.what}" for mistake in others)
    return SpecError(f"{first.what}{more}", where=f"{where}:{first.line}")
